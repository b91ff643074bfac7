"""Read the log of a run exactly: each line once, by its number, even when lines move, arrive late or are missing.

The API pages by offset, and the number of a line identifies it. A skipped number is a hole: it is requested once more
at its offset, then reported as a Gap, at once when reading and after the overlap when following. The API cannot be
queried by time. So a start or an end is found by bisection, as the log is chronological (documented), with a margin of
lines, because several workers write it. A line among those of the window whose time lies far outside it has a wrong
time: the query leaves it out, and a Gap counts it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogCursor, LogLine, LogPage, LogQuery, Order
from bot.providers.paging.cursors import pack_cursor, unpack_cursor
from bot.providers.paging.mistimed_lines import TOLERANCE_NS, MistimedLines
from bot.providers.rivergen.wire import NumberedLine

LARGEST_PAGE = 5000
"""Documented."""
MARGIN = 500
"""Lines that are read before and after a bisected time."""
_BISECT_DOWN_TO = 2000
_PROBE = 3
"""Lines that are read to know the time at an offset: one of them may state a wrong one."""
_REQUESTS_PER_PAGE = 10
_MOST_HOLES = 500


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """One response: lines in order of number, the offset of the first, and the total number of lines."""

    total: int
    offset: int
    lines: Sequence[NumberedLine]


FetchNumbered = Callable[[int, int], Awaitable[NumberedPage]]
"""(offset, limit) → page. A negative offset requests the last `limit` lines."""


class Hole(msgspec.Struct, array_like=True, frozen=True):
    """A range of numbers that was skipped."""

    first: int
    last: int
    offset: int
    """Where the lines would be."""
    before_ns: int
    """The timestamp of the line after them."""


class OffsetPosition(msgspec.Struct, array_like=True):
    """The content of a cursor. It is stored by position, so new fields go to the end."""

    run_id: str
    offset: int
    """Forward: the offset of the next line. Backward: the offset of the last line emitted."""
    at: int = 0
    """The number of the last line passed; 0 before the first."""
    emitted: int = 0
    """Forward: the highest number emitted."""
    newest_ns: int = 0
    known: list[Hole] = []
    """Holes of the round before; their lines are emitted even though their numbers are not new."""
    holes: list[Hole] = []
    """Holes of this round."""
    has_begun: bool = False
    """Whether a line of the window was read."""
    beyond: int = 0
    """The number of lines read since the last one of the window whose times are on its far side, or follow such."""


def run_of(cursor: LogCursor) -> str:
    """Return the run that a cursor reads, so that a reference to the newest run keeps reading the same run."""
    return unpack_cursor(cursor, OffsetPosition).run_id


async def read_page_by_offset(query: LogQuery, run_id: str, fetch: FetchNumbered) -> LogPage:
    """Read one page of a run's log, in the order asked for."""
    reader = _BackwardReader(query, fetch) if query.order is Order.DESC else _ForwardReader(query, fetch)
    return await reader.read(run_id)


