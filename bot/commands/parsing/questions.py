"""Read a plain question as a command, by the rows of `question_patterns`: `is it still learning?` is `status`. Pure."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.commands.parsing.question_patterns import CANNOT, PATTERNS, SHORT_WORDS, SPOKEN, JobRequirement
from bot.commands.parsing.tokenizer import Word, normalize_dashes, quote
from bot.commands.subcommands.job_states import STATE_WORDS
from bot.domain.times import Ago, parse_long_duration, read_typed_time

_EXPANDED = {
    "whats": "what is", "what's": "what is", "wats": "what is", "hows": "how is", "how's": "how is", "whos": "who is",
    "who's": "who is",
    "wheres": "where is", "where's": "where is", "its": "it", "it's": "it is", "im": "i", "i'm": "i",
    "isnt": "is not", "isn't": "is not", "didnt": "did not", "didn't": "did not", "dont": "not", "don't": "not",
    "doesnt": "does not", "doesn't": "does not", "wont": "not", "wy": "why", "y": "why", "wat": "what", "wut": "what",
    "wtf": "what", "hw": "how", "r": "are", "u": "you", "wen": "when", "thats": "that is", "that's": "that is",
    "ded": "dead", "yall": "you", "gonna": "will", "wanna": "want", "gpus": "gpu",
}  # fmt: skip
"""What is typed for what is meant."""
_DROPPED_TEXT = "please pls plz thanks thx ty kindly hey hi hello yo so bro dude man lol"
_DROPPED = frozenset(_DROPPED_TEXT.split())
"""Words that say nothing."""
_WORDS_TEXT = """
a about active after again alert alerting alerts alive all alone already alright am an and any anyone anything are
around as ask at autopsy back be because been before begin bother bring broke broken but by call came can can't cancel
cannot cause channel check checkpoint checkpoints come command commands complete completed converging could cpu cpus
crash crashed crashing current currently day dead deadlock delete diagnose diagnosis did die died disable disk diverge
diverging do does doing done down due during each else end ended enough epoch error errors eta even ever every
everything explain explode exploded eye fail failed failing far fast fatal few fine finish finished follow following
for found from frozen full get getting give go goes going gone good got gpu gpus great grep had hang hanging happen
happened happening has have healthy hear hello help here hey hi high hour hours how hows hung i idle if in increasing
into is issue issues it job jobs just keep kill killed kindly know last latency later launch learn learned learning
least leave left let like line lines list live local log logged logs long longer look looking loss low made make many
matter me mean memory message messages messaging metric metrics mine minute minutes monitor more morning most much mute
muted mutes my nan need never new newest news next night no node normal not nothing notify now number of off ok okay on
once one only oom or other our out output over overnight own owns past pause pending people ping please posted
postmortem power preempted print printed problem problems progress queue queued quiet quit ram rank ranks rate ready
really reason recent remind replica replicas request requests restart resume right root rule rules run running runs
save saved say says search second seconds see send set shall she should show shut silence silenced silences since slow
slower slowly snooze so some someone something soon speed spike stack stacktrace stalled start started state status
stderr stdout step steps still stop stopped storage stuck subscribed subscription subscriptions sure tail take talking
tell telling temperature text than thank thanks that the their them then there they thing things think this threshold
thresholds throughput time to today together tonight too took total traceback train training tried trouble try turn two
under until up update updated updates usage use used using util utilization very vram wait waiting want warn warning
warnings was watch watching way we week well went were what when where which while who whole whose why will with within
without words work working works would wrong yes yesterday yet you your yours
"""
VOCABULARY = frozenset(_WORDS_TEXT.split()) | frozenset(STATE_WORDS)
"""Words that are not names of jobs."""
_FEWEST_LETTERS, _MOST_LETTERS = 4, 20
"""Of a word that may be mistyped."""
_CORRECTABLE = sorted(word for word in VOCABULARY if len(word) >= _FEWEST_LETTERS)
_REFERENCE = re.compile(r"[:/_]|\d|\w-\w")
_RANKS = re.compile(r"(?:ranks?|r)[ -]?(\d{1,6}(?:\s?(?:-|to|,|and)\s?\d{1,6})*)", re.IGNORECASE)
_LEVELS = {
    "error": "error", "errors": "error", "exceptions": "error", "failures": "error", "warning": "warning",
    "warnings": "warning", "warns": "warning", "critical": "critical", "fatal": "critical", "info": "info",
}  # fmt: skip
_SINCE_WORDS = {"overnight": "yesterday", "tonight": "today", "lunch": "noon", "lunchtime": "noon"}
_SEARCHED = frozenset({"nan", "inf", "oom", "nccl", "cuda", "killed"})
_MAX_TIME_WORDS = 4
_MOST_WORDS = 40
"""A longer message is not a question."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What a question means."""

    command: str
    acts: bool = False
    """Whether it changes something."""


