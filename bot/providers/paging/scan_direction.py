"""Positions in a log: milliseconds counted in the direction of reading, so that a scan always moves up. Pure.

Oldest first, the position of a line is its millisecond; newest first, it is the negated millisecond.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogLine, Order
from bot.providers.paging.seen_lines import in_order


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
        """Return the position of a millisecond."""
        return -ms if self.newest_first else ms

    def ms(self, position: int) -> int:
        """Return the millisecond at a position."""
        return -position if self.newest_first else position

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
        start_ms, end_ms = sorted((self.ms(first), self.ms(last)))
        return TimeWindow(start_ms, end_ms, Order.DESC if self.newest_first != from_end else Order.ASC, limit)
