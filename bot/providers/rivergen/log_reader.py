"""Reads a run's log exactly: each line once, by its number, whatever is shifted, late or missing. Sends nothing itself.

The API pages by offset, and a line has a number that identifies it. A number that is passed over is a hole: asked for
once more at its place, then told as a Gap, at once when reading and after `overlap` when following. There are no times
to ask for, so a start or an end is found by bisection, as the log is chronological (documented); a margin of lines is
read besides, because several workers write it. The requests are `provider`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogCursor, LogLine, LogPage, LogQuery, Order
from bot.providers.paging.cursors import pack_cursor, unpack_cursor
from bot.providers.rivergen.wire import Numbered

LARGEST_PAGE = 5000
"""Documented."""
MARGIN = 500
"""Lines that are read on both sides of a bisected time."""
_BISECT_DOWN_TO = 2000
_REQUESTS_A_PAGE = 10
_MOST_HOLES = 500


@dataclass(frozen=True, slots=True)
class Chunk:
    """One answer: lines by number, the place of the first of them, and how many lines there are."""

    total: int
    offset: int
    lines: Sequence[Numbered]


Fetch = Callable[[int, int], Awaitable[Chunk]]
"""(offset, limit) to a chunk. A negative offset asks for the last `limit` lines."""


class Hole(msgspec.Struct, array_like=True, frozen=True):
    """Numbers that were passed over."""

    first: int
    last: int
    offset: int
    """Where they would stand."""
    before_ns: int
    """The time of the line behind them."""


class Position(msgspec.Struct, array_like=True):
    """Where a reader stands; the content of a LogCursor."""

    run_id: str
    offset: int
    """Forwards: the place of the next line. Backwards: of the last line given, which is the end of what is left."""
    at: int = 0
    """The number of the last line passed; 0 before the first."""
    given: int = 0
    """Forwards: the highest number given out."""
    newest_ns: int = 0
    known: list[Hole] = []
    """Holes of the round before: their lines are given out although they are not new."""
    holes: list[Hole] = []
    """Holes of this round."""


def run_of(cursor: LogCursor) -> str:
    """The run that a cursor reads, so that a reference to the newest run stays with the run it began with."""
    return unpack_cursor(cursor, Position).run_id


async def read_page(query: LogQuery, run_id: str, fetch: Fetch) -> LogPage:
    """One page of a run's log, in the order asked for."""
    if query.order is Order.DESC:
        return await _Backwards(query, fetch).read(run_id)
    return await _Forwards(query, fetch).read(run_id)


async def find_offset(fetch: Fetch, stamp_ns: int) -> tuple[int, int]:
    """(low, high) places between which the first line at or after a time stands, a margin included."""
    low, high = 0, (await fetch(-1, 1)).total
    total = high
    while high - low > _BISECT_DOWN_TO:
        middle = (low + high) // 2
        probe = await fetch(middle, 1)
        if not probe.lines or probe.lines[0].line.timestamp_ns >= stamp_ns:
            high = middle
        else:
            low = middle
    return max(0, low - MARGIN), min(total, high + MARGIN)


@dataclass(slots=True)
class _Forwards:
    query: LogQuery
    fetch: Fetch
    fresh: list[LogLine] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    async def read(self, run_id: str) -> LogPage:
        query = self.query
        if query.cursor is not None:
            position = unpack_cursor(query.cursor, Position)
        else:
            offset = 0 if query.start_ns is None else (await find_offset(self.fetch, query.start_ns))[0]
            position = Position(run_id, offset)
        for _ in range(_REQUESTS_A_PAGE):
            if await self._step(position):
                return self._end(position)
            if self.fresh:
                break
        return LogPage(self.fresh, pack_cursor(position), more=True, gaps=tuple(self.gaps))

    async def _step(self, position: Position) -> bool:
        """Take one chunk; whether it was the last."""
        passing = bool(position.known) or (self.query.start_ns is not None and not position.given)
        size = LARGEST_PAGE if passing else min(LARGEST_PAGE, max(1, self.query.limit))
        chunk = await self.fetch(position.offset, size)
        if chunk.lines and 0 < position.at < chunk.lines[0].number - 1:
            chunk = await self._shifted(position, chunk)
        if not chunk.lines:
            return self._nothing(position, chunk)
        position.offset = chunk.offset
        for number, line in chunk.lines:
            if not self._take(position, number, line):
                return self.query.follow and self._after_end(line)
            position.offset += 1
        end_ns = self.query.end_ns
        passed = end_ns is not None and all(line.timestamp_ns > end_ns for _, line in chunk.lines)
        return passed or position.offset >= chunk.total

    async def _shifted(self, position: Position, chunk: Chunk) -> Chunk:
        """Numbers are missing before this chunk: lines may have moved to lower places, so look there once."""
        missing = chunk.lines[0].number - position.at - 1
        lower = max(0, chunk.offset - missing)
        if lower == chunk.offset:
            return chunk
        moved = await self.fetch(lower, min(LARGEST_PAGE, missing + len(chunk.lines)))
        found = any(position.at < number < chunk.lines[0].number for number, _ in moved.lines)
        return moved if found else chunk

    def _nothing(self, position: Position, chunk: Chunk) -> bool:
        if chunk.total < position.offset and position.offset > 0:
            # Lines were removed at the head, so places count less than before: pass over what has been given.
            position.offset = 0
            return chunk.total == 0
        if chunk.total > position.offset:
            missing = chunk.total - position.offset
            self._gap(f"RiverGen counts {missing} more lines of this run than it sends.", missing, GapReason.PROTOCOL)
        return True

    def _take(self, position: Position, number: int, line: LogLine) -> bool:
        """Deal with one line; False when it has to wait for the next page."""
        new = number > position.given or any(hole.first <= number <= hole.last for hole in position.known)
        wanted = new and self._within(line)
        if (wanted and len(self.fresh) >= max(1, self.query.limit)) or (self.query.follow and self._after_end(line)):
            return False
        expected = position.at + 1
        if number > expected and (position.at or position.offset == 0):
            self._hole(position, Hole(expected, number - 1, position.offset, line.timestamp_ns))
        if wanted:
            self.fresh.append(line)
        position.at = max(position.at, number)
        position.given = max(position.given, number)
        position.newest_ns = max(position.newest_ns, line.timestamp_ns)
        return True

    def _within(self, line: LogLine) -> bool:
        start_ns = self.query.start_ns
        return (start_ns is None or line.timestamp_ns >= start_ns) and not self._after_end(line)

    def _after_end(self, line: LogLine) -> bool:
        return self.query.end_ns is not None and line.timestamp_ns > self.query.end_ns

    def _hole(self, position: Position, hole: Hole) -> None:
        if self.query.follow:
            position.holes = [*position.holes, hole]
        else:
            self._lost(hole)

    def _end(self, position: Position) -> LogPage:
        if not self.query.follow:
            return LogPage(self.fresh, None, more=False, gaps=tuple(self.gaps))
        look_back_ns = self.query.overlap // timedelta(microseconds=1) * 1000
        holes = position.holes
        while holes and (holes[0].before_ns < position.newest_ns - look_back_ns or len(holes) > _MOST_HOLES):
            self._lost(holes[0])
            holes = holes[1:]
        position.known, position.holes = holes, []
        if holes:
            position.offset, position.at = holes[0].offset, holes[0].first - 1
        return LogPage(self.fresh, pack_cursor(position), more=False, gaps=tuple(self.gaps))

    def _lost(self, hole: Hole) -> None:
        count = hole.last - hole.first + 1
        text = f"RiverGen passes over {count} lines of this log (numbers {hole.first} to {hole.last})."
        self._gap(text, count, GapReason.UNREACHABLE_LINES, hole.before_ns)

    def _gap(self, text: str, lines: int, reason: GapReason, end_ns: int | None = None) -> None:
        self.gaps.append(Gap(Part.LOGS, reason, text, lines=lines, end_ns=end_ns))