@dataclass(slots=True)
class _Details:
    """What a question names, as arguments of a command."""

    values: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    """The normalized question."""

    def take(self, name: str, value: str) -> None:
        """Note a detail, and its place in the question."""
        self.values.setdefault(name, value)
        self.words.append(f"<{name}>")


def read_question(words: Sequence[Word], thread_job: str | None = None) -> Understood | None:
    """Return the command that a question means; None if it is not understood.

    Args:
        words: the message, without the mention.
        thread_job: the job of the thread, which the question then is about.
    """
    if len(words) > _MOST_WORDS or any(map(_is_option, words)):
        return None
    is_asked = any(word.text.endswith("?") for word in words)
    details = _read_details(words, in_thread=thread_job is not None)
    text = " ".join(details.words)
    if not (is_asked or SPOKEN.search(text) or len(details.words) <= SHORT_WORDS):
        return None
    has_job = "job" in details.values or thread_job is not None
    for row in PATTERNS:
        fits = row.job is JobRequirement.NONE or (row.job is JobRequirement.NAMED) is has_job
        if fits and row.forms.search(text):
            return Understood(_fill(row.command, details.values, thread_job if row.acts else None), row.acts)
    return None


def is_beyond(words: Sequence[Word]) -> bool:
    """Whether a message asks to start or stop jobs."""
    return CANNOT.search(" ".join(_read_details(words, in_thread=False).words)) is not None


def suggest_commands(words: Sequence[Word], thread_job: str | None) -> tuple[str, ...]:
    """Return two or three commands that a message may mean which is not understood."""
    named = _read_details(words, in_thread=thread_job is not None).values.get("job")
    job = named if named is not None and _REFERENCE.search(named) else thread_job
    if job is not None:
        return (f"status {quote(job)}", f"diagnose {quote(job)}", f"logs {quote(job)}")
    return ("jobs running", "list", "help")


def _is_option(word: Word) -> bool:
    """Whether a word is an option of a command, which nobody types in a question."""
    text = normalize_dashes(word.text)
    return not word.quoted and re.match(r"--?[A-Za-z]", text) is not None


def _fill(command: str, values: Mapping[str, str], thread_job: str | None) -> str:
    """A command with its details as arguments. Commands that change something name the job of the thread."""
    job = values.get("job") or thread_job
    arguments = {
        "job": quote(job) if job else "",
        "span": quote(values.get("span", "1h")),
        **{name: f"{option} {quote(values[name])}" if name in values else "" for name, option in _OPTIONS.items()},
    }
    return " ".join(command.format_map(arguments).split())


_OPTIONS = {
    "level": "--level", "rank": "--rank", "since": "--since", "around": "--around", "count": "--tail",
    "text": "--include",
}  # fmt: skip


def _read_details(words: Sequence[Word], *, in_thread: bool) -> _Details:
    """Normalize a question, and take its details out."""
    details, tokens = _Details(), list(_tokens(words[:_MOST_WORDS]))
    position = 0
    while position < len(tokens):
        position = _read_detail(details, tokens, position)
    unknown = [word for word in details.words if not word.startswith("<") and word not in VOCABULARY]
    if "job" not in details.values and not in_thread and len(unknown) == 1 < len(details.words):
        details.values["job"] = unknown[0]
        details.words = ["<job>" if word == unknown[0] else word for word in details.words]
    return details


def _tokens(words: Sequence[Word]) -> Iterator[Word]:
    """The words without punctuation; short forms are written out, and mistyped words corrected."""
    for word in words:
        if word.quoted:
            if word.text.strip():
                yield word
            continue
        bare = word.text.strip("!,;.?:()*_~").replace("\u2019", "'")
        lower = bare.lower()
        if lower not in _EXPANDED and lower.endswith("'s"):
            bare, lower = bare[:-2], lower[:-2]
        if lower in _DROPPED:
            continue
        if lower in _EXPANDED:
            yield from map(Word, _EXPANDED[lower].split())
        elif bare:
            yield Word(_corrected(lower) if not _REFERENCE.search(bare) else bare)


