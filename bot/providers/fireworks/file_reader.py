"""Read a log file on object storage page by page: each line once, in either direction, in bounded memory. Pure.

The file can be read from any offset, and it grows. A cursor is an offset, so nothing is read twice, and no line can
appear behind it. A time is found by bisection, as lines are in the order of time (`line_times`).

Lines at the end of the file may state no time, or none of them may. They were written some time after the last line
that does, so a window that begins later has them too: too many lines are better than none. A follower gives them the
time at which it read.
"""

from __future__ import annotations

import enum
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from bot.domain.durations import NS_PER_SECOND
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.providers.fireworks.line_times import Anchor, FileLine, LineClock, TimedLine, parse_line_time, split_lines
from bot.providers.paging.cursors import pack_cursor, unpack_cursor

_STALE_NS = 300 * NS_PER_SECOND
"""A follower trusts the last stated time for this long."""
_CHECKED_BYTES = 64
_REQUESTS_PER_PAGE = 20
_TAIL_CHUNKS = 16
"""How much of the end of a file is searched for the last line that states a time."""


class FileRange(NamedTuple):
    """A part of the file to fetch."""

    offset: int
    length: int


class ReadSizes(NamedTuple):
    """How much is read at once, in bytes."""

    chunk: int = 1024 * 1024
    """Of one request. A longer line is returned in parts."""
    warm_up: int = 64 * 1024
    """Before those of a page, to know the time of its first line."""


READ_SIZES = ReadSizes()


class FilePart(NamedTuple):
    """A part of the file, shorter than requested only at its end, and the size of the file."""

    data: bytes
    size: int


class FilePosition(msgspec.Struct, array_like=True):
    """The content of a cursor. It is stored by position, so new fields go to the end."""

    source: str
    """Which file of the job it is."""
    offset: int = 0
    """Oldest first: of the next line. Newest first: the end of the next line."""
    anchor: Anchor = Anchor(0)
    """The last line before the offset that stated a time."""
    check: bytes = b""
    """Digest of the bytes before the offset: a file that was replaced has others."""
    read_ns: int = 0
    """When a follower last read the file."""
    untimed_from: int | None = None
    """Offset from which lines belong to the window although the last stated time is before it."""


@dataclass(frozen=True, slots=True)
class LogFileInfo:
    """What is known of the file."""

    source: str
    first_ns: int
    """When the job began: the time of lines before the first that states one."""
    last_ns: int
    """When the job ended, else now."""
    is_complete: bool
    """Whether the job has ended, so that the last line is whole even without a newline."""


class _Rest(enum.Enum):
    """What is left of a part of the file."""

    NONE = "none"
    """No whole line."""
    WANTED = "wanted"
    """Lines beyond the limit."""
    OUTSIDE = "outside"
    """Lines outside the window, as all further ones are."""


FileSteps = Generator[FileRange, FilePart, LogPage]
"""Yields ranges, is sent their content, and returns the page."""


