"""The arguments of a subcommand, and how their values are read. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

from bot.domain.durations import format_duration, ns_from_datetime
from bot.domain.logs import Level, parse_level
from bot.domain.regex import compile_typed_pattern
from bot.domain.rule_expressions import starts_rule
from bot.domain.times import Ago, TypedTime, WallTime, parse_long_duration, read_typed_time, resolve_ns
from bot.errors import UnnamedJob, UsageError

_MAX_COUNT = 100_000_000
_MAX_RANK_DIGITS = 7
_MAX_RANKS = 10_000
"""Ranks of one command."""
MAX_SINCE = timedelta(days=50_000)
"""The longest `--since`. It may reach back before 1970, which then means the beginning of the log."""
MAX_DURATION = timedelta(days=365)
"""The longest duration of a silence or reminder."""
_RANK_RANGE = re.compile(r"(\d+)(?:\s*(?:-|\u2013|\u2212|\.\.)\s*(\d+))?$", re.ASCII)
_SLASHED_DATE = re.compile(r"\d{1,2}[/.]\d{1,2}(?:[/.](?:\d{2}|\d{4})?)?$")
STOPS = ".,:;!?"
"""Punctuation at the end of a sentence or before the next word."""
_AROUND_REFERENCE = "`*~,;"
_AFTER_REFERENCE = f"`*~){STOPS}"
"""No reference, id or name ends so."""
_BARE_ADDRESS = re.compile(r"[\w-]+(\.[\w-]+)+/")

Conflict = tuple[str, str, str]
"""Two options that exclude each other, and a hint or an empty text."""
_WINDOW_CONFLICTS = (("--since", "--start", ""),)


@dataclass(frozen=True, slots=True)
class InputContext:
    """What surrounds a typed command: the time, the person's time zone, and the job of the thread."""

    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    zone: tzinfo = UTC
    job: str | None = None
    """The job of a command that names none."""


NO_CONTEXT = InputContext()
"""Of a command that a program wrote: its times are absolute, and it names its job."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time span; bounds are inclusive nanoseconds since the epoch. Without bounds it covers all of the log."""

    since: timedelta | None = None
    """Counted back from now; never set together with `start_ns`."""
    start_ns: int | None = None
    end_ns: int | None = None

    def begin_ns(self, now: datetime) -> int | None:
        """The start in nanoseconds since the epoch; None without one."""
        return self.start_ns if self.since is None else max(0, ns_from_datetime(now - self.since))