def _corrected(word: str) -> str:
    if word in VOCABULARY or not _FEWEST_LETTERS <= len(word) <= _MOST_LETTERS or not word.isalpha():
        return word
    return next(iter(difflib.get_close_matches(word, _CORRECTABLE, n=1, cutoff=0.84)), word)


def _read_detail(details: _Details, tokens: Sequence[Word], position: int) -> int:
    """Read one word or one detail of several words; return the position after it."""
    word, rest = tokens[position], [one.text for one in tokens[position + 1 :]]
    if word.quoted:
        details.take("text", word.text)
        return position + 1
    if ranks := _read_ranks([word.text, *rest]):
        details.take("rank", ranks[0])
        return position + ranks[1]
    if word.text in ("since", "from", "after", "past", "last", "in", "for", "around", "at", "until", "till") and (
        timed := _read_time(word.text, rest)
    ):
        name, value, count = timed
        details.take(name, value)
        return position + 1 + count
    if word.text in ("last", "newest", "latest", "first") and rest and rest[0].isdigit():
        details.take("count", rest[0])
        return position + 2
    if word.text in _SINCE_WORDS:
        details.take("since", _SINCE_WORDS[word.text])
    elif word.text in ("today", "yesterday"):
        details.take("since", word.text)
    elif word.text in _LEVELS and not _names_cause(details.words):
        details.take("level", _LEVELS[word.text])
    elif word.text in _SEARCHED and _is_search(details.words):
        details.take("text", word.text)
    elif (span := parse_long_duration(" ".join([word.text, *rest[:1]]))) is not None and rest:
        details.take("span", _joined([word.text, *rest[:1]]))
        return position + 2 if span else position + 1
    elif parse_long_duration(word.text) is not None:
        details.take("span", word.text)
    elif _REFERENCE.search(word.text) and not word.text.isdigit():
        _take_job(details, word.text)
    else:
        details.words.append(word.text)
    return position + 1


def _take_job(details: _Details, text: str) -> None:
    """A job; an unknown word before a size belongs to its name: `llama 70b`."""
    before = details.words[-1] if details.words else ""
    if text[0].isdigit() and before.isalpha() and before not in VOCABULARY:
        details.words.pop()
        text = f"{before}-{text}"
    details.take("job", text)


def _names_cause(words: Sequence[str]) -> bool:
    """Whether the words before `error` ask for one cause: `what is the error`."""
    return words[:2] == ["what", "is"] or words[:1] in (["why"], ["explain"])


def _is_search(words: Sequence[str]) -> bool:
    return any(word in ("for", "find", "search", "grep", "any", "look") for word in words)


def _read_ranks(texts: Sequence[str]) -> tuple[str, int] | None:
    """The ranks at the start of the words as a value of `--rank`, and how many words they take."""
    for count in (4, 3, 2, 1):
        found = _RANKS.fullmatch(" ".join(texts[:count])) if len(texts) >= count else None
        if found:
            return re.sub(r"\s?(?:,|and)\s?", ",", re.sub(r"\s?(?:-|to)\s?", "-", found[1])), count
    return None


def _read_time(before: str, texts: Sequence[str]) -> tuple[str, str, int] | None:
    """The detail that a time after a preposition is, its value, and how many words it takes."""
    skipped = next((count for count, text in enumerate(texts) if text not in ("the", "last", "past", "about")), 0)
    for count in range(min(_MAX_TIME_WORDS, len(texts) - skipped), 0, -1):
        text = " ".join(texts[skipped : skipped + count])
        text = _SINCE_WORDS.get(text, "1h" if text == "hour" else "1d" if text == "day" else text)
        typed = read_typed_time(text)
        if typed is None:
            continue
        is_span = isinstance(typed, Ago)
        if before == "for" and is_span:
            return "span", _joined(text.split()), skipped + count
        if before in ("around", "at"):
            return None if is_span else ("around", text, skipped + count)
        if before in ("since", "from", "after", "past", "last") or (before == "in" and is_span):
            return "since", text, skipped + count
    return None


def _joined(words: Iterable[str]) -> str:
    """A duration as it is typed in a command: `2 hours` is `2h`."""
    text = " ".join(words)
    span = parse_long_duration(text)
    minutes = 0 if span is None else round(span.total_seconds() / 60)
    if not minutes:
        return text
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
