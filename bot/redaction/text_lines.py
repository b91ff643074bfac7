"""Walk through the lines of a text in which messages are joined by a separator. Pure."""

from collections.abc import Iterator

Span = tuple[int, int]
"""Start and end in characters; the end is exclusive."""
_MARK = "\x01"
"""The line between two messages."""


def start_of_line(text: str, position: int) -> int:
    """Return where the line of a position starts."""
    return text.rfind("\n", 0, position) + 1


def lines_from(text: str, start: int) -> Iterator[Span]:
    """Yield the line that starts there and those after it, without their line ends."""
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if text[start:end] != _MARK:
            yield start, end - (end > start and text[end - 1] == "\r")
        start = end + 1


def lines_before(text: str, start: int) -> Iterator[Span]:
    """Yield the lines before the one that starts there, the last one first."""
    while start > 0:
        end = start - 1
        start = start_of_line(text, end)
        if text[start:end] != _MARK:
            yield start, end - (end > start and text[end - 1] == "\r")
