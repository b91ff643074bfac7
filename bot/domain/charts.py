"""Charts as values: lines over time or steps, and heat maps. `bot.charts` draws them. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bot.domain.metrics import safe_mean

_ROOM = 0.08
"""Part of the axis that stays free above and below."""
_LEAST_PERCENT = 25.0
"""The shortest axis of a percentage, so that noise does not look like a change."""


class ChartPoint(NamedTuple):
    """One value of a line."""

    x: float
    """Seconds since the epoch, or a step."""
    y: float
    """In the unit of the chart; NaN breaks the line."""
    lowest: float | None = None
    """The lowest and highest of the samples whose mean is y; None for one sample."""
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line, in the order of x."""

    name: str
    points: tuple[ChartPoint, ...]


@dataclass(frozen=True, slots=True)
class ChartLevel:
    """A horizontal line, such as a limit or a rule's threshold."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class ChartMoment:
    """A vertical line, such as the start of an incident."""

    name: str
    x: float


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines that share both axes."""

    title: str
    unit: str
    """`%`, `GiB`, `s`; "" for a number without one."""
    lines: tuple[ChartLine, ...]
    levels: tuple[ChartLevel, ...] = ()
    moments: tuple[ChartMoment, ...] = ()
    is_time: bool = True
    """Whether x is a time; otherwise it is a step."""
    note: str = ""
    """What the chart leaves out, such as "6 of 512 GPUs"."""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One row of a heat map, with a value for each column; NaN where a sample is missing."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A colour for each value: rows are GPUs, columns are equal parts of the time from `start` to `end`."""

    title: str
    unit: str
    start: float
    """Seconds since the epoch."""
    end: float
    rows: tuple[HeatRow, ...]
    groups: tuple[tuple[str, int], ...]
    """(name, number of rows) of each node, from the top."""
    outliers: tuple[tuple[int, str], ...] = ()
    """(index, name) of the rows that differ most from the others."""
    lowest: float = 0.0
    highest: float = 1.0
    note: str = ""


Chart = LineChart | HeatMap
LIMIT = "limit"
"""The name of the level that values cannot exceed."""
_NEAR_LIMIT = 0.6
_NEARLY_FULL = 0.9
_OPPOSITE = {"min": "max", "max": "min"}


def thin(points: Sequence[ChartPoint], most: int) -> tuple[ChartPoint, ...]:
    """Combine neighbours into their mean, with their lowest and highest value, so that no peak is lost."""
    if len(points) <= most:
        return tuple(points)
    size = math.ceil(len(points) / most)
    return tuple(_combine(points[start : start + size]) for start in range(0, len(points), size))


def what_is_left(chart: LineChart) -> LineChart:
    """Chart what is left of a limit if values are near it; other charts are returned as they are.

    An axis that begins at zero hides a climb from 75 to 79 of 80 GiB, but not a fall from 5 to 1.
    """
    limit = next((level.value for level in chart.levels if level.name == LIMIT), None)
    found = finite_range(point.y for line in chart.lines for point in line.points)
    if limit is None or found is None or not chart.unit or found[1] < _NEAR_LIMIT * limit:
        return chart
    of = "" if chart.unit == "%" else f" of {limit:.0f} {chart.unit}"
    lines = (ChartLine(_opposite(line.name), tuple(_left(point, limit) for point in line.points))
             for line in chart.lines)  # fmt: skip
    levels = (ChartLevel(level.name, limit - level.value) for level in chart.levels if level.name != LIMIT)
    return replace(chart, title=f"{chart.title} free{of}", lines=tuple(lines), levels=tuple(levels))


def is_nearly_full(chart: LineChart) -> bool:
    """Whether less than a tenth of a limit is left."""
    limit = next((level.value for level in chart.levels if level.name == LIMIT), None)
    found = finite_range(point.y for line in chart.lines for point in line.points)
    return limit is not None and found is not None and found[1] > _NEARLY_FULL * limit


def _opposite(name: str) -> str:
    """The name of a line of extremes: the GPU with the most memory in use has the least that is left."""
    first, space, rest = name.partition(" ")
    return f"{_OPPOSITE[first]} {rest}" if space and first in _OPPOSITE else name


def _left(point: ChartPoint, limit: float) -> ChartPoint:
    lowest, highest = point.lowest, point.highest
    return ChartPoint(
        point.x,
        limit - point.y,
        None if highest is None else limit - highest,
        None if lowest is None else limit - lowest,
    )


def _combine(points: Sequence[ChartPoint]) -> ChartPoint:
    values = [point.y for point in points if math.isfinite(point.y)]
    middle = points[len(points) // 2].x
    return ChartPoint(middle, safe_mean(values), min(values), max(values)) if values else ChartPoint(middle, math.nan)


def finite_range(values: Iterable[float]) -> tuple[float, float] | None:
    """The lowest and the highest finite value; None without any."""
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else None


def sampled_span(point: ChartPoint) -> tuple[float, float]:
    """The lowest and highest sample of a point."""
    return point.y if point.lowest is None else point.lowest, point.y if point.highest is None else point.highest


def axis_range(chart: LineChart) -> tuple[float, float]:
    """The range of the samples with room around them; levels within reach are on it, and percent end at 0 and 100.

    A climb from 75 to 79 of 80 GiB fills the picture, and the limit is on it.
    """
    found = finite_range(value for line in chart.lines for point in line.points for value in sampled_span(point))
    low, high = found or (0.0, 1.0)
    span = high - low
    for level in chart.levels:
        if low - 2 * span <= level.value <= high + 2 * span:
            low, high = min(low, level.value), max(high, level.value)
    if chart.unit == "%":
        low, high = min(low, max(0.0, high - _LEAST_PERCENT)), max(high, min(100.0, low + _LEAST_PERCENT))
        room = _ROOM * (high - low)
        return max(-2.0, low - room), min(102.0, high + room)
    room = (high - low) * _ROOM or abs(high) * 0.05 or 1.0
    return low - room, high + room
