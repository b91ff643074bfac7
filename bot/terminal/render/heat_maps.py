"""Heat maps for a terminal: a bar for each GPU, in groups for each node, and the GPUs unlike the others named. Pure.

The bar is the GPU's mean over the window, on a scale of all bars. Colours repeat what heights say, so that a terminal
without colours shows the same.
"""

import math
from collections.abc import Iterator

from bot.domain.charts import HeatMap, finite_range
from bot.domain.metrics import BARS, GAP, safe_mean, share_of
from bot.terminal.render.canvas import StyledText
from bot.terminal.render.line_plots import figure
from bot.terminal.render.screen import BOLD, BOLD_RED, DIM, cell_width, plain_line, shorten

_RAMP = tuple(f"38;5;{colour}" for colour in (60, 61, 67, 73, 72, 77, 149, 185))
"""Colours of the bars, from low to high, readable on light and on dark."""
_LABEL_WIDTH = 18
_LEAST_SPAN = 0.1
"""The shortest scale, as a part of the chart's, so that noise does not look like a difference."""


def heat_grid(chart: HeatMap, width: int) -> list[StyledText]:
    """Draw all GPUs on as few rows of this many columns as they take; a row begins with the name of its first node."""
    means = [_mean(row.values) for row in chart.rows]
    low, high = _scale(chart, means)
    title = shorten(f"{plain_line(chart.title)} by node", width)
    scale = f" {BARS[0]} {figure(low, chart.unit)} to {BARS[-1]} {figure(high, chart.unit)} {chart.unit}".rstrip()
    lines: list[StyledText] = [
        [(shorten(title, width), BOLD), (shorten(scale, max(1, width - cell_width(title))), DIM)]
    ]
    odd = {index for index, _ in chart.outliers}
    label = min(max((cell_width(plain_line(name)) for name, _ in chart.groups), default=0), _LABEL_WIDTH, width // 3)
    gap = "" if all(count == 1 for _, count in chart.groups) else " "
    cells = [_cell(mean, low, high, is_odd=index in odd) for index, mean in enumerate(means)]
    for name, groups in _rows(chart, max(1, width - label - 3), len(gap)):
        cut = shorten(plain_line(name), label)
        line: StyledText = [(f"  {cut}{' ' * (label - cell_width(cut))}", DIM)]
        for first, count in groups:
            line += [(gap if line[1:] else " ", ""), *cells[first : first + count]]
        lines.append(line)
    middle = _median(means)
    for index, name in chart.outliers:
        values = f"{figure(means[index], chart.unit)} {chart.unit}, median {figure(middle, chart.unit)} {chart.unit}"
        lines.append([(shorten(f"  ! {plain_line(name)}: {values}", width), BOLD_RED)])
    return lines


def _rows(chart: HeatMap, room: int, gap: int) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Pack nodes into rows: the name of the first node, and (first GPU, number of GPUs) of each part."""
    head, parts, used, first = "", list[tuple[int, int]](), 0, 0
    for name, count in chart.groups:
        for start in range(0, count, room):
            size = min(room, count - start)
            if parts and used + gap + size > room:
                yield head, parts
                parts, used = [], 0
            if not parts:
                head = name
            parts.append((first + start, size))
            used += size + (gap if len(parts) > 1 else 0)
        first += count
    if parts:
        yield head, parts


def _cell(mean: float, low: float, high: float, *, is_odd: bool) -> tuple[str, str]:
    if not math.isfinite(mean):
        return GAP, DIM
    level = min(int(share_of(mean, low, high) * len(BARS)), len(BARS) - 1)
    return BARS[level], BOLD_RED if is_odd else _RAMP[level]


def _scale(chart: HeatMap, means: list[float]) -> tuple[float, float]:
    low, high = finite_range(means) or (chart.lowest, chart.highest)
    least = _LEAST_SPAN * (chart.highest - chart.lowest)
    return (low, high) if high - low >= least else (max(chart.lowest, high - least), high)


def _mean(values: tuple[float, ...]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return safe_mean(finite) if finite else math.nan


def _median(values: list[float]) -> float:
    ordered = sorted(value for value in values if math.isfinite(value))
    return ordered[len(ordered) // 2] if ordered else math.nan
