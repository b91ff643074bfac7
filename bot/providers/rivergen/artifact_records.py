"""Split a downloaded log into records, however the stream is cut into chunks. Pure.

A cutter returns whole records and holds back the one that may be incomplete. So a download whose connection breaks can
be continued after the last whole record (`download`). Memory is bounded by one chunk and one record.
"""

import re
from itertools import pairwise

import msgspec

from bot.providers.rivergen.wire import LogRecord

LONGEST_RECORD_BYTES = 8 * 1024 * 1024
"""A longer record is returned in parts; a download that ends early after one cannot be continued."""

_STAMP = re.compile(rb"^(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\d[T ]\d\d:\d\d", re.MULTILINE)
"""At the start of a line; the file's first line may begin with a byte order mark."""
_STAMP_BYTES = 19
_STRUCTURE = re.compile(
    rb"""(\{(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+\})|[{}\[\]]|"[^"\\]*+(?:\\.[^"\\]*+)*+("?)""", re.DOTALL
)
"""A whole object without objects in it; a bracket; or a string, whose closing quote is missing if it continues in the
next chunk. Possessive, so that no byte is scanned twice."""
_SHORT_LEVELS = {"WARNING": "WARN"}


class TextCutter:
    """Records of the form `2026-03-13T10:00:00.123Z [INFO] message`; lines without a timestamp continue a record.

    It is not documented whether the log numbers records or lines of the file. Both are the same up to the first record
    of several lines, so that record shows which it is (`first_multiline`).
    """

    def __init__(self) -> None:
        self.whole = True
        self.by_records = True
        self.is_closed = False
        self._first_multiline: int | None = None
        self._records = 0
        self._lines = 0
        self._last = b""
        self._is_binary = False
        self.held = b""

    @property
    def first_multiline(self) -> int | None:
        """Among the records returned, or the one held."""
        if self._first_multiline is None and b"\n" in self.held.rstrip(b"\n"):
            return self._records
        return self._first_multiline

    @property
    def count(self) -> int:
        """The number of records or lines returned."""
        return self._records if self.by_records else self._lines

    def feed(self, chunk: bytes) -> bytes:
        """Return everything before the last timestamp."""
        seen = max(0, len(self.held) - _STAMP_BYTES)  # What is held has a timestamp only at its start.
        self.held += chunk
        starts = [found.start() for found in _STAMP.finditer(self.held, seen)]
        if seen and _STAMP.match(self.held):
            starts.insert(0, 0)
        cut = starts[-1] if starts else 0
        if not cut and len(self.held) > LONGEST_RECORD_BYTES:
            self.whole = False
            cut = len(self.held)
        records, self.held = self.held[:cut], self.held[cut:]
        starts = [start for start in starts if start < cut]
        self._last = records[starts[-1] :] if starts else self._last
        self._is_binary = self._is_binary or b"\0" in chunk
        if self._first_multiline is None:
            self._first_multiline = self._find_multiline(records, starts)
        self._records += len(starts)
        self._lines += records.count(b"\n")
        return records

    def counts(self) -> tuple[int | None, int | None]:
        """Return the number of records and of lines of the whole file; None where they cannot be counted."""
        records = self._records + len(_STAMP.findall(self.held))
        lines = self._lines + self.held.count(b"\n") + (not self.held.endswith(b"\n") if self.held else 0)
        return records or None, None if self._is_binary and not records else lines

    def ends_with(self, line: LogRecord) -> bool:
        """Whether the last record or line returned is this line of the log."""
        if self.by_records:
            return self._last == self.render(line)
        last = self._last.rstrip(b"\n").rpartition(b"\n")[2]
        return last.endswith((line.message or "").encode("utf-8", "surrogatepass"))

    def holds(self, line: LogRecord) -> bool:
        """Whether the record that is held back is this line, perhaps without its line feed."""
        rendered = self.render(line)
        if self.held.endswith(b"\n"):
            return self.held.strip() == rendered.strip()
        return self.held.lstrip().rstrip(b"\r") == rendered.removesuffix(b"\n")

    def continues(self, line: LogRecord) -> bool:
        """Whether what is held back may be the beginning of this line, or begin with it."""
        rendered = self.render(line).rstrip()
        return rendered.startswith(self.held.rstrip()) or self.held.startswith(rendered)

    def render(self, line: LogRecord) -> bytes:
        """Return a line as the artifact writes it. The log gives no time to the further lines of a message."""
        if not line.timestamp:
            return f"{line.message or ''}\n".encode("utf-8", "surrogatepass")
        level = (line.level or "info").upper()
        text = f"{line.timestamp} [{_SHORT_LEVELS.get(level, level)}] {line.message or ''}\n"
        return text.encode("utf-8", "surrogatepass")

    def closing(self) -> bytes:
        """Return nothing."""
        return b""

    def _find_multiline(self, records: bytes, starts: list[int]) -> int | None:
        if records.count(b"\n") == len(starts):
            return None
        for index, (start, end) in enumerate(pairwise([*starts, len(records)]), start=self._records):
            if records.count(b"\n", start, end) > 1:
                return index
        return self._records


