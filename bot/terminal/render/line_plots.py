"""Line charts for a terminal: braille plots with axes where it is wide, else a sparkline for each line. Pure.

Plots are scaled to their data, so that a climb from 75 to 79 of 80 GiB is visible. Levels, such as a limit, are red.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle, pairwise

from bot.domain.charts import ChartLevel, ChartLine, ChartPoint, LineChart, axis_range, finite_range, sampled_span
from bot.domain.metrics import share_of, sparkline
from bot.terminal.render.canvas import DOTS_ACROSS, DOTS_DOWN, Canvas, StyledText
from bot.terminal.render.screen import (
    BLUE,
    BOLD,
    CYAN,
    DIM,
    GREEN,
    MAGENTA,
    RED,
    YELLOW,
    cell_width,
    plain_line,
    shorten,
)

_STYLES = (CYAN, YELLOW, GREEN, MAGENTA, BLUE, BOLD)
_LABEL_WIDTH, _LEAST_LABEL = 18, 8
"""Columns for the names at the right of a plot."""
_DASH, _DASH_EVERY = 4, 6
"""Dots of a dash, and from one dash to the next."""
_DAY_S = 86_400.0
_LARGEST = 1.7e308
_MOST_NAME = 24
_LEAST_SPARK, _MOST_SPARK = 20, 60
"""Columns of a sparkline; where the least do not fit beside the figures, they are below."""

_Range = tuple[float, float]


def line_plot(chart: LineChart, width: int, height: int) -> list[StyledText]:
    """Draw a chart with axes on this many columns, its lines and levels named at the right.

    Args:
        chart: at most six lines, with finite x.
        width: at least 40 columns.
        height: rows of the plot, without the title and the axis below it.
    """
    low, high = _bounded(axis_range(chart))
    ticks = _ticks(low, high, max(2, height * 2 // 3))
    texts = {_row(value, low, high, height): _tick_text(value, ticks) for value in ticks}
    margin = max(map(len, texts.values()), default=0)
    names = _end_names(chart, (low, high), height)
    right = min(max((cell_width(text) for text, _ in names.values()), default=0), _LABEL_WIDTH)
    canvas = Canvas(max(1, width - margin - right - 4), height)
    across = _x_range(chart)
    _draw(chart, canvas, across, (low, high))
    lines = [_title(chart, width)]
    for row, drawn in enumerate(canvas.rows()):
        axis = "┤" if row in texts else "│"
        name, style = names.get(row, ("", ""))
        lines.append([(f"{texts.get(row, ''):>{margin}} {axis}", DIM), *drawn, (f" {shorten(name, right)}", style)])
    lines.append([(f"{' ' * margin} └{'─' * canvas.width}", DIM)])
    lines.append([(f"{' ' * (margin + 2)}{_x_labels(chart, across, canvas.width)}", DIM)])
    return lines


def spark_lines(chart: LineChart, width: int) -> list[StyledText]:
    """Draw each line of a chart as a sparkline, with its lowest, highest and last value and the unit."""
    low, high = _bounded(axis_range(chart))
    rows = [(plain_line(line.name), line, _figures(line, chart.unit)) for line in chart.lines]
    label = min(max((cell_width(name) for name, _, _ in rows), default=0), max(_LEAST_LABEL, width // 4), _MOST_NAME)
    room = width - 2 - (label + 1 if label else 0)
    beside = room - 2 - max((len(figures) for _, _, figures in rows), default=0)
    is_stacked = beside < _LEAST_SPARK
    room = min(_MOST_SPARK, room if is_stacked else beside)
    lines = [_title(chart, width)]
    for (name, line, figures), style in zip(rows, cycle(_STYLES), strict=False):
        drawn = sparkline(_resampled(line.points, room), lowest=low, highest=high)
        cut = shorten(name, label)
        head = f"  {cut}{' ' * (label - cell_width(cut) + 1)}" if label else "  "
        below = "" if is_stacked else f"{' ' * (room - len(drawn))}  {figures}"
        lines.append([(head, ""), (drawn, style), (below, "")])
        if is_stacked:
            lines.append([(shorten(f"    {figures}", width), "")])
    return lines


def figure(value: float, unit: str) -> str:
    """Write a value with the digits that its unit needs."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else str(value)
    if not unit:
        return f"{value:,.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.4g}"
    if abs(value) >= 1e6 or unit in ("s", "/s"):
        return f"{value:.3g}"
    if unit == "%":
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 0.05 or value == 0 else f"{value:.2g}"


def _title(chart: LineChart, width: int) -> StyledText:
    title = plain_line(chart.title)
    unit = f" ({chart.unit})" if chart.unit else ""
    levels = "".join(f", {plain_line(one.name)} {figure(one.value, chart.unit)}" for one in chart.levels)
    note = f" · {plain_line(chart.note)}" if chart.note else ""
    is_empty = finite_range(point.y for line in chart.lines for point in line.points) is None
    rest = shorten(f"{unit}{levels}{': no samples' if is_empty else ''}{note}", max(1, width - 12))
    return [(shorten(title, max(1, width - cell_width(rest))), BOLD), (rest, DIM)]


