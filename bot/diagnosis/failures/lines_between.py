"""Read the lines of a page between those that its patterns find: they complete excerpts and let failures expire.

Before a line that a pattern finds is judged, all lines before it are read. So the diagnosis depends on the sequence
of lines alone, not on where pages end. Only lines shortly after an event are decoded, each once per page.
"""

from collections.abc import Iterator, Sequence

from bot.diagnosis.failures.excerpts import append_line
from bot.diagnosis.failures.root_cause import RootCauseTracker
from bot.diagnosis.failures.windows import WINDOW, WindowLine, split_parts
from bot.diagnosis.reading.cursor import LineCursor, Origin
from bot.diagnosis.reading.prefixes import LineSource, split_prefix


class LinesBetween:
    """The lines of a page, read up to a position.

    Args:
        page: whole lines.
        offset: of the page in the log.
        first_line: number of its first line, from 0.
        origins: of its lines, if the provider states them.
    """

    def __init__(self, page: bytes, offset: int, first_line: int, origins: Sequence[Origin] | None) -> None:
        self._page, self._offset, self._first_line, self._origins = page, offset, first_line, origins
        self._position = self._index = 0
        self._may_await = True

    def expect_rows(self) -> None:
        """Search for incomplete excerpts again: an event may have begun one."""
        self._may_await = True

    def read_before(self, cursor: LineCursor, tracker: RootCauseTracker, *, has_trained: bool) -> None:
        """Read the lines before that of the cursor."""
        if cursor.start > self._position:
            self._read(cursor.start, cursor.line - self._first_line, tracker, has_trained=has_trained)

    def read_rest(self, tracker: RootCauseTracker, *, has_trained: bool) -> None:
        """Read the lines to the end of the page."""
        count = 0 if self._origins is None else len(self._origins)
        self._read(len(self._page), count, tracker, has_trained=has_trained)

    def _read(self, end: int, end_index: int, tracker: RootCauseTracker, *, has_trained: bool) -> None:
        """Read up to a position, which is on the line with `end_index`."""
        if not (tracker.candidates or tracker.notes or tracker.recovered):
            self._position, self._index = end, end_index
            return
        if self._origins is not None and not has_trained:
            times = (self._origins[index][-1] for index in range(self._index, end_index))
            expiry = tracker.recovery.find_expiry(times)
            if expiry is not None:
                expiry += self._index
                self._complete(self._start_of(expiry), expiry, tracker)
                tracker.expire()
        self._complete(end, end_index, tracker)

    def _start_of(self, index: int) -> int:
        """The position of a line that is not read yet."""
        position = self._position
        for _ in range(index - self._index):
            position = self._page.find(b"\n", position) + 1
        return position

    def _complete(self, end: int, end_index: int, tracker: RootCauseTracker) -> None:
        """Add the lines up to a position to the excerpts that are not complete."""
        start, index = self._position, self._index
        self._position, self._index = end, end_index
        awaiting = [one for one in tracker.all_candidates() if one.missing_lines > 0] if self._may_await else []
        self._may_await = bool(awaiting)
        if not awaiting:
            return
        first = max(start, min(one.excerpt_end for one in awaiting) - self._offset)
        number = self._first_line + index + self._page.count(b"\n", start, first)
        for position, piece, line in self._pieces(first, end, number):
            for one in awaiting:
                if self._offset + position >= one.excerpt_end + WINDOW:
                    one.missing_lines = 0
            if all(one.missing_lines <= 0 for one in awaiting):
                return
            for source, row in self._rows(piece, line):
                for one in awaiting:
                    if one.missing_lines > 0 and self._offset + position >= one.excerpt_end:
                        append_line(one, source, row)

    def _pieces(self, start: int, end: int, line: int) -> Iterator[tuple[int, bytes, int]]:
        """Iterate over the pieces of lines: their positions, their first bytes and the number of their line."""
        while start < end:
            stop = self._page.find(b"\n", start, end)
            stop = end if stop < 0 else stop
            position = start
            for piece in self._page[start:stop].split(b"\r"):
                yield position, piece[:WINDOW], line
                position += len(piece) + 1
            start, line = stop + 1, line + 1

    def _rows(self, piece: bytes, line: int) -> Iterator[tuple[LineSource, WindowLine]]:
        if not piece:
            return
        index = line - self._first_line
        has_origin = self._origins is not None and index < len(self._origins)
        rank, replica = self._origins[index][:2] if self._origins is not None and has_origin else (None, None)
        for part in split_parts(piece.decode("utf-8", "replace")):
            split = split_prefix(part, rank, replica)
            yield split.source, WindowLine(part.strip(), split.text, line + 1)
