"""Tables that fit the terminal: columns are dropped, then shortened; the first column is never cut or wrapped. Pure.

Where the first column and the others do not fit beside each other, each row takes two lines; where even those do not
fit, one for each cell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.terminal.render.screen import DIM, Screen, cell_width, shorten

_SEPARATOR = "  "
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    drop: int = 0
    """Columns with the highest number are left out first on a narrow terminal; 0 is never left out."""
    min_width: int | None = None
    """It may be shortened to this width; None: never."""
    align_right: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Text in a table, on one line and without control characters."""

    text: str
    style: str = ""


_Layout = Mapping[int, int]
"""The width of each column that is shown, by its index."""


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], screen: Screen) -> list[str]:
    """Lay out a table with a header. The first column holds what a person copies, such as a reference."""
    natural = {
        index: max(cell_width(text) for text in (column.title, *(row[index].text for row in rows)))
        for index, column in enumerate(columns)
    }
    header = [Cell(column.title, DIM) for column in columns]
    layout = natural if screen.width is None else _fit(columns, natural, screen.width)
    if layout is not None:
        return [_line(columns, row, layout, screen) for row in [header, *rows]]
    rest = {index: width for index, width in natural.items() if index > 0}
    room = (screen.width or 0) - len(_INDENT)
    layout = _fit(columns, rest, room)
    if layout is None:
        return [line for row in rows for line in _labelled(columns, row, room, screen)]
    lines = []
    for row in [header, *rows]:
        lines.append(screen.paint(row[0].text, row[0].style))
        lines.append(f"{_INDENT}{_line(columns, row, layout, screen)}")
    return lines


def _labelled(columns: Sequence[Column], row: Sequence[Cell], room: int, screen: Screen) -> list[str]:
    """The first cell, then the columns that are never left out, with their titles, as many on a line as fit."""
    lines = [screen.paint(row[0].text, row[0].style)]
    used = room
    for column, cell in zip(columns[1:], row[1:], strict=True):
        width = cell_width(f"{column.title} {cell.text}")
        if not cell.text or column.drop:
            continue
        piece = f"{screen.paint(column.title, DIM)} {screen.paint(cell.text, cell.style)}"
        if used + len(_SEPARATOR) + width > room:
            lines.append(f"{_INDENT}{piece}")
            used = width
        else:
            lines[-1] += f"{_SEPARATOR}{piece}"
            used += len(_SEPARATOR) + width
    return lines


def _fit(columns: Sequence[Column], widths: _Layout, room: int) -> _Layout | None:
    """Leave out and shorten columns until they fit; None if that is not enough."""
    shown = dict(widths)
    for index in sorted(shown, key=lambda index: -columns[index].drop):
        if _total(shown) > room and columns[index].drop:
            del shown[index]
    for index in sorted(shown, key=lambda index: -shown[index]):
        least, excess = columns[index].min_width, _total(shown) - room
        if excess > 0 and least is not None and shown[index] > least:
            shown[index] = max(shown[index] - excess, least)
    return shown if _total(shown) <= room else None


def _total(widths: _Layout) -> int:
    return sum(widths.values()) + len(_SEPARATOR) * max(len(widths) - 1, 0)


def _line(columns: Sequence[Column], row: Sequence[Cell], layout: _Layout, screen: Screen) -> str:
    parts = []
    for index, width in layout.items():
        text = shorten(row[index].text, width)
        padding = " " * (width - cell_width(text))
        painted = screen.paint(text, row[index].style)
        parts.append(f"{padding}{painted}" if columns[index].align_right else f"{painted}{padding}")
    return _SEPARATOR.join(parts).rstrip()
