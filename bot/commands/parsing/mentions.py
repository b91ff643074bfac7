"""Read the text of a mention as a command: drop polite words, and turn questions into `diagnose` and `status`. Pure.

Only mentions are read this way. A slash command is taken word for word.
"""

import re
from collections.abc import Sequence

from bot.commands.parsing.formatting import join_word
from bot.commands.parsing.pasted_words import clean_words, is_mention
from bot.commands.parsing.tokenizer import Word, normalize_dashes, quote, split_words
from bot.commands.subcommands.job_states import STATE_WORDS
from bot.commands.subcommands.table import SLACK_TABLE
from bot.errors import UsageError

_POLITE_TEXT = """
hey hi hello hiya yo ok okay please pls plz thanks thank thx you could can would will u kindly just me us we i
need want to like give get tell the a an this that these it its my our of for about on in from at here now
today's job's run's and show let see look run job training again quickly
"""
_POLITE = frozenset(_POLITE_TEXT.split())
"""Words that carry nothing beside a subcommand or a question."""
_NAMES = frozenset(
    word for row in SLACK_TABLE for word in (row.name, *row.aliases, *(alias for alias, _ in row.action_aliases))
).difference(_POLITE, "?")
_ABOUT_JOBS = frozenset(
    word for row in SLACK_TABLE for word in (row.name, *row.aliases) if "REF" in row.positionals or row.name == "jobs"
)
"""Subcommands whose arguments are jobs, so that polite words carry nothing."""
_ALSO_POLITE = frozenset({"job", "show"})
"""Subcommands when nothing else is left."""
_CHANGES = {
    word: row.name
    for row in SLACK_TABLE
    if row.name in ("watch", "unwatch", "silence", "notify")
    for word in (row.name, *row.aliases, *(alias for alias, _ in row.action_aliases))
}
"""Subcommands that change what a channel gets, by any name: a question about one must not run it."""
_ASKING = re.compile(
    r"(?i)\b(?:how|what|what's|whats|is|are|was|does|do|did|when|where|which|who|will|why|(?:can|could) i)\b"
)
_WITH_VALUE = frozenset(
    name for row in SLACK_TABLE for option in row.options if option.value for name in (option.name, option.short)
)
_THANKS = frozenset({"please", "pls", "plz", "thanks", "thank", "thx", "you"})
_WHY = re.compile(
    r"(?i)^why\b"
    r"|\bwhat(?:'?s|\s+(?:is|has|was|went|did))?\s+(?:happen\w*|gone|went|going)\b(?!\s+on)(?:\s+wrong)?"
    r"|\bwhat\s+(?:broke|failed|crashed|died|hung)\b"
    r"|\bwhat(?:'?s|\s+(?:is|was))?\s+(?:the\s+)?(?:wrong|broken|problem|matter|cause|reason|error)"
    r"|\broot\s+cause|\bexplain|\bhow\s+come|\breason|\bdid\s+(?:it|this|that)\s+(?:crash|fail|die|hang)|\bwent\s+wrong"
)
_HOW = re.compile(
    r"(?i)\bhow(?:'?s|\s+(?:is|are|far|long|much))"
    r"|\bwhat(?:'?s|\s+is)\s+(?:up|going\s+on|running|the\s+state|the\s+status)"
    r"|\b(?:is|are)\s+(?:it|this|that|they)\b|\bstill\s+\w+|\balive|\bprogress|\beta|\bstate"
    r"|\bwhen\s+(?:will|does)|\bdone\s+yet"
)
_QUESTION_WORDS_TEXT = """
why what what's whats how how's hows is are was were did does do has have had when which where who will it's far
long much going go goes doing happen happened happening happens fail failed failing fails crash crashed crashing
die died dying dead stop stopped stopping hang hangs hung hanging stuck slow slower wrong broken broke break
alive running still ok up on off done finish finished end ended yet so and or not but by with went gone root
cause reason problem matter error errors explain state status progress eta loss nan gpu gpus idle memory oom
alert there
"""
_QUESTION_WORDS = frozenset(_QUESTION_WORDS_TEXT.split())
_BEFORE_SUBCOMMAND = _POLITE | _QUESTION_WORDS
_IS_REFERENCE = re.compile(r"[\d:/_]|\w-\w")


