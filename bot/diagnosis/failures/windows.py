"""Read the lines before an event: those of its process, and those of all others."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby, islice
from typing import NamedTuple

from bot.diagnosis.failures.frames import LineKind, line_kind
from bot.diagnosis.reading.cursor import LineCursor
from bot.diagnosis.reading.origins import MAX_LINES, OriginRun, origins_before
from bot.diagnosis.reading.prefixes import LineSource, split_prefix, unwrap_json
from bot.diagnosis.reading.sourced_lines import SourcedLine, newest_sourced_lines

WINDOW = 8192
"""Number of bytes before and after the decisive line that its excerpt is chosen from."""
SEARCHED_LINES = 20
"""Number of lines before an event that are searched, without progress."""
STATE_WINDOW = 2000
"""Number of bytes before a container's exit code in which its state is named."""
_RUNNING = re.compile(rb"(?m)^\s*State:\s+Running|^\S+ +\d+/\d+ +Running\b")
"""As `kubectl describe pod` and `kubectl get pods` write it."""


class UnreadLines(NamedTuple):
    """The lines before an event, kept until they matter. A NamedTuple is stored as an array."""

    window: str
    """Whole lines, as Latin-1, which preserves any bytes."""
    origins: list[OriginRun]
    """Where they come from, newest first, as far as the provider states it."""

    def newest_first(self) -> Iterator[SourcedLine]:
        """Read the lines of all processes one by one."""
        origins = (run[:2] for run in self.origins for _ in range(run.lines))
        return newest_sourced_lines(self.window.encode("latin-1"), origins)

    def read(self) -> list[SourcedLine]:
        """Read all lines, oldest first."""
        return list(self.newest_first())[::-1]


@dataclass(slots=True)
class Place:
    """Where in the log an event is, with the log before it."""

    cursor: LineCursor
    tail: bytes
    tail_origins: Sequence[OriginRun]
    """Where the last lines of the tail come from, oldest first."""
    offset: int
    """Of the page in the log."""
    source: LineSource
    has_rank_prefix: bool
    """Does the line itself state the rank of its source?"""
    line: str
    """The event's line, or its part of a line of structured logging."""
    has_steps: bool = False
    """Had the run logged progress before it?"""
    parts_before: list[str] = field(default_factory=list)
    """The other parts of that line before it."""
    known_lines: list[SourcedLine] | None = None
    """All lines before the event, once they are read."""
    known_rows: "list[WindowLine]" = field(default_factory=list)
    """The newest lines before it that are read, newest first."""
    unread_rows: "Iterator[WindowLine] | None" = None
    """The others."""

    @property
    def own_source(self) -> LineSource:
        """The source that its own line states."""
        return self.source if self.has_rank_prefix else self.source._replace(rank=None)

    def lines_since(self, offset: int = 0) -> list[SourcedLine]:
        """The lines between a position in the log and the event, up to `WINDOW` bytes, of all processes."""
        window = text_before(self.cursor, self.tail)
        cut = offset - (self.offset + self.cursor.start - len(window))
        if cut > 0:
            return self._unread(window[cut:]).read()
        if self.known_lines is None:
            self.known_lines = self.unread_lines().read()
        return self.known_lines

    def newest_lines(self) -> Iterator[SourcedLine]:
        """All lines before the event, newest first, read one by one."""
        return self.unread_lines().newest_first() if self.known_lines is None else reversed(self.known_lines)

    def unread_lines(self) -> UnreadLines:
        """All lines before the event, up to `WINDOW` bytes, to be read later."""
        window = text_before(self.cursor, self.tail)
        return self._unread(window[window.find(b"\n") + 1 :] if len(window) >= WINDOW else window)

    def _unread(self, lines: bytes) -> UnreadLines:
        runs: list[OriginRun] = []
        if self.cursor.origins is not None or self.tail_origins:
            origins = islice(origins_before(self.cursor, self.tail_origins, lines.count(b"\n") + 1), 1, None)
            runs = [OriginRun(*origin, len(list(same))) for origin, same in groupby(origins)]
        return UnreadLines(lines.decode("latin-1"), runs)

    def newest_texts(self) -> Iterator[str]:
        """All lines before the event, newest first, without prefixes, read one by one."""
        return (line.text for line in self.newest_lines())

    def texts_before(self) -> list[str]:
        """The lines before the event, of all processes, without prefixes."""
        return [line.text for line in self.lines_since()]


