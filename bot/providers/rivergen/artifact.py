"""Where one record of a downloaded log ends and the next begins, however the stream is cut into chunks. Pure.

A cutter gives out whole records and holds back the one that may be incomplete, so that a download that breaks off can
be continued behind the last whole record (`download`). Memory is one chunk and one record.
"""

from __future__ import annotations

import re
from typing import Protocol

import msgspec

from bot.providers.rivergen.wire import WireLine

LONGEST_RECORD_BYTES = 8 * 1024 * 1024
"""A longer record is given out in parts; a download that breaks off after one cannot be continued."""

_STAMP = re.compile(rb"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d", re.MULTILINE)
_STRUCTURE = re.compile(rb'["{}\[\]]|\\.?', re.DOTALL)
_SHORT_LEVELS = {"WARNING": "WARN"}
_TAIL_BYTES = 2048


class Cutter(Protocol):
    """One form of the artifact."""

    whole: bool
    """Whether every record given out was given out whole."""
    tail: bytes
    """The end of the last record given out; only used when there are several ways to count."""

    @property
    def counts(self) -> frozenset[int]:
        """How many lines of the log were given out, by each way to count them."""
        ...

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk; what can be given out."""
        ...

    def held(self) -> bytes:
        """What is held back."""
        ...

    def reaches(self, total: int) -> bool:
        """Whether what was fed may be complete, by the number of lines there are."""
        ...

    def ends_with(self, last: WireLine | None) -> bool:
        """Whether what was fed ends as the last line does."""
        ...

    def render(self, line: WireLine) -> bytes:
        """A line as this form writes it, behind what was given out."""
        ...

    def closing(self) -> bytes:
        """What ends the file behind rendered lines."""
        ...


class TextCutter:
    """`2026-03-13T10:00:00.123Z [INFO] message`, one record a stamp; lines without a stamp continue the one above.

    The document does not say whether the numbered lines of the log are records or lines of the file, so both are
    counted.
    """

    def __init__(self) -> None:
        self.whole = True
        self.tail = b""
        self._records = 0
        self._lines = 0
        self._held = b""

    @property
    def counts(self) -> frozenset[int]:
        """By records and by lines of the file."""
        return frozenset({self._records, self._lines})

    def feed(self, chunk: bytes) -> bytes:
        """Give out everything before the last stamp."""
        self._held += chunk
        cut = 0
        for found in _STAMP.finditer(self._held):
            cut = found.start()
        if not cut and len(self._held) > LONGEST_RECORD_BYTES:
            self.whole = False
            cut = len(self._held)
        given, self._held = self._held[:cut], self._held[cut:]
        self._records += len(_STAMP.findall(given))
        self._lines += given.count(b"\n")
        self.tail = (self.tail + given)[-_TAIL_BYTES:]
        return given

    def held(self) -> bytes:
        """The last record."""
        return self._held

    def reaches(self, total: int) -> bool:
        """Whether there are as many records or lines; more records than the log counts are enough as well."""
        records = self._records + len(_STAMP.findall(self._held))
        lines = self._lines + self._held.rstrip(b"\n").count(b"\n") + bool(self._held)
        return not total or records > total or total in (records, lines)

    def ends_with(self, last: WireLine | None) -> bool:
        """Whether the last record is all of the last line."""
        if last is None or (self._held and not self._held.endswith(b"\n") and not (last.message or "").strip()):
            return last is None  # An empty message at the very end cannot be told from one that was cut off.
        return says(self._held, last)

    def render(self, line: WireLine) -> bytes:
        """As the artifact writes it."""
        level = (line.level or "info").upper()
        text = f"{line.timestamp or ''} [{_SHORT_LEVELS.get(level, level)}] {line.message or ''}\n"
        return text.encode("utf-8", "surrogatepass")

    def closing(self) -> bytes:
        """Nothing."""
        return b""


class JsonCutter:
    """One JSON array of objects, cut behind each object without reading what is in it."""

    def __init__(self) -> None:
        self.whole = True
        self.tail = b""
        self._elements = 0
        self._held = b""
        self._seen = 0
        self._depth = 0
        self._in_string = False
        self._closed = False

    @property
    def counts(self) -> frozenset[int]:
        """By elements."""
        return frozenset({self._elements})

    def feed(self, chunk: bytes) -> bytes:
        """Give out everything up to the end of the last whole element, and all of it once the array is closed."""
        self._held += chunk
        cut = self._scan()
        if not cut and len(self._held) > LONGEST_RECORD_BYTES:
            self.whole = False
            cut = self._seen
        given, self._held = self._held[:cut], self._held[cut:]
        self._seen -= cut
        self.tail = (self.tail + given)[-_TAIL_BYTES:]
        return given

    def held(self) -> bytes:
        """The beginning of an element that is not over."""
        return self._held

    def reaches(self, total: int) -> bool:
        """Whether the array is closed: an array cannot be cut and look whole."""
        return self._closed

    def ends_with(self, last: WireLine | None) -> bool:
        """As above."""
        return self._closed

    def render(self, line: WireLine) -> bytes:
        """As an element, with the comma or the bracket before it."""
        before = b",\n" if self._elements else b"" if self._depth else b"["
        self._elements += 1
        return before + msgspec.json.encode(line)

    def closing(self) -> bytes:
        """The bracket, and the one that opens when nothing came."""
        return b"]" if self._depth or self._elements else b"[]"

    def _scan(self) -> int:
        """Read on from where reading stopped; where the last whole element ends, 0 for none in here."""
        cut, end = 0, len(self._held)
        for found in _STRUCTURE.finditer(self._held, self._seen):
            mark = found[0]
            if mark == b"\\":
                end = found.start()  # An escape cut in two: it is read with the next chunk.
                break
            if mark == b'"':
                self._in_string = not self._in_string
            elif self._in_string or mark.startswith(b"\\"):
                continue
            elif mark in b"{[":
                self._depth += 1
                cut = found.end() if self._depth == 1 else cut
            else:
                self._depth -= 1
                self._elements += self._depth == 1
                self._closed = self._depth == 0
                cut = found.end() if self._depth <= 1 else cut
        self._seen = end
        return len(self._held) if self._closed else cut


def says(written: bytes, line: WireLine) -> bool:
    """Whether what is written ends with a line's message."""
    message = (line.message or "").encode("utf-8", "surrogatepass").rstrip()
    return written.rstrip().endswith(message[-_TAIL_BYTES // 2 :])
