"""Where one record of a downloaded log ends and the next begins, however the stream is cut into chunks. Pure.

A cutter gives out whole records and holds back the one that may be incomplete, so that a download that breaks off can
be continued behind the last whole record (`download`). Memory is one chunk and one record.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Protocol

import msgspec

from bot.providers.rivergen.wire import WireLine

LONGEST_RECORD_BYTES = 8 * 1024 * 1024
"""A longer record is given out in parts; a download that breaks off after one cannot be continued."""

_STAMP = re.compile(rb"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d", re.MULTILINE)
_STAMP_BYTES = 16
_STRUCTURE = re.compile(
    rb"""(\{(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+\})|[{}\[\]]|"[^"\\]*+(?:\\.[^"\\]*+)*+("?)""", re.DOTALL
)
"""A whole object without others in it; a bracket; or a string, whose closing quote is missing when it goes on in the
next chunk. Possessive, so that nothing is looked at twice."""
_SHORT_LEVELS = {"WARNING": "WARN"}


class Cutter(Protocol):
    """One form of the artifact."""

    whole: bool
    """Whether every record given out was given out whole."""
    by_records: bool
    """Whether the log numbers records (True) or lines of the file."""

    @property
    def split(self) -> int | None:
        """The place of the first record that has several lines of the file; None when there is none."""
        ...

    @property
    def count(self) -> int:
        """How many lines of the log were given out."""
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

    The document does not say whether the log numbers records or lines of the file. Up to the first record of several
    lines both are the same, so that record tells (`split`).
    """

    def __init__(self) -> None:
        self.whole = True
        self.by_records = True
        self._split: int | None = None
        self._records = 0
        self._lines = 0
        self._held = b""

    @property
    def split(self) -> int | None:
        """Among the records given out, or the one held."""
        if self._split is None and b"\n" in self._held.rstrip(b"\n"):
            return self._records
        return self._split

    @property
    def count(self) -> int:
        """Records or lines given out."""
        return self._records if self.by_records else self._lines

    def feed(self, chunk: bytes) -> bytes:
        """Give out everything before the last stamp."""
        seen = max(0, len(self._held) - _STAMP_BYTES)  # What is held has no stamp but at its start.
        self._held += chunk
        places = [found.start() for found in _STAMP.finditer(self._held, seen)]
        if seen and _STAMP.match(self._held):
            places.insert(0, 0)
        cut = places[-1] if places else 0
        if not cut and len(self._held) > LONGEST_RECORD_BYTES:
            self.whole = False
            cut = len(self._held)
        given, self._held = self._held[:cut], self._held[cut:]
        if self._split is None:
            self._split = self._first_split(given, places)
        self._records += sum(place < cut for place in places)
        self._lines += given.count(b"\n")
        return given

    def held(self) -> bytes:
        """The last record."""
        return self._held

    def reaches(self, total: int) -> bool:
        """Whether there are as many; more than the log counts are enough as well."""
        if self.by_records:
            return self._records + len(_STAMP.findall(self._held)) >= total
        return self._lines + self._held.rstrip(b"\n").count(b"\n") + bool(self._held) >= total

    def ends_with(self, last: WireLine | None) -> bool:
        """Whether the last record is all of the last line."""
        if last is None:
            return True
        message = (last.message or "").encode("utf-8", "surrogatepass").rstrip()
        if not message:  # At the very end it cannot be told from one that was cut off.
            return self._held.endswith(b"\n")
        return self._held.rstrip().endswith((b" " + message, b"\n" + message))

    def render(self, line: WireLine) -> bytes:
        """As the artifact writes it."""
        level = (line.level or "info").upper()
        text = f"{line.timestamp or ''} [{_SHORT_LEVELS.get(level, level)}] {line.message or ''}\n"
        return text.encode("utf-8", "surrogatepass")

    def closing(self) -> bytes:
        """Nothing."""
        return b""

    def _first_split(self, given: bytes, places: list[int]) -> int | None:
        starts = [place for place in places if place < len(given)]
        if given.count(b"\n") == len(starts):
            return None
        for number, (start, end) in enumerate(pairwise([*starts, len(given)]), start=self._records):
            if given.count(b"\n", start, end) > 1:
                return number
        return self._records


class JsonCutter:
    """One JSON array of objects, cut behind each object without reading what is in it."""

    def __init__(self) -> None:
        self.whole = True
        self.by_records = True
        self.split = None
        self._elements = 0
        self._held = b""
        self._seen = 0
        self._depth = 0
        self._closed = False

    @property
    def count(self) -> int:
        """Elements given out."""
        return self._elements

    def feed(self, chunk: bytes) -> bytes:
        """Give out everything up to the end of the last whole element, and all of it once the array is closed."""
        self._held += chunk
        if not self.whole:
            return self._passed()
        cut = self._scan()
        if not cut and len(self._held) > LONGEST_RECORD_BYTES:
            self.whole = False
            return self._passed()
        given, self._held = self._held[:cut], self._held[cut:]
        self._seen -= cut
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

    def _passed(self) -> bytes:
        """Everything, without looking for elements any more; only how it ends is told."""
        given, self._held = self._held, b""
        self._closed = given.rstrip().endswith(b"]")
        return given

    def _scan(self) -> int:
        """Read on from where reading stopped; where the last whole element ends, 0 for none in here."""
        cut, end = 0, len(self._held)
        for found in _STRUCTURE.finditer(self._held, self._seen):
            mark = found[0]
            if found[1] is not None:
                self._elements += self._depth == 1
                self._closed = self._depth == 0
                cut = found.end() if self._depth <= 1 else cut
            elif mark in b"{[":
                self._depth += 1
                cut = found.end() if self._depth == 1 else cut
            elif mark in b"}]":
                self._depth -= 1
                self._elements += self._depth == 1
                self._closed = self._depth == 0
                cut = found.end() if self._depth <= 1 else cut
            elif not found[2]:
                end = found.start()
                break
        self._seen = end
        return len(self._held) if self._closed else cut
