"""Places in a log: milliseconds counted in the direction of reading, so that a reader always goes up. Pure.

Oldest first, a line's place is its millisecond; newest first, the negated millisecond. `time_windows` thinks
in places, and the windows that it asks the platform for are in milliseconds again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogLine, Order
from bot.providers.paging.seen_lines import in_order


class Window(NamedTuple):
    """One request: the lines between two milliseconds, in an order, at most `limit`."""

    start_ms: int
    end_ms: int
    order: Order
    limit: int


Fetch = Callable[[Window], Awaitable[list[LogLine]]]
"""Asks the platform once; lines as they come. Raises BadRequest when the window is too long for it."""


@dataclass(frozen=True, slots=True)
class Direction:
    """Oldest first or newest first. All lists of lines are in this order."""

    newest_first: bool

    def place(self, ms: int) -> int:
        """The place of a millisecond; also the millisecond of a place."""
        return -ms if self.newest_first else ms

    def place_of(self, line: LogLine) -> int:
        """The place of a line."""
        return self.place(line[0] // NS_PER_MS)

    def ordered(self, lines: list[LogLine]) -> list[LogLine]:
        """The lines in this direction; equal stamps as they came. Sorts in place."""
        return in_order(lines, newest_first=self.newest_first)

    def before(self, lines: list[LogLine], place: int) -> list[LogLine]:
        """Those that come before a place."""
        return lines[: bisect_left(lines, place, key=self.place_of)]

    def since(self, lines: list[LogLine], place: int) -> list[LogLine]:
        """Those at a place and behind it."""
        return lines[bisect_left(lines, place, key=self.place_of) :]

    def window(self, begin: int, end: int, limit: int, *, from_end: bool = False) -> Window:
        """The first `limit` lines between two places, or, from the other end, the last."""
        start_ms, end_ms = sorted((self.place(begin), self.place(end)))
        return Window(start_ms, end_ms, Order.DESC if self.newest_first != from_end else Order.ASC, limit)