def read_mention(text: str, *, in_thread: bool = False) -> str:
    """Return the command that a mention means.

    Args:
        text: the message without the mention.
        in_thread: whether the thread has a job, which a question then is about.
    """
    words = clean_words(split_words(text))
    typed = " ".join(word.text for word in words)
    if listing := _read_listing(words, in_thread=in_thread):
        return listing
    start = _find_subcommand(words)
    if start is not None and _plain(words[start]) in _CHANGES and _ASKING.search(_join(words[:start])):
        return f"help {_CHANGES[_plain(words[start])]}"
    if start is not None and not _is_question(words[start:]):
        return _join(_without_polite_words(words[start:]))
    if _WHY.search(typed):
        return _ask("diagnose", words, in_thread=in_thread)
    if _HOW.search(typed):
        return _ask("status", words, in_thread=in_thread)
    spoken = [word for word in words if word.quoted or any(map(str.isalnum, word.text)) or word.text == "?"]
    kept = [_bare(word) for word in spoken if word.quoted or _plain(word) not in _POLITE]
    if len(kept) == 1 and not kept[0].quoted and _IS_REFERENCE.search(kept[0].text):
        return f"status {_join(kept)}"
    alone = [_bare(word) for word in words if _plain(word) in _ALSO_POLITE]
    return _join(kept or alone[:1])


def starts_with_subcommand(text: str) -> bool:
    """Whether a message is a command, perhaps after polite words."""
    try:
        return _find_subcommand(clean_words(split_words(text))) is not None
    except UsageError:  # an unclosed quote
        return False


def _read_listing(words: Sequence[Word], *, in_thread: bool) -> str | None:
    """`jobs` of a state or a person, in `show my failed jobs`, `which jobs are running` and `what is running`."""
    plain = [_plain(word) for word in words]
    if any(word.quoted or normalize_dashes(word.text).startswith("-") for word in words):
        return None
    named = next((index for index, word in enumerate(plain) if word in ("jobs", "runs")), None)
    filters = [word for word in plain if word in STATE_WORDS or word in ("mine", "my")]
    if named is not None and filters and named > 0:
        others = {"jobs", "runs", "all", "list", *filters}
        platforms = [word for word in plain if word not in _BEFORE_SUBCOMMAND and word not in others]
        return " ".join(("jobs", *filters, *platforms))
    asks = plain[:1] in (["what"], ["what's"], ["whats"], ["which"], ["who"])
    if asks and not in_thread and len(filters) == 1 and all(word in (*_BEFORE_SUBCOMMAND, *filters) for word in plain):
        return f"jobs {filters[0]}"
    return None


def _find_subcommand(words: Sequence[Word]) -> int | None:
    """Where the subcommand is: after polite words and those of a question, as in `what are the jobs`."""
    for index, word in enumerate(words):
        plain = _plain(word)
        if is_mention(word):
            continue
        if word.quoted or (plain not in _NAMES and plain not in _BEFORE_SUBCOMMAND):
            return None
        following = next((_plain(one) for one in words[index + 1 :] if _plain(one) not in _POLITE), "")
        if plain in _NAMES and not (plain == "list" and following in _NAMES):
            return index
    return None


def _is_question(words: Sequence[Word]) -> bool:
    """Whether the words begin like a command and are a question: `why did this happen?`."""
    has_options = any(normalize_dashes(word.text).startswith("-") for word in words)
    return _plain(words[0]) == "why" and len(words) > 2 and not has_options


def _without_polite_words(words: Sequence[Word]) -> list[Word]:
    """A command without polite words before its options, if it is about a job, and at its end."""
    kept = list(words)
    while len(kept) > 1 and not kept[-1].quoted and _plain(kept[-1]) in _THANKS:
        if normalize_dashes(kept[-2].text).lower() in _WITH_VALUE:
            break
        kept.pop()
    first_option = next((i for i, word in enumerate(kept) if normalize_dashes(word.text).startswith("-")), len(kept))
    name, before, options = _bare(kept[0]), kept[1:first_option], kept[first_option:]
    if name.text.lower() in _ABOUT_JOBS:
        others = (word for word in before if not is_mention(word))
        before = [_bare(word) for word in others if word.quoted or _plain(word) not in _POLITE]
    return [name, *before, *options]


def _plain(word: Word) -> str:
    return word.text.strip("!,;").rstrip("?.:").lower()


def _bare(word: Word) -> Word:
    """The word without the punctuation of a sentence."""
    return word if word.quoted else Word(word.text.strip("!,;").rstrip("?.:") or word.text)


def _ask(subcommand: str, words: Sequence[Word], *, in_thread: bool) -> str:
    """The subcommand about the job that the question names; in a thread a plain word is not a name."""
    others = [_bare(word).text for word in words if not word.quoted]
    others = [
        one for one in others if any(map(str.isalnum, one)) and one.lower() not in _POLITE | _QUESTION_WORDS | _NAMES
    ]
    named = [one for one in others if _IS_REFERENCE.search(one)]
    if not named and not in_thread and len(others) == 1:
        named = others
    return f"{subcommand} {quote(named[0])}" if named else subcommand


def _join(words: Sequence[Word]) -> str:
    """The words as text that is split into the same words."""
    return " ".join(join_word(word) for word in words)
