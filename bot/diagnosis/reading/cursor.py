"""A cursor over a page of whole lines: which line and piece of it holds a byte, and who said it when."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.regex import Match

WINDOW = 4000
"""Bytes of a long line looked at around a hit: a line of two megabytes costs no more than its length."""

Origin = tuple[int | None, str | None, int | None]
"""The rank, replica and time in nanoseconds that a provider gives for a line."""
NO_ORIGIN: Origin = (None, None, None)


@dataclass(slots=True)
class Walk:
    """Carriage returns end a piece (progress bars), but only line ends count."""

    page: bytes
    origins: Sequence[Origin] | None
    first: int
    """Number of the page's first line, from 0."""
    line: int
    start: int = 0
    end: int = -1
    """Of the piece: up to a line end or a carriage return."""
    near: int = 0

    def go(self, position: int) -> int:
        """Move on to the piece that holds `position`; return from where to search on."""
        if position > self.end:
            page, mark = self.page, self.start
            begin = max(page.rfind(b"\n", mark, position) + 1, mark)
            self.line += page.count(b"\n", mark, begin)
            end = page.find(b"\n", position)
            end = len(page) if end < 0 else end
            self.start = max(page.rfind(b"\r", begin, position) + 1, begin)
            back = page.find(b"\r", position, end)
            self.end = end if back < 0 else back
        self.near = position
        if self.end - self.start <= WINDOW:
            return self.end + 1
        return min(self.end, position + WINDOW // 2) + 1

    def raw(self) -> bytes:
        """The piece; of a long one its head and what is around the position."""
        if self.end - self.start <= WINDOW:
            return self.page[self.start : self.end]
        left = max(self.start, self.near - WINDOW // 2)
        head = self.page[self.start : min(self.start + 100, left)]
        return head + self.page[left : min(self.end, self.near + WINDOW // 2)]

    def origin(self) -> Origin:
        """The rank, replica and time that the provider gave for this line."""
        return self.origins[self.line - self.first] if self.origins is not None else NO_ORIGIN

    def spoken_ns(self, before_page_ns: int | None) -> int | None:
        """The time of the line before this one; for the page's first, the one that is given."""
        if self.origins is None:
            return None
        return self.origins[self.line - self.first - 1][-1] if self.line > self.first else before_page_ns


def anchor(found: Match) -> int:
    """A byte of the line that a match is about: its end, as some patterns begin at the line end before."""
    return max(found.start(), found.end() - 1)
