"""Read a message to the bot as a command: drop polite words, and turn questions into commands. Pure.

Only mentions and direct messages are read this way. A slash command is taken word for word.
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.commands.parsing.formatting import join_word
from bot.commands.parsing.help import closest
from bot.commands.parsing.parser import parse
from bot.commands.parsing.pasted_words import clean_words, is_mention
from bot.commands.parsing.questions import VOCABULARY, is_beyond, read_question, suggest_commands
from bot.commands.parsing.tokenizer import Word, normalize_dashes, split_words
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.job_states import STATE_WORDS
from bot.commands.subcommands.table import SLACK_TABLE
from bot.errors import UnnamedJob, UsageError

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
    word
    for row in SLACK_TABLE
    for word in (row.name, *row.aliases)
    if "REF" in row.positionals or row.name in ("jobs", "help")
)
"""Subcommands whose arguments are jobs or words, so that polite words carry nothing."""
_ALSO_POLITE = frozenset({"job", "show"})
"""Subcommands when nothing else is left."""
_CHANGES = {
    word: row.name
    for row in SLACK_TABLE
    if row.name in ("watch", "unwatch", "silence", "notify", "digest")
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
_SHORTEST_NAME = 4
"""Letters of the shortest names of subcommands; a shorter word is not a mistyped name."""
_SOME_TIME = InputContext(datetime(2030, 1, 1, tzinfo=UTC))
"""Any time will do to check a command; at the epoch, `yesterday` is too early."""
_IS_REFERENCE = re.compile(r"[\d:/_]|\w-\w")


class ReadingKind(enum.Enum):
    """What a message to the bot is."""

    COMMAND = "command"
    QUESTION = "question"
    """In other words than the command, which is then shown."""
    REQUEST = "request"
    """As a question, but its command changes something: the person is asked first."""
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message means."""

    command: str
    """Its text; of an unclear message, the words that were not understood."""
    kind: ReadingKind = ReadingKind.COMMAND
    suggestions: tuple[str, ...] = ()
    """Commands that an unclear message may mean."""
    is_beyond: bool = False
    """Whether an unclear message asks to start or stop jobs."""

    @property
    def lacks_job(self) -> bool:
        """Whether the command needs a job and names none."""
        try:
            parse(self.command, _SOME_TIME)
        except UnnamedJob:
            return True
        except UsageError:
            return False
        return False


def read_mention(text: str, thread_job: str | None = None) -> Reading:
    """Read a message to the bot.

    Args:
        text: the message without the mention.
        thread_job: the job of the thread, which a question then is about.
    """
    words = clean_words(split_words(text))
    question = read_question(words, thread_job)
    if question is not None and question.command.startswith("jobs"):
        return Reading(question.command, ReadingKind.QUESTION)
    if listing := _read_listing(words, in_thread=thread_job is not None):
        return Reading(listing, ReadingKind.QUESTION)
    start = _find_subcommand(words)
    if start is not None and _plain(words[start]) in _CHANGES and _ASKING.search(_join(words[:start])):
        return Reading(f"help {_CHANGES[_plain(words[start])]}", ReadingKind.QUESTION)
    command = _join(_without_polite_words(words[start:])) if start is not None else ""
    is_plain = start is not None and not _is_question(words[start:]) and _can_parse(command)
    if is_plain and not _is_asked(words[:start]):
        return Reading(command)
    if question is not None:
        return Reading(question.command, ReadingKind.REQUEST if question.acts else ReadingKind.QUESTION)
    if start is not None:
        is_denied = _plain(words[start]) in _CHANGES and any(_plain(word) == "not" for word in words[:start])
        return (
            Reading(f"help {_CHANGES[_plain(words[start])]}", ReadingKind.QUESTION) if is_denied else Reading(command)
        )
    spoken = [word for word in words if word.quoted or any(map(str.isalnum, word.text)) or word.text == "?"]
    kept = [_bare(word) for word in spoken if word.quoted or _plain(word) not in _POLITE]
    if len(kept) == 1 and not kept[0].quoted and _IS_REFERENCE.search(kept[0].text):
        return Reading(f"status {_join(kept)}")
    alone = [_bare(word) for word in words if _plain(word) in _ALSO_POLITE]
    left = _join(kept or alone[:1])
    is_mistyped = len(words) == 1 and closest(left.lower(), sorted(_NAMES)) is not None
    if not kept or (is_mistyped and len(left) >= _SHORTEST_NAME):
        return Reading(left)
    suggestions = suggest_commands(words, thread_job)
    return Reading(left, ReadingKind.UNCLEAR, suggestions, is_beyond(words))


def _can_parse(command: str) -> bool:
    """Whether a command has no mistake, except that it may not name its job."""
    try:
        parse(command, _SOME_TIME)
    except UnnamedJob:
        return True
    except UsageError:
        return False
    return True


def _is_asked(words: Sequence[Word]) -> bool:
    """Whether the words before a subcommand ask, as in `what is the status`."""
    return any(_plain(word) in _QUESTION_WORDS and _plain(word) not in _POLITE for word in words)


def asks_for_diagnosis(text: str) -> bool:
    """Whether a message asks what went wrong, without naming a job."""
    try:
        reading = read_mention(text)
    except UsageError:
        return False
    return reading.command.partition(" ")[0] in ("diagnose", "why") and reading.lacks_job


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
        known = _BEFORE_SUBCOMMAND | VOCABULARY | others
        platforms = [word for word in plain if word not in known]
        return " ".join(("jobs", *("mine" if word == "my" else word for word in filters), *platforms))
    asks = plain[:1] in (["what"], ["what's"], ["whats"], ["which"], ["who"])
    if asks and not in_thread and len(filters) == 1 and all(word in (*_BEFORE_SUBCOMMAND, *filters) for word in plain):
        return f"jobs {'mine' if filters[0] == 'my' else filters[0]}"
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


def _join(words: Sequence[Word]) -> str:
    """The words as text that is split into the same words."""
    return " ".join(join_word(word) for word in words)