ALL_TIME = Window()


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was typed after a subcommand, sorted into positionals and options.

    A method that reads a value raises UsageError when it is invalid.
    """

    positionals: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values by option name, with its hyphens; a switch has no values."""
    context: InputContext = NO_CONTEXT

    def has(self, name: str) -> bool:
        """Whether the option was typed."""
        return name in self.options

    def text(self, name: str) -> str | None:
        """The value of an option."""
        values = self.options.get(name)
        return values[0] if values else None

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of a repeatable option."""
        return self.options.get(name, ())

    def count(self, name: str, largest: int = _MAX_COUNT) -> int | None:
        """A whole number from 1."""
        if (text := self.text(name)) is None:
            return None
        digits = text.replace(",", "").replace("_", "")
        if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:12]) <= largest):
            raise UsageError(f"Invalid number `{text[:40]}` for `{name}`. Use a whole number from 1 to {largest:,}.")
        return int(digits)

    def ranks(self, name: str) -> tuple[int, ...]:
        """Ranks and ranges of ranks, repeated or separated by commas: `0`, `0-3`, `0,4-7`."""
        ranks: dict[int, None] = {}
        for word in (part.strip() for text in self.texts(name) for part in text.split(",")):
            first, last = _read_ranks(word)
            if last - first >= _MAX_RANKS or len(ranks) > _MAX_RANKS:
                raise UsageError(f"`{name}` accepts at most {_MAX_RANKS:,} ranks.")
            ranks.update(dict.fromkeys(range(first, last + 1)))
        return tuple(ranks)

    def window(self) -> Window:
        """The time span of `WINDOW_OPTIONS`."""
        self.refuse_together(_WINDOW_CONFLICTS)
        since = self.duration_ago("--since")
        start = self.timestamp_ns("--start" if self.has("--start") or since is not None else "--since")
        if since is not None and self.has("--end"):
            start, since = Window(since).begin_ns(self.context.now), None
        end = self.timestamp_ns("--end", end_of_day=True, after_ns=start)
        if start is not None and end is not None and start > end:
            raise UsageError("`--start` must be before `--end`.")
        return Window(since, start, end)

    def duration_ago(self, name: str) -> timedelta | None:
        """The span of an option that counts back from now; None for a fixed time, and without the option."""
        typed = read_typed_time(self.text(name) or "")
        if not isinstance(typed, Ago) or not typed.span:
            return None
        if typed.span > MAX_SINCE:
            raise UsageError(f"`{name} {self.text(name)}` is too long. The maximum is {MAX_SINCE.days:,}d.")
        return typed.span

    def timestamp_ns(self, name: str, *, end_of_day: bool = False, after_ns: int | None = None) -> int | None:
        """A time in nanoseconds since the epoch.

        Args:
            name: the option.
            end_of_day: whether a day means its last nanosecond instead of its first.
            after_ns: a bare time of day is the first one from here on, instead of the last one.
        """
        if (text := self.text(name)) is None:
            return None
        typed, context = read_typed_time(text), self.context
        if typed is None:
            raise UsageError(_explain_time(name, text))
        found = resolve_ns(typed, context.now, context.zone, is_end=end_of_day, after_ns=after_ns)
        if found is None:
            raise UsageError(_explain_missing_time(name, text, typed, context))
        return found

    def level(self, name: str) -> Level | None:
        """A log level by any of its usual names."""
        if (text := self.text(name)) is None:
            return None
        if level := parse_level(text):
            return level
        raise UsageError(f"Invalid level `{text}`. Use debug, info, warning, error or critical.")

    def pattern(self, name: str) -> str | None:
        """A regular expression that RE2 accepts."""
        if (text := self.text(name)) is not None:
            compile_typed_pattern(text)
        return text

    def reference(self) -> str:
        """The job, which is the first positional, or else that of the thread."""
        if self.positionals:
            return clean_reference(self.positionals[0])
        if self.context.job is not None:
            return self.context.job
        raise UnnamedJob

    def reference_and_settings(self) -> tuple[str, tuple[str, ...]]:
        """The job and the rule settings after it; in a thread there may be only settings."""
        words = self.positionals
        is_setting = bool(words) and "=" in words[0] and "://" not in words[0]
        if is_setting or starts_rule(words):
            return replace(self, positionals=()).reference(), words
        return self.reference(), words[1:]

    def at_most(self, count: int, hint: str = "") -> Self:
        """These arguments, after refusing more positionals than this. `hint` helps who typed one too many."""
        if len(self.positionals) > count:
            surplus = self.positionals[count][:40]
            advice = "Put text with spaces in quotes." if self.options else hint.format(surplus)
            raise UsageError(f"Unexpected argument `{surplus}`. {advice}".rstrip())
        return self

    def output(self) -> tuple[bool, bool]:
        """Whether `--public` and `--json` were typed."""
        return self.has("--public"), self.has("--json")

    def refuse_together(self, conflicts: Iterable[Conflict]) -> None:
        """Refuse options that exclude each other."""
        for one, other, hint in conflicts:
            if self.has(one) and self.has(other):
                raise UsageError(f"Use either `{one}` or `{other}`, not both. {hint}".rstrip())


def clean_reference(text: str) -> str:
    """A reference without the marks around it in a message; `https://` is added to the bare address of a page."""
    ref = text.strip(_AROUND_REFERENCE).rstrip(_AFTER_REFERENCE).lstrip("(")
    if len(ref) > 2 and ref[0] == ref[-1] == "_":
        ref = ref[1:-1]
    if ref.startswith("<") and ref.endswith(">"):
        ref = ref[1:-1].partition("|")[0]
    return f"https://{ref}" if _BARE_ADDRESS.match(ref) else ref


def read_duration(text: str, longest: timedelta = MAX_DURATION) -> timedelta:
    """Read a duration as people write it: 30m, 2h, 1h30m, 45 min, PT45M.

    Raises:
        UsageError: the text is not a duration, or is zero or too long.
    """
    duration = parse_long_duration(text.rstrip(STOPS))
    if duration and duration > longest:
        raise UsageError(f"Duration `{text[:40]}` is too long. The maximum is {format_duration(longest)}.")
    if duration:
        return duration
    number = text.strip()
    if number.isdigit():
        raise UsageError(f"`{number[:20]}` needs a unit: {number[:20]}m or {number[:20]}h?")
    raise UsageError(f"Invalid duration `{text[:40]}`. Use a number and a unit, such as 30m, 2h or 3d.")


def read_zone(name: str) -> str:
    """Return the name of a time zone.

    Raises:
        UsageError: the zone is unknown.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - the shell starts faster without it

    try:
        return ZoneInfo(name).key
    except (OSError, ValueError, KeyError):  # KeyError: ZoneInfoNotFoundError
        raise UsageError(f"Unknown time zone `{name[:40]}`. Use a name such as Europe/Berlin or UTC.") from None


def _read_ranks(word: str) -> tuple[int, int]:
    """The first and the last rank of a range; the same for one rank."""
    found = _RANK_RANGE.match(word)
    if found is None or len(found[1]) > _MAX_RANK_DIGITS or len(found[2] or "") > _MAX_RANK_DIGITS:
        raise UsageError(f"Invalid rank `{word[:40]}`. Use whole numbers such as 0 or 12, and ranges such as 0-3.")
    first, last = int(found[1]), int(found[2] or found[1])
    if first > last:
        raise UsageError(f"Invalid range of ranks `{word}`. Write the smaller rank first.")
    return first, last


def _explain_time(name: str, text: str) -> str:
    typed = text.strip()
    if typed.isdigit():
        return f"`{name} {typed[:20]}` needs a unit: {typed[:20]}m or {typed[:20]}h?"
    if _SLASHED_DATE.match(typed):
        return f"`{name} {typed}` could be two dates. Write the year, month and day, such as 2026-11-29."
    return f"Can't read the time `{typed[:40]}` for `{name}`. Use 30m, 03:00, yesterday or 2026-11-29T03:00Z."


def _explain_missing_time(name: str, text: str, typed: TypedTime, context: InputContext) -> str:
    if isinstance(typed, WallTime) and typed.clock_ns is not None:
        day = replace(typed, clock_ns=None)
        if resolve_ns(day, context.now, context.zone, is_end=True) is not None:
            return f"The clocks skipped `{text}` that night. Add an hour to `{name}`, or write it in UTC."
    return f"`{text[:40]}` for `{name}` is not between 1970 and 2262. Correct the year."