class WindowLine(NamedTuple):
    """One line near an event."""

    shown: str
    text: str
    """Without prefixes."""
    number: int
    """From 1 at the start of the log."""
    source: LineSource = LineSource()


def text_before(cursor: LineCursor, tail: bytes, size: int = WINDOW) -> bytes:
    """Return the text before the line, on this page and in the tail of the log before it."""
    before = cursor.page[max(0, cursor.start - size) : cursor.start]
    return before if cursor.start >= size else tail[-(size - cursor.start) :] + before


def read_lines_before(place: Place) -> Iterator[WindowLine]:
    """Iterate over the lines before an event, of all processes, newest first."""
    number = place.cursor.line + 1
    for part in reversed(place.parts_before):
        if part.strip():
            yield WindowLine(part.rstrip(), split_prefix(part).text, number, place.source)
    if place.unread_rows is None:
        place.unread_rows = _read_rows(place)
    for index in count():
        if index == len(place.known_rows):
            row = next(place.unread_rows, None)
            if row is None:
                return
            place.known_rows.append(row)
        yield place.known_rows[index]


def _read_rows(place: Place) -> Iterator[WindowLine]:
    number = place.cursor.line + 1
    window = text_before(place.cursor, place.tail)
    lines = window.split(b"\n")
    if len(window) >= WINDOW:
        del lines[0]  # its start is cut off
    newest = lines[: -MAX_LINES - 1 : -1]
    origins = origins_before(place.cursor, place.tail_origins, len(newest))
    for index, (raw, (rank, replica)) in enumerate(zip(newest, origins, strict=True)):
        for piece in reversed(raw.split(b"\r")):
            for part in reversed(split_parts(piece.decode("utf-8", "replace"))):
                split = split_prefix(part, rank, replica)
                if part.strip():
                    yield WindowLine(part.rstrip(), split.text, number - index, split.source)


def own_lines_before(place: Place, *, has_traceback: bool) -> list[WindowLine]:
    """The traceback that the event ends, if it does, and `SEARCHED_LINES` lines of the same process before it."""
    found: list[WindowLine] = []
    searched = 0
    for line in read_lines_before(place):
        if not is_own(line.source, place.source):
            continue
        found.append(line)
        if has_traceback:
            has_traceback = line_kind(line.text) in (LineKind.FRAME, LineKind.CODE, LineKind.NATIVE)
            continue
        searched += 1
        if searched == SEARCHED_LINES:
            break
    return found[::-1]


def is_own(source: LineSource, own: LineSource) -> bool:
    """May a line of `source` be of the process `own`? Where only one of them has a rank, their names decide."""
    if source.rank is not None and own.rank is not None:
        return source.rank == own.rank
    if source.rank is not None:
        return False
    return not source.name or not own.name or source.name == own.name


def split_parts(line: str) -> list[str]:
    """Split a line of structured logging into its message and its exception."""
    text = unwrap_json(line)
    if "\\n" in text and "Traceback (most recent" in text:
        text = text.replace("\\n", "\n")
    return text.split("\n")


def is_last_state(cursor: LineCursor, text: str, tail: bytes) -> bool:
    """Is it from Kubernetes' "Last State", which describes the container before the running one?

    `kubectl describe` writes "State" before "Last State".
    """
    if not text.lstrip().startswith(("Reason:", "Exit Code:")):
        return False
    before = text_before(cursor, tail, STATE_WINDOW)
    return any(b"Last State:" in line for line in before.splitlines()[-2:]) and _RUNNING.search(before) is not None
