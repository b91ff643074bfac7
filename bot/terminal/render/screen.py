"""The terminal that text is rendered for: its width and colours, and text that fits it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from bot.terminal.log_lines import escape_controls

DIM, BOLD, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN = "2", "1", "31", "32", "33", "34", "35", "36"
BOLD_RED, BOLD_GREEN, BOLD_YELLOW = "1;31", "1;32", "1;33"
REVERSE = "7"
"""Styles, as the parameters of the escape sequence."""
_PROSE_WIDTH = 100
"""Longest line of prose; longer ones are hard to read."""
_MIN_WIDTH = 20
_NARROW = re.compile(r"[ -~\u00a0-\u02ff\u2010-\u2027\u2500-\u259f]*")
"""Characters of one column each, such as those of charts."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal, or a pipe or file."""

    width: int | None = None
    """Columns; None for a pipe or a file, where nothing is shortened."""
    colour: bool = False

    def paint(self, text: str, style: str) -> str:
        """Colour text that `plain_line` has returned."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and style and text else text

    def wrap(self, text: str, indent: str = "", style: str = "") -> list[str]:
        """Wrap foreign text or prose between words; a reference or URL that is too long gets a separate line."""
        return self.flow((text, style), indent=indent)

    def flow(self, *parts: tuple[str, str], indent: str = "") -> list[str]:
        """Wrap texts with different styles, joined by spaces, as `wrap` does."""
        room = max(min(self.width or _PROSE_WIDTH, _PROSE_WIDTH), _MIN_WIDTH) - len(indent)
        lines: list[list[tuple[str, str]]] = [[]]
        used = 0
        for text, style in parts:
            for word in plain_line(text).split():
                if lines[-1] and used + 1 + cell_width(word) > room:
                    lines.append([])
                used = used + 1 if lines[-1] else 0
                used += cell_width(word)
                lines[-1].append((word, style))
        return [f"{indent}{self._painted(line)}" for line in lines if line]

    def _painted(self, words: Sequence[tuple[str, str]]) -> str:
        runs = groupby(words, key=lambda word: word[1])
        return " ".join(self.paint(" ".join(word for word, _ in run), style) for style, run in runs)


def plain_line(text: str) -> str:
    """Foreign text in one line, without characters that control the terminal."""
    return " ".join(escape_controls(text).split())


def cell_width(text: str) -> int:
    """The columns that a text takes: two for each East Asian character or emoji."""
    if _NARROW.fullmatch(text):
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - rarely needed

    return cell_len(text)


def shorten(text: str, width: int) -> str:
    """Cut a text to this many columns, with an ellipsis at the end."""
    if cell_width(text) <= width:
        return text
    kept, used = "", 1
    for letter in text:
        used += cell_width(letter)
        if used > width:
            break
        kept += letter
    return f"{kept}…"


def join_lines(lines: Sequence[str]) -> str:
    """The lines as text, without spaces at their ends."""
    return "".join(f"{line.rstrip()}\n" for line in lines)
