"""The time span that a command reads: `--since`, `--start` and `--end`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Window:
    """A time span; bounds are inclusive nanoseconds since the epoch. Without bounds it covers all of the log."""

    since: timedelta | None = None
    """Counted back from now; never set together with `start_ns`."""
    start_ns: int | None = None
    end_ns: int | None = None


ALL_TIME = Window()
