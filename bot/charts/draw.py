"""Draw charts as PNG or SVG with matplotlib's `Figure`. Runs in a separate process (`bot.charts.painter`).

Pictures are 1,170 pixels wide with large type, because a phone shows them 350 points wide. They are on white, because
Slack's dark theme shows pictures as they are.
"""

import io
import math
from collections.abc import Sequence
from datetime import UTC

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from matplotlib.typing import RcKeyType
from numpy.typing import NDArray

from bot.domain.charts import Chart, HeatMap, LineChart, axis_range, sampled_span
from bot.domain.metric_charts import figure_text, named_outliers, usual_value

_COLOURS = ("#1264a3", "#e8912d", "#2eb67d", "#7c3aed", "#0b8793", "#8a6d3b")
_ALARM = "#c8102e"
_INK = "#333333"
_WIDTH_IN, _HEIGHT_IN, _DPI = 9.0, 4.5, 130
_TALL_IN = 6.5
_DATES = ["UTC", "%Y UTC", "%b %Y UTC", "%-d %b %Y UTC", "%-d %b %Y UTC", "%-d %b %Y %H:%M UTC"]
"""What is below the end of the axis when its ticks are years, months, days, hours, minutes or seconds."""
_DAY_S = 86_400.0
_ROWS_SEEN = 200
"""Rows that are high enough to be seen."""
_DIVIDED_GROUPS = 32
_BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.8}
"""Behind words that may lie on a line."""
_SETTINGS: dict[RcKeyType, object] = {
    "font.family": "DejaVu Sans", "font.size": 13, "svg.fonttype": "none", "axes.edgecolor": "#888888",
    "text.color": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.unicode_minus": False,
    "text.parse_math": False, "svg.hashsalt": "trainwatch",
}  # fmt: skip


def draw(charts: Sequence[Chart], form: str) -> bytes:
    """Draw charts below each other as `png` or `svg`."""
    with mpl.rc_context(_SETTINGS):
        heights = [_TALL_IN if isinstance(one, HeatMap) else _HEIGHT_IN for one in charts]
        figure = Figure(figsize=(_WIDTH_IN, sum(heights)), dpi=_DPI, facecolor="white", layout="constrained")
        rows = figure.subplots(len(charts), squeeze=False, height_ratios=heights)
        for chart, axes in zip(charts, rows[:, 0], strict=True):
            _draw_heat_map(chart, figure, axes) if isinstance(chart, HeatMap) else _draw_lines(chart, axes)
            axes.set_title(_cut(chart.title, 60), loc="left", fontweight="bold", fontsize=16)
            axes.set_title(_cut(_note_of(chart), 60), loc="right", fontsize=11)
        drawn = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(drawn, format=form, metadata=metadata)
    return drawn.getvalue()


def _note_of(chart: Chart) -> str:
    """What the chart leaves out, or what the outliers of a heat map differ from."""
    if isinstance(chart, HeatMap) and chart.outliers and not chart.note:
        return f"red: unlike the others ({usual_value(chart)})"
    return chart.note