async def find_offset(fetch: FetchNumbered, stamp_ns: int) -> tuple[int, int]:
    """Return (low, high) offsets that enclose the first line at or after a time, with a margin."""
    low, high = 0, (total := (await fetch(-1, 1)).total)
    while high - low > _BISECT_DOWN_TO:
        middle = (low + high) // 2
        stamps = sorted(line.timestamp_ns for _, line in (await fetch(middle, _PROBE)).lines)
        is_past = not stamps or stamps[len(stamps) // 2] >= stamp_ns
        low, high = (low, middle) if is_past else (middle, high)
    return max(0, low - MARGIN), min(total, high + MARGIN)


@dataclass(slots=True)
class _Reader(ABC):
    query: LogQuery
    fetch: FetchNumbered
    lines: list[LogLine] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    mistimed: MistimedLines = field(default_factory=MistimedLines)

    async def read(self, run_id: str) -> LogPage:
        """Make requests until there are lines, or the log ends."""
        cursor = self.query.cursor
        position = await self.start(run_id) if cursor is None else unpack_cursor(cursor, OffsetPosition)
        for _ in range(_REQUESTS_PER_PAGE):
            if await self.step(position):
                return self._page(self.finish(position), more=False)
            if self.lines:
                break
        return self._page(pack_cursor(position), more=True)

    def _page(self, cursor: LogCursor | None, *, more: bool) -> LogPage:
        if (mistimed := self.mistimed.gap()) is not None:
            self.gaps.append(mistimed)
        return LogPage(self.lines, cursor, more, tuple(self.gaps))

    @abstractmethod
    async def start(self, run_id: str) -> OffsetPosition:
        """Return where a query without a cursor begins."""

    @abstractmethod
    async def step(self, position: OffsetPosition) -> bool:
        """Read one page of the platform; return whether it was the last."""

    def finish(self, position: OffsetPosition) -> LogCursor | None:
        """Return the cursor of the last page."""
        return None

    @property
    def limit(self) -> int:
        return max(1, self.query.limit)

    def page_size(self, *, skipping: bool) -> int:
        """Return the number of lines to request; when most of them will be skipped, as many as possible."""
        return LARGEST_PAGE if skipping else min(LARGEST_PAGE, self.limit)

    def is_before(self, line: LogLine) -> bool:
        return self.query.start_ns is not None and line.timestamp_ns < self.query.start_ns

    def is_after(self, line: LogLine) -> bool:
        return self.query.end_ns is not None and line.timestamp_ns > self.query.end_ns

    def distance_ns(self, line: LogLine) -> int:
        """How far a line is before the window, as a negative number, or after it."""
        start_ns, end_ns, stamp_ns = self.query.start_ns, self.query.end_ns, line.timestamp_ns
        if start_ns is not None and stamp_ns < start_ns:
            return stamp_ns - start_ns
        return 0 if end_ns is None else max(0, stamp_ns - end_ns)

    def add(self, position: OffsetPosition, line: LogLine) -> None:
        """Add a line of the window. Lines beyond the window that came before it have wrong times."""
        self.lines.append(line)
        position.has_begun = True
        if position.beyond:
            self.mistimed.excluded += position.beyond
            position.beyond = 0

    def exclude(self, position: OffsetPosition, distance_ns: int) -> None:
        """Count a line outside the window if its place in the log shows that its time is wrong.

        `distance_ns` is negative for a line on the side where reading began, and positive on the other side.
        """
        if distance_ns > TOLERANCE_NS or position.beyond:
            position.beyond += 1
        elif position.has_begun and distance_ns < -TOLERANCE_NS:
            self.mistimed.excluded += 1

    def report_hole(self, first: int, last: int, *, start_ns: int | None = None, end_ns: int | None = None) -> None:
        count = last - first + 1
        text = f"RiverGen skips {count} lines of this log (numbers {first} to {last})."
        gap = Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, text, lines=count, start_ns=start_ns, end_ns=end_ns)
        self.gaps.append(gap)


