"""Patterns of jobs in `watch`, `unwatch`, `silence` and `rules`: how they are typed, the commands and answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.commands.subcommands.arguments import STOPS, Arguments
from bot.commands.subcommands.spec import Option, Positional
from bot.domain.job_matching import Matcher, is_job_pattern, parse_matchers
from bot.domain.rule_expressions import split_settings, starts_rule
from bot.errors import UsageError

if TYPE_CHECKING:  # help and other commands start faster without them
    from bot.domain.subscriptions import PatternSubscription

EXCLUDE = Option("--exclude", "Leave out the jobs that match: a reference or a pattern.", "PATTERN", repeatable=True)
JOBS_PARAMETER = Positional(
    "jobs",
    "One job, or patterns such as `baseten:lq4j9zm/*`, `owner=me` or `name~llama-*`, which must all match.",
    is_repeatable=True,
    accepts=lambda word: ("=" not in word or is_job_pattern(word)) and not starts_rule([word]),
)
SETTINGS_PARAMETER = Positional(
    "settings",
    "Rule settings, such as `low_gpu_utilization.threshold=40%`, `notify=lifecycle` or `loss > 5 for 10m`.",
    is_repeatable=True,
)
PATTERN_NOTES = (
    "A pattern selects jobs: `baseten:lq4j9zm/*`, `owner=me`, `owner=ada@acme.example`, `name~llama-*`. "
    "`*` stands for any text, and several words must all match."
)
MAX_PATTERN_CHARS = 500
_STOPS = STOPS.replace("?", "")
"""Punctuation of a sentence that is dropped after references and owners; names may end with it."""
_MAX_LIMIT = 5_000


@dataclass(frozen=True, slots=True)
class WatchPatternCommand:
    """Send the alerts of every job that matches to this channel, also of those that start later."""

    matchers: tuple[Matcher, ...]
    settings: tuple[str, ...] = ()
    """Rule settings as typed."""
    announce: bool | None = None
    """Whether new jobs are announced; None: as before, else they are."""
    limit: int | None = None
    """The most jobs to watch at once; None: as before, else the usual limit."""
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class UnwatchPatternCommand:
    """End a pattern of this channel, or the subscriptions to the jobs that match."""

    matchers: tuple[Matcher, ...]
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class PatternCost:
    """What a pattern costs: requests a minute."""

    listing: float
    """For the list of jobs, whatever their number."""
    polling: tuple[int, int]
    """For the jobs that match now, from and to."""
    maximum: int | None = None
    """What the platform's rate limit allows for everything; None: unknown, or several platforms."""

    def __str__(self) -> str:
        """`About 8 requests a minute to list jobs and 96 to 144 to poll them, of at most 3,200.`."""
        low, high = self.polling
        polling = f" and {low:,} to {high:,} to poll them" if high else ""
        of = f", of at most {self.maximum:,}" if self.maximum else ""
        return f"About {max(1, round(self.listing)):,} requests a minute to list jobs{polling}{of}."


@dataclass(frozen=True, slots=True)
class WatchPatternAnswer:
    """A pattern was created or changed."""

    pattern: PatternSubscription
    is_new: bool
    cost: PatternCost
    expected: str = ""
    """What alerts to expect, as a sentence."""
    notes: tuple[str, ...] = ()
    matching: int = 0
    """Number of jobs that match now, also those that the channel watched before."""


def pattern_words(arguments: Arguments) -> tuple[str, ...]:
    """Return the positionals that select jobs."""
    return tuple(word for word in arguments.positionals if is_job_pattern(word))


def read_matchers(arguments: Arguments) -> tuple[Matcher, ...]:
    """Read the patterns among the positionals, without the jobs of `--exclude`.

    Raises:
        UsageError: one of them is invalid, or there is only something to exclude.
    """
    words = tuple(word if word.startswith("name") else word.rstrip(_STOPS) for word in pattern_words(arguments))
    excluded = arguments.texts(EXCLUDE.name)
    if excluded and not words:
        raise UsageError("`--exclude` needs a pattern to exclude from, such as `baseten:lq4j9zm/*`.")
    if sum(map(len, (*words, *excluded))) > MAX_PATTERN_CHARS:
        raise UsageError(f"The pattern is too long. The maximum is {MAX_PATTERN_CHARS} characters.")
    return parse_matchers(words, excluded)


def build_watch_pattern(arguments: Arguments) -> WatchPatternCommand:
    """Read `watch` with a pattern: `announce=off` and `limit=N` may be among the rule settings."""
    matchers, patterns = read_matchers(arguments), pattern_words(arguments)
    rules = split_settings([word for word in arguments.positionals if word not in patterns])[1]
    announce, limit, settings = None, None, list[str]()
    for word in arguments.positionals:
        name, equals, value = word.rstrip(STOPS).partition("=")
        if word in patterns:
            continue
        if word in rules and starts_rule(rules):
            settings.append(word)
            continue
        if not equals:
            raise UsageError(f"`{word[:60]}` names one job, and `{patterns[0][:60]}` selects several. Use one of them.")
        if name.lower() == "announce":
            announce = _read_switch(value)
        elif name.lower() == "limit":
            limit = _read_limit(value)
        else:
            settings.append(word)
    return WatchPatternCommand(matchers, tuple(settings), announce, limit, arguments.has("--yes"))


def _read_switch(value: str) -> bool:
    if value.lower() not in ("on", "off"):
        raise UsageError(f"Invalid value in `announce={value[:40]}`. Use `announce=on` or `announce=off`.")
    return value.lower() == "on"


def _read_limit(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < int(value[:9]) <= _MAX_LIMIT):
        raise UsageError(f"Invalid value in `limit={value[:40]}`. Use a whole number from 1 to {_MAX_LIMIT:,}.")
    return int(value)
