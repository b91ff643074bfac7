"""Choose the lines of a log that fit into a message: in a row, around one of them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from bot.domain.logs import LogLine
from bot.slack.render.blocks import code_sections
from bot.slack.render.log_lines import MAX_LINE, line_rows
from bot.slack.render.message import MAX_SECTION_TEXT, Block

_MIN_ROW = 8
"""Characters of a clock time, which every row has."""
_FENCES = 16
"""Characters reserved for the marks of two code blocks."""
_MARK, _NO_MARK = "\u25b6 ", "  "


@dataclass(frozen=True, slots=True)
class FittingLines:
    """The lines that fit, as code blocks."""

    lines: Sequence[LogLine]
    blocks: list[Block]
    above: int
    """Number of lines before them that do not fit."""
    below: int
    same_above: int = 0
    """If the line above the first one has its timestamp: how many from the first one on have it."""
    same_below: int = 0
    """If the line below the last one has its timestamp: how many up to the last one have it."""


def fit_lines(lines: Sequence[LogLine], budget: int, anchor: int, *, marked: int | None = None) -> FittingLines:
    """Choose the lines near `anchor`, on both sides of it, that fit into `budget` characters.

    Where possible the choice ends between two timestamps, so that a page can start there.
    """
    if not lines:
        return FittingLines((), [], 0, 0)
    # Escape codes count here, but are removed from rows. So render more lines than fit, but not all.
    near = _grow([min(len(line.message), MAX_LINE) + _MIN_ROW for line in lines], anchor, 4 * budget)
    rows = line_rows(lines[near.start : near.stop], among=lines)
    if marked is not None:
        rows = [(_MARK if at == marked else _NO_MARK) + row for at, row in zip(near, rows, strict=True)]
    room = budget - _FENCES * (1 + budget // MAX_SECTION_TEXT)
    costs = [min(len(row), MAX_SECTION_TEXT) + 1 for row in rows]
    fitting = _grow(costs, anchor - near.start, room)
    chosen = _between_timestamps(lines, range(near.start + fitting.start, near.start + fitting.stop), anchor)
    first, stop = chosen.start - near.start, chosen.stop - near.start
    blocks, _ = code_sections(rows[first:stop], budget)
    return FittingLines(
        lines[chosen.start : chosen.stop],
        blocks,
        above=chosen.start,
        below=len(lines) - chosen.stop,
        same_above=_same(lines[chosen.start :]) if _is_split(lines, chosen.start) else 0,
        same_below=_same(lines[chosen.stop - 1 :: -1]) if _is_split(lines, chosen.stop) else 0,
    )


def _grow(costs: Sequence[int], anchor: int, room: int) -> range:
    """The range around `anchor` whose costs are within `room`; the shorter side grows first. Never empty."""
    first, stop, room = anchor, anchor + 1, room - costs[anchor]
    grows_up, grows_down = True, True
    while True:
        grows_up = grows_up and first > 0 and costs[first - 1] <= room
        grows_down = grows_down and stop < len(costs) and costs[stop] <= room
        if grows_up and (not grows_down or anchor - first <= stop - 1 - anchor):
            first -= 1
            room -= costs[first]
        elif grows_down:
            room -= costs[stop]
            stop += 1
        else:
            return range(first, stop)


def _between_timestamps(lines: Sequence[LogLine], chosen: range, anchor: int) -> range:
    """Move both ends towards `anchor` to the next change of the timestamp, if there is one."""
    first = next((at for at in range(chosen.start, anchor + 1) if not _is_split(lines, at)), chosen.start)
    stop = next((at for at in range(chosen.stop, anchor, -1) if not _is_split(lines, at)), chosen.stop)
    return range(first, stop)


def _is_split(lines: Sequence[LogLine], at: int) -> bool:
    """Whether the lines on both sides of a border have the same timestamp."""
    return 0 < at < len(lines) and lines[at - 1].timestamp_ns == lines[at].timestamp_ns


def _same(lines: Sequence[LogLine]) -> int:
    """How many lines from the first one on have its timestamp."""
    return len(list(takewhile(lambda line: line.timestamp_ns == lines[0].timestamp_ns, lines)))