def _draw_lines(chart: LineChart, axes: Axes) -> None:
    for line, colour in zip(chart.lines, _COLOURS * (len(chart.lines) // len(_COLOURS) + 1), strict=False):
        x, y = [_x(point.x, chart) for point in line.points], [point.y for point in line.points]
        label = _cut(line.name, 24)
        axes.plot(x, y, color=colour, linewidth=2.2, label=label or None, marker="o" if len(x) == 1 else None)
        lows, highs = ([one[at] for one in map(sampled_span, line.points)] for at in (0, 1))
        axes.fill_between(x, lows, highs, color=colour, alpha=0.18, linewidth=0)
    low, high = axis_range(chart)
    axes.set_ylim(low, high)
    for level in chart.levels:
        if low <= level.value <= high:
            axes.axhline(level.value, color=_ALARM, linestyle="--", linewidth=1.6)
            text = f"{_cut(level.name, 24)} {figure_text(level.value, chart.unit)}"
            _note(axes, text, (1, level.value), ("axes fraction", "data"), -15)
    for moment in chart.moments:
        axes.axvline(_x(moment.x, chart), color=_ALARM, linewidth=1.6)
        _note(axes, _cut(moment.name, 32), (_x(moment.x, chart), 0), ("data", "axes fraction"), 8)
    axes.set_ylabel(chart.unit)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    _label_x(axes, is_time=chart.is_time)
    if not chart.lines or all(math.isnan(point.y) for line in chart.lines for point in line.points):
        axes.annotate("no samples", (0.5, 0.5), xycoords="axes fraction", ha="center", fontsize=16)
    elif any(line.name for line in chart.lines):
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=4, frameon=False, fontsize=12)


def _note(axes: Axes, text: str, place: tuple[float, float], coordinates: tuple[str, str], above: float) -> None:
    """Write beside a red line, to its left."""
    axes.annotate(
        text, place, xycoords=coordinates, xytext=(-6, above), textcoords="offset points", ha="right",
        color=_ALARM, fontsize=12, bbox=_BEHIND,
    )  # fmt: skip


def _draw_heat_map(chart: HeatMap, figure: Figure, axes: Axes) -> None:
    values = np.array([row.values for row in chart.rows] or [(math.nan,)], dtype=float)
    start, end = chart.start / _DAY_S, chart.end / _DAY_S
    colours = mpl.colormaps["viridis"].with_extremes(bad="#dddddd")
    image = axes.imshow(
        values, aspect="auto", interpolation="nearest", cmap=colours, vmin=chart.lowest, vmax=chart.highest,
        extent=(start, end, len(values), 0),
    )  # fmt: skip
    _draw_thicker(axes, image, values, chart)
    bar = figure.colorbar(image, ax=axes, location="bottom", pad=0.02, fraction=0.04, aspect=60)
    bar.set_label(chart.unit, loc="right")
    _label_groups(axes, chart.groups)
    _label_outliers(axes, chart)
    axes.xaxis_date(tz="UTC")
    _label_x(axes, is_time=True)


def _draw_thicker(axes: Axes, image: AxesImage, values: NDArray[np.float64], chart: HeatMap) -> None:
    """Draw outliers again, high enough to be seen among a thousand rows."""
    left, right, bottom, top = image.get_extent()
    half = max(0.5, len(values) / _ROWS_SEEN)
    for row, _ in chart.outliers:
        middle = row + 0.5
        axes.imshow(
            values[row : row + 1], aspect="auto", interpolation="nearest", cmap=image.get_cmap(),
            vmin=chart.lowest, vmax=chart.highest,
            extent=(left, right, middle + half, middle - half),
        )  # fmt: skip
    axes.set_ylim(bottom, top)


def _label_groups(axes: Axes, groups: Sequence[tuple[str, int]]) -> None:
    """Name the nodes at the left, as many as there is room for, and divide them by lines."""
    edges = [sum(count for _, count in groups[:at]) for at in range(len(groups) + 1)]
    every = max(1, math.ceil(len(groups) / 12))
    centres = [(edges[at] + edges[at + 1]) / 2 for at in range(0, len(groups), every)]
    axes.set_yticks(centres, [_cut(name, 18) for name, _ in groups[::every]], fontsize=11)
    if len(groups) <= _DIVIDED_GROUPS:
        for edge in edges[1:-1]:
            axes.axhline(edge, color="white", linewidth=0.8)


def _label_outliers(axes: Axes, chart: HeatMap) -> None:
    """Point at the GPUs that differ from the others; labels keep a distance from each other."""
    gap, last = len(chart.rows) / 16, -math.inf
    for (row, _), name in sorted(zip(chart.outliers, named_outliers(chart), strict=True)):
        at = max(row + 0.5, last + gap)
        last = at
        axes.annotate(
            _cut(name, 24), xy=(1, row + 0.5), xytext=(1.03, at), xycoords=("axes fraction", "data"), color=_ALARM,
            textcoords=("axes fraction", "data"), va="center", fontsize=11, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": _ALARM, "linewidth": 1.4},
        )  # fmt: skip


def _label_x(axes: Axes, *, is_time: bool) -> None:
    if not is_time:
        axes.set_xlabel("step")
        return
    locator = AutoDateLocator(tz=UTC, minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC, offset_formats=_DATES))


def _x(value: float, chart: LineChart) -> float:
    """As matplotlib counts: days since the epoch."""
    return value / _DAY_S if chart.is_time else value


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
