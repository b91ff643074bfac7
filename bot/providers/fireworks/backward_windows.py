"""Read a batch job's log newest first from an end time, although the gateway takes only a start time. Pure.

Reading newest first would begin at the newest line, however far that is from the end time. Instead each window is read
oldest first. A window that is empty or sparse makes the next one longer. A window with more lines than `_MOST_LINES` is
given up, and the next one begins later: by the density of the lines read, then in the middle. So the number of requests
grows with the logarithm of the time between two lines, and not with the number of lines after the end time.

    end at 12:00:00, one line a minute          end at 12:00:00, 10,000 lines a second
    11:59:59 .. 12:00:00   no line              11:59:59   .. 12:00:00   more than 1,000: too many
    11:59:51 .. 11:59:59   no line              11:59:59.9 .. 12:00:00   500 lines
    11:58:47 .. 11:59:51   one line
    11:50:15 .. 11:58:47   nine lines

Lines of the end time that were delivered before are subtracted, because a page may end inside a nanosecond.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from bot.domain.durations import NS_PER_SECOND
from bot.domain.gaps import Gap, GapReason
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.errors import CursorLost
from bot.providers.fireworks.delivered_lines import DeliveredLines, key_of
from bot.providers.paging.cursors import pack_cursor, unpack_cursor

_MOST_LINES = 1_000
_GROWTH = 8
_WINDOWS_PER_PAGE = 20


class WindowPosition(msgspec.Struct, array_like=True):
    """The content of a cursor."""

    end_ns: int
    """The end of the next window. Later lines were delivered, and those of this time that are in `delivered`."""
    span_ns: int = NS_PER_SECOND
    """The length of the next window."""
    dense_ns: int | None = None
    """Windows that begin at this time or earlier have too many lines."""
    delivered: tuple[bytes, bytes] = (b"", b"")
    counted_ns: int = 2**63 - 1
    """The earliest start of a window whose mistimed lines were counted; a window that is read again has them again."""


BackwardSteps = Generator[LogQuery, LogPage, LogPage]
"""Yields queries for lines oldest first, is sent their pages, and returns the page newest first."""


@dataclass(slots=True)
class BackwardReader:
    """Reads one page of a query."""

    query: LogQuery
    position: WindowPosition
    first_ns: int
    """The start of the query."""
    pushed_down: frozenset[str] = frozenset()
    gaps: list[Gap] = field(default_factory=list)

    @classmethod
    def resume(cls, query: LogQuery) -> BackwardReader:
        """Begin at the query's cursor or at its end, which must be set. Raises CursorLost if the cursor is invalid."""
        assert query.end_ns is not None
        first_ns = max(0, query.start_ns or 0)
        if query.cursor is None:
            return cls(query, WindowPosition(query.end_ns), first_ns)
        position = unpack_cursor(query.cursor, WindowPosition)
        try:
            DeliveredLines(*position.delivered)
        except ValueError as error:
            raise CursorLost from error
        return cls(query, position, first_ns)

    def steps(self) -> BackwardSteps:
        """Read windows until one has lines, or the query's start is reached."""
        for _ in range(_WINDOWS_PER_PAGE):
            if self.position.end_ns < self.first_ns:
                return self._page((), more=False)
            start_ns = self._next_start()
            lines = yield from self._read_window(start_ns)
            if lines is not None and (fresh := self._take(start_ns, lines)):
                return self._page(fresh, more=self.position.end_ns >= self.first_ns)
        return self._page((), more=True)

    def _next_start(self) -> int:
        position = self.position
        start_ns = position.end_ns - position.span_ns
        if position.dense_ns is not None:
            start_ns = max(start_ns, (position.dense_ns + position.end_ns + 1) // 2)
        return max(start_ns, self.first_ns)

    def _read_window(self, start_ns: int) -> Generator[LogQuery, LogPage, list[LogLine] | None]:
        """Return all lines from a time to the end; None if they are too many. One nanosecond is always read."""
        end_ns = self.position.end_ns
        request = replace(self.query, start_ns=start_ns, end_ns=end_ns, order=Order.ASC, limit=_MOST_LINES, cursor=None)
        lines: list[LogLine] = []
        gaps: list[Gap] = []
        while True:
            page = yield request
            lines += page.lines
            gaps += page.gaps
            self.pushed_down = page.pushed_down
            if not page.more:
                is_again = start_ns >= self.position.counted_ns
                self.gaps += [one for one in gaps if not (is_again and one.reason is GapReason.MISTIMED_LINES)]
                self.position.counted_ns = min(self.position.counted_ns, start_ns)
                return lines
            if len(lines) >= _MOST_LINES and start_ns < end_ns:
                self._shorten(start_ns, lines)
                return None
            request = replace(request, cursor=page.cursor)

    def _shorten(self, start_ns: int, lines: Sequence[LogLine]) -> None:
        """Begin the next window later, so that it has half of the lines if the log is as dense everywhere."""
        self.position.dense_ns = lines[-1].timestamp_ns
        self.position.span_ns = max(1, (lines[-1].timestamp_ns - start_ns) * _MOST_LINES // (2 * len(lines)))

    def _take(self, start_ns: int, lines: Sequence[LogLine]) -> list[LogLine]:
        """Return the newest lines of a window that were not delivered before, and move its end past them."""
        position, limit = self.position, max(1, self.query.limit)
        end_ns = position.end_ns
        known = DeliveredLines(*position.delivered)
        left = Counter(known.counts(end_ns, end_ns))
        fresh: list[LogLine] = []
        for line in reversed(lines):
            if left and left[key_of(line)] > 0:
                left[key_of(line)] -= 1
            else:
                fresh.append(line)
        taken = fresh[:limit]
        is_all = len(taken) == len(fresh)
        position.end_ns = start_ns - 1 if is_all else taken[-1].timestamp_ns
        if position.end_ns != end_ns:
            known = DeliveredLines()
            if position.dense_ns is not None and position.dense_ns >= position.end_ns:
                position.dense_ns = None
        if not is_all:
            known.add(key_of(line) for line in taken if line.timestamp_ns == position.end_ns)
        position.delivered = known.packed()
        position.span_ns = max(1, end_ns - start_ns) * (_GROWTH if len(lines) * _GROWTH < _MOST_LINES else 1)
        return taken

    def _page(self, lines: Sequence[LogLine], *, more: bool) -> LogPage:
        cursor = pack_cursor(self.position) if more else None
        return LogPage(lines, cursor, more, tuple(self.gaps), self.pushed_down, self.position.end_ns if more else None)