def _figures(line: ChartLine, unit: str) -> str:
    """`min 74.8 max 79.1 last 79.0 GiB`."""
    values = [point.y for point in line.points if math.isfinite(point.y)]
    found = finite_range(value for point in line.points for value in sampled_span(point))
    if not values or found is None:
        return "no finite value" if line.points else "no samples"
    texts = [figure(value, unit) for value in (*found, line.points[-1].y)]
    return f"min {texts[0]} max {texts[1]} last {texts[2]} {unit}".rstrip()


def _resampled(points: Sequence[ChartPoint], columns: int) -> list[float | None]:
    """One value for each column: the last of its points; fewer columns where there are fewer points."""
    count = min(columns, len(points))
    ends = (points[(column + 1) * len(points) // count - 1] for column in range(count))
    return [point.y if math.isfinite(point.y) else None for point in ends]


def _draw(chart: LineChart, canvas: Canvas, across: _Range, upright: _Range) -> None:
    dots_x, dots_y = canvas.width * DOTS_ACROSS - 1, canvas.height * DOTS_DOWN - 1

    def place(x: float, y: float) -> tuple[int, int]:
        return round(share_of(x, *across) * dots_x), round((1 - share_of(y, *upright)) * dots_y)

    for level in _levels(chart, upright):
        for x in range(dots_x + 1):
            if x % _DASH_EVERY < _DASH:
                canvas.dot(x, place(0.0, level.value)[1], RED)
    for moment in chart.moments:
        x = place(moment.x, 0.0)[0]
        canvas.line((x, 0), (x, dots_y), RED)
    for line, style in _styled(chart.lines):
        there = [point for point in line.points if math.isfinite(point.y)]
        for point in there:
            lowest, highest = sampled_span(point)
            canvas.line(place(point.x, lowest), place(point.x, highest), style)
        for before, after in pairwise(line.points):
            if math.isfinite(before.y) and math.isfinite(after.y):
                canvas.line(place(before.x, before.y), place(after.x, after.y), style)


def _levels(chart: LineChart, upright: _Range) -> list[ChartLevel]:
    return [level for level in chart.levels if upright[0] <= level.value <= upright[1]]


def _styled(lines: Sequence[ChartLine]) -> Iterator[tuple[ChartLine, str]]:
    return zip(lines, cycle(_STYLES), strict=False)


def _end_names(chart: LineChart, upright: _Range, height: int) -> dict[int, tuple[str, str]]:
    """The names of levels and lines by the row where they end; of several in one row, one after the other."""
    wanted = [(plain_line(one.name), one.value, RED) for one in _levels(chart, upright)]
    for line, style in _styled(chart.lines):
        last = next((point.y for point in reversed(line.points) if math.isfinite(point.y)), None)
        if last is not None:
            wanted.append((plain_line(line.name) or f"last {figure(last, chart.unit)}", last, style))
    names: dict[int, tuple[str, str]] = {}
    for name, value, style in wanted:
        row = _row(value, *upright, height)
        names[row] = (f"{names[row][0]}, {name}", names[row][1]) if row in names else (name, style)
    return names


def _row(value: float, low: float, high: float, height: int) -> int:
    dots = height * DOTS_DOWN - 1
    return round((1 - share_of(value, low, high)) * dots) // DOTS_DOWN


def _bounded(found: _Range) -> _Range:
    return max(found[0], -_LARGEST), min(found[1], _LARGEST)


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round values on an axis: at most this many, and at least one."""
    span = high / most - low / most
    power = 10.0 ** math.floor(math.log10(span)) if span > 0 else 1.0
    step = next((power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= span), span)
    first = math.ceil(low / step) if step > 0 and math.isfinite(low / step) else 0
    values = [(first + index) * step for index in range(most + 1)]
    return [value for value in values if low <= value <= high] or [low]


def _tick_text(value: float, ticks: Sequence[float]) -> str:
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(value)
    if abs(value) >= 1e6 or step < 1e-4:
        return f"{value + 0.0:.3g}"
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    return f"{value + 0.0:,.{digits}f}"


def _x_range(chart: LineChart) -> _Range:
    xs = [point.x for line in chart.lines for point in line.points]
    return (min(xs), max(xs)) if xs else (0.0, 0.0)


def _x_labels(chart: LineChart, across: _Range, width: int) -> str:
    """The first and the last x, and those between that have room."""
    texts = list(_x_texts(chart, across, 5 if width >= 60 else 3 if width >= 40 else 2))
    gaps = max(1, len(texts) - 1)
    line = ""
    for index, text in enumerate(texts):
        centre = round(width * index / gaps - len(text) * index / gaps)
        if not line or centre >= len(line) + 2:
            line += " " * (centre - len(line)) + text
    return shorten(line, width)


def _x_texts(chart: LineChart, across: _Range, count: int) -> Iterator[str]:
    if not any(line.points for line in chart.lines):
        return
    first, last = across
    places = [first + (last - first) * index / (count - 1) for index in range(count)] if last > first else [first]
    for index, x in enumerate(places):
        if not chart.is_time:
            yield f"step {x:,.0f}" if index == 0 else f"{x:,.0f}"
        else:
            form = "%H:%M" if last - first < _DAY_S else "%d %b %H:%M"
            utc = " UTC" if index == len(places) - 1 else ""
            yield f"{datetime.fromtimestamp(x, UTC):{form}}{utc}"