class JsonCutter:
    """One JSON array of objects, cut after each object without decoding it."""

    def __init__(self) -> None:
        self.whole = True
        self.by_records = True
        self.first_multiline = None
        self.count = 0
        self.held = b""
        self._seen = 0
        self._depth = 0
        self.is_closed = False
        self._last = b""
        self._begins = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return everything up to the end of the last whole element, and all of it once the array is closed."""
        self.held += chunk
        self._begins = self._begins or self.held.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if not self.whole:
            return self._pass_through()
        cut = self._scan()
        if not cut and len(self.held) > LONGEST_RECORD_BYTES:
            self.whole = False
            return self._pass_through()
        elements, self.held = self.held[:cut], self.held[cut:]
        self._seen -= cut
        return elements

    def counts(self) -> tuple[int | None, int | None]:
        """Return the number of elements, twice; None for anything but a list."""
        count = self.count if self._begins in (b"", b"[") and self.whole else None
        return count, count

    def ends_with(self, line: LogRecord) -> bool:
        """Whether the last element returned is this line of the log."""
        try:
            last = msgspec.json.decode(self._last.lstrip(b"[, \t\r\n"), type=LogRecord)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return (last.message, last.timestamp) == (line.message, line.timestamp)

    def holds(self, line: LogRecord) -> bool:
        """Return False: a whole element is never held back."""
        return False

    def continues(self, line: LogRecord) -> bool:
        """Return True: what is held back is not decoded."""
        return True

    def render(self, line: LogRecord) -> bytes:
        """Return a line as an element, with the comma or the bracket before it."""
        before = b",\n" if self.count else b"" if self._depth else b"["
        self.count += 1
        return before + msgspec.json.encode(line)

    def closing(self) -> bytes:
        """Return the closing bracket, and the opening one if nothing came."""
        return b"]" if self._depth or self.count else b"[]"

    def _pass_through(self) -> bytes:
        """Return everything without searching for elements; only note how it ends."""
        chunk, self.held = self.held, b""
        self.is_closed = chunk.rstrip().endswith(b"]")
        return chunk

    def _scan(self) -> int:
        """Scan on from where scanning stopped; return where the last whole element ends, or 0."""
        cut, end = 0, len(self.held)
        for found in _STRUCTURE.finditer(self.held, self._seen):
            mark = found[0]
            if found[1] is not None:
                self._last = found[1] if self._depth == 1 else self._last
                self.count += self._depth == 1
                self.is_closed = self._depth == 0
                cut = found.end() if self._depth <= 1 else cut
            elif mark in b"{[":
                self._depth += 1
                cut = found.end() if self._depth == 1 else cut
            elif mark in b"}]":
                self._depth -= 1
                self._last = self.held[cut : found.end()] if self._depth == 1 else self._last
                self.count += self._depth == 1
                self.is_closed = self._depth == 0
                cut = found.end() if self._depth <= 1 else cut
            elif not found[2]:
                end = found.start()
                break
        self._seen = end
        return len(self.held) if self.is_closed else cut


Cutter = TextCutter | JsonCutter
"""`feed` chunks to get records; `count` is their number, and `held` is the rest of the last chunk.

`counts` tells how much the whole file holds. `whole` is whether every record was returned whole, `is_closed` whether
the file is known to be complete, `by_records` whether the log numbers records, not lines of the file. `ends_with` and
`holds` compare the end of what was received with the log; `render` and `closing` continue the file.
"""
