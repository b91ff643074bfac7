"""Plots of a job's metrics for a terminal of any width. A pipe or a file gets none: scripts read tables. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import zip_longest

from bot.domain.charts import HeatMap
from bot.domain.metric_charts import metric_chart, spread_chart
from bot.domain.metrics import ALL_METRICS, MetricSeries
from bot.terminal.render.canvas import StyledText, paint
from bot.terminal.render.heat_maps import heat_grid
from bot.terminal.render.line_plots import line_plot, spark_lines
from bot.terminal.render.screen import Screen, cell_width

_PLOTS_FROM, _PAIRS_FROM = 100, 160
"""The width from which there are plots rather than sparklines, and two of them beside each other."""
_HEIGHT = 8
_FEW_GPUS = 16
"""Of so few GPUs that are alike, the lowest and the highest say enough."""
_GAP = 2


def plot_metrics(
    series: Sequence[MetricSeries], window: tuple[datetime, datetime], screen: Screen, *, compact: bool = False
) -> list[str]:
    """Draw each metric, GPUs first: plots where the terminal is wide, else sparklines; of many GPUs also heat maps.

    Args:
        series: with at least one sample each.
        window: start and end of the time range.
        screen: the terminal.
        compact: draw sparklines at any width.
    """
    if screen.width is None:
        return []
    has_plots = screen.width >= _PLOTS_FROM and not compact
    count = 2 if screen.width >= _PAIRS_FROM and has_plots else 1
    width = (screen.width - _GAP * (count - 1)) // count
    blocks: list[list[StyledText]] = []
    maps: list[list[StyledText]] = []
    for name in _names(series):
        own = [one for one in series if one.name == name]
        chart = metric_chart(own, *window)
        lines = spread_chart(own, *window) if isinstance(chart, HeatMap) else chart
        blocks.append(line_plot(lines, width, _HEIGHT) if has_plots else spark_lines(lines, width))
        if isinstance(chart, HeatMap) and (len(chart.rows) > _FEW_GPUS or chart.outliers):
            maps.append(heat_grid(chart, screen.width))
    rows = [_beside(blocks[first : first + count], width, screen) for first in range(0, len(blocks), count)]
    rows += [[paint(line, screen) for line in block] for block in maps]
    between = [] if compact else [""]
    return [line for row in rows for line in [*between, *row]]


def sampled_window(series: Iterable[MetricSeries]) -> tuple[datetime, datetime] | None:
    """The times of the first and the last sample; None if no sample has a time."""
    times = [point.at for one in series for point in one.points if point.at is not None]
    return (min(times), max(times)) if times else None


def _beside(blocks: Sequence[list[StyledText]], width: int, screen: Screen) -> list[str]:
    lines = []
    for row in zip_longest(*blocks, fillvalue=[]):
        padded = [[*line, (" " * (width - _width(line) + _GAP), "")] for line in row[:-1]]
        lines.append(paint((piece for line in [*padded, row[-1]] for piece in line), screen))
    return lines


def _width(line: Iterable[tuple[str, str]]) -> int:
    return sum(cell_width(text) for text, _ in line)


def _names(series: Sequence[MetricSeries]) -> list[str]:
    there = dict.fromkeys(one.name for one in series)
    return [*(name for name in ALL_METRICS if name in there), *(name for name in there if name not in ALL_METRICS)]
