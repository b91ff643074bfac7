"""Draw lines with braille dots: each character cell has two by four of them. Pure."""

from collections.abc import Iterable
from itertools import groupby

from bot.terminal.render.screen import Screen

DOTS_ACROSS, DOTS_DOWN = 2, 4
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot in a cell, by row and column."""
_BLANK = 0x2800

StyledText = list[tuple[str, str]]
"""Pieces of a line with their styles."""


class Canvas:
    """Dots in cells of one style each. Dots outside are ignored."""

    def __init__(self, width: int, height: int) -> None:
        """Make an empty canvas of this many columns and rows."""
        self.width, self.height = width, height
        self._dots = [[0] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]

    def dot(self, x: int, y: int, style: str) -> None:
        """Set a dot; x counts from the left and y from the top."""
        column, row = x // DOTS_ACROSS, y // DOTS_DOWN
        if 0 <= column < self.width and 0 <= row < self.height:
            self._dots[row][column] |= _BITS[y % DOTS_DOWN][x % DOTS_ACROSS]
            self._styles[row][column] = style

    def line(self, start: tuple[int, int], end: tuple[int, int], style: str) -> None:
        """Set the dots from one to another."""
        (x0, y0), (x1, y1) = start, end
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            self.dot(x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps), style)

    def rows(self) -> list[StyledText]:
        """The rows from the top, as characters with their styles."""
        lines: list[StyledText] = []
        for dots, styles in zip(self._dots, self._styles, strict=True):
            cells = [(chr(_BLANK + bits) if bits else " ", style) for bits, style in zip(dots, styles, strict=True)]
            runs = groupby(cells, key=lambda cell: cell[1])
            lines.append([("".join(character for character, _ in run), style) for style, run in runs])
        return lines


def paint(pieces: Iterable[tuple[str, str]], screen: Screen) -> str:
    """Join the pieces of a line with their colours."""
    runs = groupby(pieces, key=lambda piece: piece[1])
    return "".join(screen.paint("".join(text for text, _ in run), style) for style, run in runs)