@dataclass(slots=True)
class FileReader:
    """Reads one page of a query."""

    query: LogQuery
    info: LogFileInfo
    position: FilePosition
    gaps: list[Gap] = field(default_factory=list)
    is_new: bool = True
    sizes: ReadSizes = READ_SIZES

    @classmethod
    def resume(cls, query: LogQuery, info: LogFileInfo, sizes: ReadSizes = READ_SIZES) -> FileReader:
        """Begin at the query's cursor, or at its start if there is none. Raises CursorLost if the cursor is invalid."""
        first = FilePosition(info.source, anchor=Anchor(info.first_ns))
        if query.cursor is None:
            return cls(query, info, first, sizes=sizes)
        position = unpack_cursor(query.cursor, FilePosition)
        if position.source != info.source:  # the trainer's log has appeared since
            return cls(query, info, msgspec.structs.replace(first, read_ns=position.read_ns), sizes=sizes)
        return cls(query, info, position, is_new=False, sizes=sizes)

    def steps(self) -> FileSteps:
        """Read one page."""
        if self.query.order is Order.DESC:
            return (yield from self._read_backward())
        return (yield from self._read_forward())

    def _read_forward(self) -> FileSteps:
        position = self.position
        if self.is_new:
            yield from self._find_start()
        for _ in range(_REQUESTS_PER_PAGE):
            checked = min(position.offset, _CHECKED_BYTES) if position.check else 0
            part = yield FileRange(position.offset - checked, self.sizes.chunk)
            if part.size < position.offset or (checked and _digest(part.data[:checked]) != position.check):
                self._start_again()
                position = self.position
                continue
            is_end = position.offset - checked + len(part.data) >= part.size
            kept, rest = self._take_forward(part.data, checked, is_end=is_end)
            is_last = rest is _Rest.OUTSIDE or (rest is _Rest.NONE and is_end)
            if kept or is_last:
                return self._page(kept, more=not is_last)
        return self._page((), more=True)

    def _take_forward(self, data: bytes, checked: int, *, is_end: bool) -> tuple[list[LogLine], _Rest]:
        """Take the lines of a part, up to the limit; return those of the window, and what is left of the part."""
        position, limit, end_ns = self.position, max(1, self.query.limit), self.query.end_ns
        lines = self._whole_lines(data[checked:], position.offset, is_end=is_end and not self._may_grow())
        clock = self._clock(position.anchor)
        kept: list[LogLine] = []
        end, rest = position.offset, _Rest.NONE
        for timed in clock.read(lines):
            time_ns = self._time_read(timed)
            if end_ns is not None and time_ns > end_ns:
                rest = _Rest.OUTSIDE
            elif len(kept) >= limit:
                rest = _Rest.WANTED
            if rest is not _Rest.NONE:
                break
            position.anchor = clock.anchor
            end = timed.line.end
            if self._is_in_window(time_ns, timed.line):
                kept.append(_log_line(time_ns, timed.line))
        seen = data[: checked + end - position.offset][-_CHECKED_BYTES:]
        position.check = _digest(seen) if len(seen) == min(end, _CHECKED_BYTES) else b""
        position.offset = end
        return kept, rest

    def _time_read(self, timed: TimedLine) -> int:
        """Return a line's time; for a follower, a line that states none long after the last that does is new."""
        read_ns = self.position.read_ns
        is_stale = not timed.states_time and timed.time_ns < read_ns - _STALE_NS
        return Anchor(read_ns, self.position.anchor.offset).carry_to(timed.line.offset) if is_stale else timed.time_ns

    def _read_backward(self) -> FileSteps:
        position = self.position
        if self.is_new:
            yield from self._find_end()
        for _ in range(_REQUESTS_PER_PAGE):
            start = max(0, position.offset - self.sizes.chunk)
            before = max(0, start - self.sizes.warm_up)
            part = yield FileRange(before, position.offset - before)
            lines = self._timed_part(part.data[: position.offset - before], before, start)
            kept, rest = self._take_backward(lines)
            is_last = rest is _Rest.OUTSIDE or position.offset <= 0 or not lines
            if kept or is_last:
                return self._page(kept, more=not is_last)
        return self._page((), more=True)

    def _take_backward(self, lines: Sequence[TimedLine]) -> tuple[list[LogLine], _Rest]:
        """Take the newest lines of a part, up to the limit; return those of the window, and what is left of it."""
        position, limit, end_ns = self.position, max(1, self.query.limit), self.query.end_ns
        kept: list[LogLine] = []
        for timed in reversed(lines):
            if not self._is_in_window(timed.time_ns, timed.line):
                return kept, _Rest.OUTSIDE
            if len(kept) >= limit:
                return kept, _Rest.WANTED
            position.offset = timed.line.offset
            if end_ns is None or timed.time_ns <= end_ns:
                kept.append(_log_line(timed.time_ns, timed.line))
        return kept, _Rest.NONE

    def _timed_part(self, data: bytes, before: int, start: int) -> list[TimedLine]:
        """Return the lines of a part that begin at `start` or later; those before it only give the first its time."""
        skipped = 0 if before == 0 else data.find(b"\n") + 1
        skipped = 0 if skipped == len(data) else skipped  # one line longer than all the data
        lines = self._whole_lines(data[skipped:], before + skipped, is_end=True)
        timed = list(self._clock(Anchor(self.info.first_ns)).read(lines))
        first = next((index for index, one in enumerate(timed) if one.line.offset >= start), 0)
        if before and not any(one.states_time for one in timed[: first + 1]):
            # Lines before the first that states a time belong to the next page, where their time is known.
            stated = next((index for index, one in enumerate(timed) if one.states_time), first)
            first = stated if stated < len(timed) else first
        return timed[first:]

    def _find_start(self) -> Generator[FileRange, FilePart, None]:
        """Move to the first line of the window, or to one before it."""
        start_ns, position = self.query.start_ns, self.position
        if self.query.follow:
            position.read_ns = position.read_ns or start_ns or 0
        if start_ns is None or start_ns <= self.info.first_ns:
            return
        head = yield FileRange(0, self.sizes.chunk)
        if head.size <= len(head.data):
            self._find_untimed(split_lines(head.data, 0, is_end=True), start_ns)
            return
        anchor = yield from self._find_untimed_end(head.size, start_ns)
        if position.untimed_from is not None:
            position.offset, position.anchor = position.untimed_from, anchor
            return
        position.offset = yield from self._bisect(start_ns, head.size)
        if position.offset:
            yield from self._read_anchor()

    def _find_end(self) -> Generator[FileRange, FilePart, None]:
        """Move to the end of the last line of the window, or of one after it."""
        start_ns, end_ns, position = self.query.start_ns, self.query.end_ns, self.position
        head = yield FileRange(0, self.sizes.chunk)
        position.offset = head.size
        if start_ns is not None and start_ns > self.info.first_ns:
            if head.size <= len(head.data):
                self._find_untimed(split_lines(head.data, 0, is_end=True), start_ns)
            else:
                yield from self._find_untimed_end(head.size, start_ns)
        if end_ns is not None and head.size > self.sizes.chunk:
            found = yield from self._bisect(end_ns + 1, head.size, forward=False)
            position.offset = min(head.size, found)

    def _find_untimed_end(self, size: int, start_ns: int) -> Generator[FileRange, FilePart, Anchor]:
        length = self.sizes.chunk
        while True:
            start = max(0, size - length)
            tail = yield FileRange(start, size - start)
            skipped = tail.data.find(b"\n") + 1 if start else 0
            lines = split_lines(tail.data[skipped:], start + skipped, is_end=True)
            states_time = any(parse_line_time(line.text, {}) is not None for line in lines)
            if states_time or not start or length >= self.sizes.chunk * _TAIL_CHUNKS:
                return self._find_untimed(lines, start_ns)
            length *= 4

    def _find_untimed(self, lines: Sequence[FileLine], start_ns: int) -> Anchor:
        """Note where lines begin that state no time, if no line before them states one in the window.

        Returns the last line that states a time.
        """
        clock = self._clock(Anchor(self.info.first_ns))
        timed = list(clock.read(lines))
        last = max((index for index, one in enumerate(timed) if one.states_time), default=-1)
        is_known = last >= 0 and timed[last].time_ns >= start_ns
        if last < len(timed) - 1 and not is_known and start_ns <= self.info.last_ns:
            self.position.untimed_from = lines[last + 1].offset
            if not self.query.follow:
                text = "Lines at the end of this log state no time, so they are shown whatever their age."
                self.gaps.append(Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, text, start_ns=start_ns))
        return clock.anchor

    def _bisect(self, time_ns: int, size: int, *, forward: bool = True) -> Generator[FileRange, FilePart, int]:
        """Return an offset at the start of a line, just before (or after) the first line of a time."""
        low, high = 0, size
        while high - low > self.sizes.chunk // 2:
            middle = (low + high) // 2
            part = yield FileRange(middle, self.sizes.warm_up)
            lines = split_lines(part.data, middle, is_end=False)[1:]
            clock = self._clock(Anchor(self.info.first_ns))
            stated = next((one.time_ns for one in clock.read(lines) if one.states_time), None)
            is_before = stated < time_ns if stated is not None else not forward
            low, high = (middle, high) if is_before else (low, middle)
        around = max(0, low - self.sizes.warm_up) if forward else min(size, high + self.sizes.warm_up)
        if around in (0, size):
            return around
        part = yield FileRange(around, self.sizes.chunk)
        return around + part.data.find(b"\n") + 1

    def _read_anchor(self) -> Generator[FileRange, FilePart, None]:
        """Read the last time that is stated before the position."""
        position = self.position
        before = max(0, position.offset - self.sizes.warm_up)
        part = yield FileRange(before, position.offset - before)
        lines = split_lines(part.data, before, is_end=False)[1 if before else 0 :]
        clock = self._clock(Anchor(self.info.first_ns))
        for _ in clock.read(lines):
            pass
        position.anchor = clock.anchor

    def _clock(self, anchor: Anchor) -> LineClock:
        return LineClock(anchor, self.info.first_ns, self.info.last_ns)

    def _is_in_window(self, time_ns: int, line: FileLine) -> bool:
        start_ns, untimed_from = self.query.start_ns, self.position.untimed_from
        is_untimed = untimed_from is not None and line.offset >= untimed_from
        return start_ns is None or time_ns >= start_ns or is_untimed

    def _whole_lines(self, data: bytes, offset: int, *, is_end: bool) -> list[FileLine]:
        """Split into lines; a line that fills all the data is cut at a character, so that reading always goes on."""
        lines = split_lines(data, offset, is_end=is_end)
        if lines or len(data) < self.sizes.chunk - _CHECKED_BYTES:
            return lines
        cut = len(data)
        while cut > len(data) - 4 and data[cut - 1] & 0xC0 == 0x80:
            cut -= 1
        cut -= 1 if data[cut - 1] >= 0xC0 else 0
        return [FileLine(offset, offset + cut, data[:cut])]

    def _may_grow(self) -> bool:
        return self.query.follow and not self.info.is_complete

    def _start_again(self) -> None:
        text = "The log file was replaced by another, as after a restart of the job. It is read from its beginning."
        self.gaps.append(Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, text))
        self.position = FilePosition(self.info.source, anchor=Anchor(self.info.first_ns), read_ns=self.position.read_ns)

    def _page(self, lines: Sequence[LogLine], *, more: bool) -> LogPage:
        if self.query.follow and not more:
            self.position.read_ns = max(self.position.read_ns, self.info.last_ns)
        cursor = pack_cursor(self.position) if more or self.query.follow else None
        return LogPage(lines, cursor, more, tuple(self.gaps))


def _log_line(time_ns: int, line: FileLine) -> LogLine:
    return LogLine(time_ns, line.text.decode("utf-8", "replace"))


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=8).digest()
