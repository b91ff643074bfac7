"""A cursor over a page of whole lines: which line contains a byte, and where that line comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.regex import Match

WINDOW = 4000
"""Number of bytes of a long line read around a match, so that a line of two megabytes costs no more than its length."""

Origin = tuple[int | None, str | None, int | None]
"""The rank, replica and time in nanoseconds that a provider states for a line."""
NO_ORIGIN: Origin = (None, None, None)


@dataclass(slots=True)
class LineCursor:
    """The current piece of a line: a carriage return ends a piece (progress bars), but only line ends are counted."""

    page: bytes
    origins: Sequence[Origin] | None
    first_line: int
    """Number of the page's first line, from 0."""
    line: int
    start: int = 0
    end: int = -1
    """The piece ends at a line end or a carriage return."""
    position: int = 0

    def move_to(self, position: int) -> int:
        """Move forward to the piece that contains `position`; return the position to search from next."""
        if position > self.end:
            page, mark = self.page, self.start
            begin = max(page.rfind(b"\n", mark, position) + 1, mark)
            self.line += page.count(b"\n", mark, begin)
            end = page.find(b"\n", position)
            end = len(page) if end < 0 else end
            self.start = max(page.rfind(b"\r", begin, position) + 1, begin)
            back = page.find(b"\r", position, end)
            self.end = end if back < 0 else back
        self.position = position
        if self.end - self.start <= WINDOW:
            return self.end + 1
        return min(self.end, position + WINDOW // 2) + 1

    def raw(self) -> bytes:
        """Return the piece; of a long one, its head and the bytes around the position."""
        if self.end - self.start <= WINDOW:
            return self.page[self.start : self.end]
        left = max(self.start, self.position - WINDOW // 2)
        head = self.page[self.start : min(self.start + 100, left)]
        return head + self.page[left : min(self.end, self.position + WINDOW // 2)]

    def origin(self) -> Origin:
        """Return what the provider states for this line."""
        return self.origins[self.line - self.first_line] if self.origins is not None else NO_ORIGIN


def last_byte(found: Match[bytes]) -> int:
    """Return a position on the matched line: some patterns start at the line end before it."""
    return max(found.start(), found.end() - 1)
