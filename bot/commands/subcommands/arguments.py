"""The arguments of a subcommand, and how their values are read. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from bot.domain.durations import parse_duration, parse_rfc3339_ns
from bot.domain.logs import Level, parse_level
from bot.domain.regex import compile_typed_pattern
from bot.errors import UsageError

_MAX_COUNT = 100_000_000
_LAST_NS_OF_DAY = 86_400 * 10**9 - 1
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_LONG_UNITS = re.compile(r"(?i)(?<=\d)\s*(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)\b")
_BARE_ADDRESS = re.compile(r"[\w-]+(\.[\w-]+)+/")

Conflict = tuple[str, str, str]
"""Two options that exclude each other, and a hint or an empty text."""
_WINDOW_CONFLICTS = (("--since", "--start", ""), ("--since", "--end", "To end earlier, use `--start` with `--end`."))


@dataclass(frozen=True, slots=True)
class Window:
    """A time span; bounds are inclusive nanoseconds since the epoch. Without bounds it covers all of the log."""

    since: timedelta | None = None
    """Counted back from now; never set together with `start_ns`."""
    start_ns: int | None = None
    end_ns: int | None = None


ALL_TIME = Window()


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was typed after a subcommand, sorted into positionals and options.

    A method that reads a value raises UsageError when it is invalid.
    """

    positionals: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values by option name, with its hyphens; a switch has no values."""

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

    def count(self, name: str) -> int | None:
        """A whole number from 1."""
        if (text := self.text(name)) is None:
            return None
        digits = text.replace(",", "").replace("_", "")
        if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:12]) <= _MAX_COUNT):
            raise UsageError(f"Invalid number `{text}` for `{name}`. Use a whole number from 1 to {_MAX_COUNT:,}.")
        return int(digits)

    def ranks(self, name: str) -> tuple[int, ...]:
        """Ranks, repeated or separated by commas."""
        words = [part.strip() for text in self.texts(name) for part in text.split(",")]
        for word in words:
            if not (word.isascii() and word.isdigit() and len(word) < 8):
                raise UsageError(f"Invalid rank `{word}`. Use a whole number, such as 0 or 12.")
        return tuple(int(word) for word in words)

    def window(self) -> Window:
        """The time span of `WINDOW_OPTIONS`."""
        self.refuse_together(_WINDOW_CONFLICTS)
        start, end = self.timestamp_ns("--start"), self.timestamp_ns("--end", end_of_day=True)
        if start is not None and end is not None and start > end:
            raise UsageError("`--start` must be before `--end`.")
        since = self.text("--since")
        return Window(None if since is None else read_duration(since), start, end)

    def timestamp_ns(self, name: str, *, end_of_day: bool = False) -> int | None:
        """A time in nanoseconds since the epoch; a bare date is its first or last nanosecond in UTC."""
        if (text := self.text(name)) is None:
            return None
        is_date = _DATE.match(text.strip())
        timestamp_ns = parse_rfc3339_ns(f"{text.strip()}T00:00:00Z" if is_date else text)
        if timestamp_ns is None:
            hint = " For a duration, use `--since`." if parse_duration(text) else ""
            rule = f"Use RFC 3339 from 1970 to 2262, such as 2026-03-13T10:00:00Z.{hint}"
            raise UsageError(f"Invalid time `{text}` for `{name}`. {rule}")
        return timestamp_ns + _LAST_NS_OF_DAY if is_date and end_of_day else timestamp_ns

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
        """The job, which is the first positional; `https://` is added to the bare address of a page."""
        if not self.positionals:
            raise UsageError("Missing job. Use its reference or the address of its page; `jobs` lists references.")
        ref = self.positionals[0]
        return f"https://{ref}" if _BARE_ADDRESS.match(ref) else ref

    def at_most(self, count: int) -> Self:
        """These arguments, after refusing more positionals than this."""
        if len(self.positionals) > count:
            hint = " Put text with spaces in quotes." if self.options else ""
            raise UsageError(f"Unexpected argument `{self.positionals[count][:40]}`.{hint}")
        return self

    def output(self) -> tuple[bool, bool]:
        """Whether `--public` and `--json` were typed."""
        return self.has("--public"), self.has("--json")

    def refuse_together(self, conflicts: Iterable[Conflict]) -> None:
        """Refuse options that exclude each other."""
        for one, other, hint in conflicts:
            if self.has(one) and self.has(other):
                raise UsageError(f"Use either `{one}` or `{other}`, not both. {hint}".rstrip())


def read_duration(text: str) -> timedelta:
    """Read a duration as people write it: 30m, 2h, 1h30m, 45 min.

    Raises:
        UsageError: the text is not a duration, or is zero.
    """
    duration = parse_duration(_LONG_UNITS.sub(lambda unit: unit[1][0].lower(), text))
    if duration:
        return duration
    number = text.strip()
    if number.isdigit():
        raise UsageError(f"Invalid duration `{text}`. Add a unit: {number}m or {number}h.")
    raise UsageError(f"Invalid duration `{text}`. Use a number and a unit, such as 30m, 2h or 3d.")
