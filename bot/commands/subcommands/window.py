"""The time span that a command reads: `--since`, `--start` and `--end`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.commands.subcommands.arguments import Arguments
from bot.commands.subcommands.spec import Option
from bot.errors import UsageError


@dataclass(frozen=True, slots=True)
class Window:
    """A time span; bounds are inclusive nanoseconds since the epoch. Without bounds it covers all of the log."""

    since: timedelta | None = None
    """Counted back from now; never set together with `start_ns`."""
    start_ns: int | None = None
    end_ns: int | None = None


ALL_TIME = Window()

WINDOW_OPTIONS = (
    Option("--since", "Start this long ago, such as 30m, 2h or 3d.", "DURATION"),
    Option("--start", "Start at this time (RFC 3339, UTC unless it names a zone).", "TIME"),
    Option("--end", "End at this time, inclusive.", "TIME"),
)
_CONFLICTS = (
    ("--since", "--start", ""),
    ("--since", "--end", "To end earlier, use `--start` with `--end`."),
)


def build_window(arguments: Arguments) -> Window:
    """Read the window options.

    Raises:
        UsageError: a value is invalid, or the options contradict each other.
    """
    arguments.refuse_together(_CONFLICTS)
    start, end = arguments.timestamp_ns("--start"), arguments.timestamp_ns("--end", end_of_day=True)
    if start is not None and end is not None and start > end:
        raise UsageError("`--start` must be before `--end`.")
    return Window(since=arguments.duration("--since"), start_ns=start, end_ns=end)
