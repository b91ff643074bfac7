"""Positions of a scan by time windows, and what it remembers: of the endpoint, between pages, and within a page. Pure.

A position is a millisecond counted in the direction of reading, so that a scan always moves up: oldest first, the
millisecond of a line; newest first, the negated millisecond.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, TypeVar

import msgspec

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogLine, Order
from bot.providers.paging.seen_lines import SeenLines, in_order


class TimeWindow(NamedTuple):
    """One request: the lines between two milliseconds, in an order, at most `limit`."""

    start_ms: int
    end_ms: int
    order: Order
    limit: int


FetchWindow = Callable[[TimeWindow], Awaitable[list[LogLine]]]
"""Sends one request and returns the lines as they come. Raises BadRequest when the window is too long."""


class WindowRequest(NamedTuple):
    """A window to fetch, and by which query."""

    window: TimeWindow
    query: int = 0
    """0 for the query itself; 1, 2, ... for the narrower queries that also match its lines."""


_Result = TypeVar("_Result")
Steps = Generator[WindowRequest, list[LogLine], _Result]
"""A computation that yields each request and is sent the lines that came back, so that it needs no I/O."""


@dataclass(frozen=True, slots=True)
class ScanDirection:
    """Oldest first or newest first. All lists of lines are in this order."""

    newest_first: bool

    def position(self, ms: int) -> int:
        """Return the position of a millisecond, or the millisecond at a position."""
        return -ms if self.newest_first else ms

    def position_of(self, line: LogLine) -> int:
        """Return the position of a line."""
        return self.position(line.timestamp_ns // NS_PER_MS)

    def ordered(self, lines: list[LogLine]) -> list[LogLine]:
        """Sort the lines in place in this direction; lines with equal timestamps keep their order."""
        return in_order(lines, newest_first=self.newest_first)

    def before(self, lines: list[LogLine], position: int) -> list[LogLine]:
        """Return the lines before a position."""
        return lines[: bisect_left(lines, position, key=self.position_of)]

    def at_or_after(self, lines: list[LogLine], position: int) -> list[LogLine]:
        """Return the lines at a position and after it."""
        return lines[bisect_left(lines, position, key=self.position_of) :]

    def window(self, first: int, last: int, limit: int, *, from_end: bool = False) -> TimeWindow:
        """Return the request for the first `limit` lines between two positions, or for the last ones."""
        start_ms, end_ms = sorted((self.position(first), self.position(last)))
        return TimeWindow(start_ms, end_ms, Order.DESC if self.newest_first != from_end else Order.ASC, limit)


@dataclass(slots=True)
class Endpoint:
    """The bounds of one log endpoint: documented ones, and those that its answers have shown so far."""

    longest: timedelta
    """The longest window it accepts."""
    fallback: timedelta
    """The longest window that an older version of it accepts; tried when it refuses a longer one."""
    page_size: int = 1000
    largest: int = 0
    """The largest page it has returned: a smaller one was probably not cut."""


class ScanState(msgspec.Struct, array_like=True):
    """The content of a cursor. It is stored by position, so new fields go to the end."""

    follow: bool
    newest_first: bool
    start_ns: int
    """Lines before it are left out."""
    end_ns: int
    """Lines after it are left out; fixed when a scan begins."""
    position: int | None = None
    """Where the next request begins; None before a scan. `seen` holds every line emitted at or after it."""
    cut_at: int = 0
    """The largest page that was smaller than asked and yet not the last; 0 when there was none."""
    floor_ms: int | None = None
    """Where a follower's next scan begins; None before the first is complete."""
    newest_ns: int = 0
    """For a follower, the newest line emitted; otherwise, the last."""
    seen_base_ms: int = 0
    seen: bytes = b""
    scans: int = 0
    """The number of scans that a follower has completed."""
    mistimed: bytes = b""
    """Which lines outside the requested ranges were emitted or counted."""


@dataclass(slots=True)
class PageLines:
    """Collects the new lines of one page, and remembers those that later requests may return again."""

    state: ScanState
    direction: ScanDirection
    limit: int
    lines: list[LogLine] = field(default_factory=list)
    seen: SeenLines = field(init=False)
    _remembered: int = 0

    def __post_init__(self) -> None:
        self.seen = SeenLines(self.state.seen_base_ms, self.state.seen)

    def add(self, lines: list[LogLine]) -> bool:
        """Add the new ones of these whole milliseconds; return False when not all of them fit."""
        inside = self._within_bounds(lines)
        # Lines after the last seen one are new; the check costs a hash per line, so it is made only before that.
        last_seen = self.direction.position(self.seen.first_ms if self.state.newest_first else self.seen.last_ms)
        new = self.seen.unseen(self.direction.before(inside, last_seen + 1))
        new += self.direction.at_or_after(inside, last_seen + 1)
        room = self.limit - len(self.lines)
        self.lines += new[:room]
        return len(new) <= room

    def remember(self, keep_from: int) -> None:
        """Remember the lines at or after a position, and forget all others."""
        first_ms, last_ms = (0, -keep_from) if self.state.newest_first else (keep_from, None)
        self.seen.keep(first_ms, last_ms)
        self.seen.add(self.direction.at_or_after(self.lines[self._remembered :], keep_from))
        self._remembered = len(self.lines)

    def seen_from(self, position: int) -> int:
        """Return how many lines at or after a position were emitted before."""
        return len(self.seen) if self.state.newest_first else self.seen.count(position)

    def next_floor(self, keep_from: int) -> int:
        """Return where a follower's next scan begins: where `seen` is complete."""
        return max(keep_from, self.seen.first_ms + 1) if self.seen.is_full else keep_from

    def _within_bounds(self, lines: list[LogLine]) -> list[LogLine]:
        start_ns, end_ns = self.state.start_ns, self.state.end_ns
        if not lines or all(start_ns <= line.timestamp_ns <= end_ns for line in (lines[0], lines[-1])):
            return lines
        return [line for line in lines if start_ns <= line.timestamp_ns <= end_ns]