class _ForwardReader(_Reader):
    async def start(self, run_id: str) -> OffsetPosition:
        start_ns = self.query.start_ns
        return OffsetPosition(run_id, 0 if start_ns is None else (await find_offset(self.fetch, start_ns))[0])

    async def step(self, position: OffsetPosition) -> bool:
        skipping = bool(position.known) or (self.query.start_ns is not None and not position.emitted)
        page = await self.fetch(position.offset, self.page_size(skipping=skipping))
        if page.lines and 0 < position.at < page.lines[0].number - 1:
            page = await self._follow_moved_lines(position, page)
        if not page.lines:
            return self._handle_empty(position, page)
        position.offset = page.offset
        for number, line in page.lines:
            if not self._take(position, number, line):
                return self.query.follow and self.is_after(line)
            position.offset += 1
        return all(self.is_after(line) for _, line in page.lines) or position.offset >= page.total

    def finish(self, position: OffsetPosition) -> LogCursor | None:
        if not self.query.follow:
            return None
        overlap_ns = self.query.overlap // timedelta(microseconds=1) * 1000
        holes = position.holes
        while holes and (holes[0].before_ns < position.newest_ns - overlap_ns or len(holes) > _MOST_HOLES):
            self._report(holes[0])
            holes = holes[1:]
        position.known, position.holes = holes, []
        if holes:
            position.offset, position.at = holes[0].offset, holes[0].first - 1
        return pack_cursor(position)

    async def _follow_moved_lines(self, position: OffsetPosition, page: NumberedPage) -> NumberedPage:
        """Numbers are missing before this page: the lines may have moved to lower offsets, so check there once."""
        missing = page.lines[0].number - position.at - 1
        lower = max(0, page.offset - missing)
        if lower == page.offset:
            return page
        moved = await self.fetch(lower, min(LARGEST_PAGE, missing + len(page.lines)))
        found = any(position.at < number < page.lines[0].number for number, _ in moved.lines)
        return moved if found else page

    def _handle_empty(self, position: OffsetPosition, page: NumberedPage) -> bool:
        if page.total < position.offset and position.offset > 0:
            # Lines were removed from the beginning, so offsets have changed: start over and skip what was emitted.
            position.offset = 0
            return page.total == 0
        if page.total > position.offset:
            missing = page.total - position.offset
            text = f"RiverGen reports {missing} more lines of this run than it sends."
            self.gaps.append(Gap(Part.LOGS, GapReason.PROTOCOL, text, lines=missing))
        return True

    def _take(self, position: OffsetPosition, number: int, line: LogLine) -> bool:
        """Take one line; return False when it has to wait for the next page."""
        is_new = number > position.emitted or any(hole.first <= number <= hole.last for hole in position.known)
        is_wanted = is_new and not self.is_before(line) and not self.is_after(line)
        if (is_wanted and len(self.lines) >= self.limit) or (self.query.follow and self.is_after(line)):
            return False
        expected = position.at + 1
        if number > expected and (position.at or position.offset == 0):
            hole = Hole(expected, number - 1, position.offset, line.timestamp_ns)
            if self.query.follow:
                position.holes = [*position.holes, hole]
            else:
                self._report(hole)
        if is_wanted:
            self.add(position, line)
        elif is_new:
            self.exclude(position, self.distance_ns(line))
        position.at = max(position.at, number)
        position.emitted = max(position.emitted, number)
        position.newest_ns = max(position.newest_ns, line.timestamp_ns)
        return True

    def _report(self, hole: Hole) -> None:
        self.report_hole(hole.first, hole.last, end_ns=hole.before_ns)


class _BackwardReader(_Reader):
    async def start(self, run_id: str) -> OffsetPosition:
        end_ns = self.query.end_ns
        return OffsetPosition(run_id, -1 if end_ns is None else (await find_offset(self.fetch, end_ns + 1))[1])

    async def step(self, position: OffsetPosition) -> bool:
        size = self.page_size(skipping=self.query.end_ns is not None and not position.at)
        if position.offset < 0:
            page = await self.fetch(-1, size)
        else:
            lower = max(0, position.offset - size)
            if lower == position.offset:
                return True
            page = await self._add_moved_lines(position, await self._read_range(lower, position.offset))
        if not page.lines:
            return True
        end = page.offset + len(page.lines)
        for offset, (number, line) in zip(range(end - 1, -1, -1), reversed(page.lines), strict=False):
            if not self._take(position, number, line):
                return False
            position.offset = offset
        return all(self.is_before(line) for _, line in page.lines) or position.offset <= 0

    async def _read_range(self, lower: int, upper: int) -> NumberedPage:
        """Return all lines of a range of offsets, even if the server sends fewer at a time than requested."""
        page = await self.fetch(lower, upper - lower)
        lines = list(page.lines)
        while page.lines and lower + len(lines) < min(upper, page.total):
            page = await self.fetch(lower + len(lines), upper - lower - len(lines))
            lines += page.lines
        return NumberedPage(page.total, lower, lines)

    async def _add_moved_lines(self, position: OffsetPosition, page: NumberedPage) -> NumberedPage:
        """Add lines that moved to higher offsets, because lines arrived late among those already emitted."""
        if not page.lines or not position.at or page.lines[-1].number >= position.at - 1:
            return page
        end = page.offset + len(page.lines)
        upper = await self._read_range(end, end + min(LARGEST_PAGE, position.at - 1 - page.lines[-1].number))
        found = [item for item in upper.lines if item.number < position.at]
        return NumberedPage(upper.total, page.offset, [*page.lines, *found])

    def _take(self, position: OffsetPosition, number: int, line: LogLine) -> bool:
        """Take one line; return False when it has to wait for the next page."""
        if position.at and number >= position.at:
            return True
        if not self.is_before(line) and not self.is_after(line):
            if len(self.lines) >= self.limit:
                return False
            if position.at > number + 1:
                self.report_hole(number + 1, position.at - 1, start_ns=line.timestamp_ns)
            self.add(position, line)
        else:
            self.exclude(position, -self.distance_ns(line))
        position.at = number
        return True