@dataclass(slots=True)
class _Backwards:
    query: LogQuery
    fetch: Fetch
    fresh: list[LogLine] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    async def read(self, run_id: str) -> LogPage:
        query = self.query
        if query.cursor is not None:
            position = unpack_cursor(query.cursor, Position)
        elif query.end_ns is not None:
            position = Position(run_id, (await find_offset(self.fetch, query.end_ns + 1))[1])
        else:
            position = Position(run_id, -1)
        for _ in range(_REQUESTS_A_PAGE):
            if await self._step(position):
                return LogPage(self.fresh, None, more=False, gaps=tuple(self.gaps))
            if self.fresh:
                break
        return LogPage(self.fresh, pack_cursor(position), more=True, gaps=tuple(self.gaps))

    async def _step(self, position: Position) -> bool:
        """Take one chunk from its end; whether it was the last."""
        passing = self.query.end_ns is not None and not position.at
        size = LARGEST_PAGE if passing else min(LARGEST_PAGE, max(1, self.query.limit))
        if position.offset < 0:
            chunk = await self.fetch(-1, size)
        else:
            lower = max(0, position.offset - size)
            if lower == position.offset:
                return True
            chunk = await self._unshifted(position, await self._range(lower, position.offset))
        if not chunk.lines:
            return True
        end = chunk.offset + len(chunk.lines)
        for place, (number, line) in zip(range(end - 1, -1, -1), reversed(chunk.lines), strict=False):
            if not self._take(position, number, line):
                return False
            position.offset = place
        start_ns = self.query.start_ns
        passed = start_ns is not None and all(line.timestamp_ns < start_ns for _, line in chunk.lines)
        return passed or position.offset <= 0

    async def _range(self, lower: int, upper: int) -> Chunk:
        """All lines of these places, also from a server that sends fewer at a time than it is asked for."""
        chunk = await self.fetch(lower, upper - lower)
        lines = list(chunk.lines)
        while chunk.lines and lower + len(lines) < min(upper, chunk.total):
            chunk = await self.fetch(lower + len(lines), upper - lower - len(lines))
            lines += chunk.lines
        return Chunk(chunk.total, lower, lines)

    async def _unshifted(self, position: Position, chunk: Chunk) -> Chunk:
        """Lines that came late stand among those already given and have moved the others to higher places."""
        if not chunk.lines or not position.at or chunk.lines[-1].number >= position.at - 1:
            return chunk
        end = chunk.offset + len(chunk.lines)
        upper = await self._range(end, end + min(LARGEST_PAGE, position.at - 1 - chunk.lines[-1].number))
        found = [item for item in upper.lines if item.number < position.at]
        return Chunk(upper.total, chunk.offset, [*chunk.lines, *found])

    def _take(self, position: Position, number: int, line: LogLine) -> bool:
        query = self.query
        if position.at and number >= position.at:
            return True
        after_start = query.start_ns is None or line.timestamp_ns >= query.start_ns
        before_end = query.end_ns is None or line.timestamp_ns <= query.end_ns
        if after_start and before_end:
            if len(self.fresh) >= max(1, query.limit):
                return False
            if position.at > number + 1:
                count = position.at - number - 1
                text = f"RiverGen passes over {count} lines of this log (numbers {number + 1} to {position.at - 1})."
                start_ns = line.timestamp_ns
                self.gaps.append(Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, text, lines=count, start_ns=start_ns))
            self.fresh.append(line)
        position.at = number
        return True
