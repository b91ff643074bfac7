"""Choose and build the charts of a job's metrics: a few lines, or a heat map where there are too many GPUs. Pure."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from statistics import median

from bot.domain.charts import (
    LIMIT,
    Chart,
    ChartLevel,
    ChartLine,
    ChartMoment,
    ChartPoint,
    HeatMap,
    HeatRow,
    LineChart,
    thin,
)
from bot.domain.metrics import (
    ALL_METRICS,
    GPU_MEMORY,
    GPU_UTILIZATION,
    MetricSeries,
    MetricSummary,
    bucket_means,
    display_unit,
    metric_title,
    safe_mean,
)
from bot.domain.node_metrics import natural_order
from bot.domain.wording import plural

MOST_LINES = 6
"""The most lines of a chart in Slack; people hardly distinguish more."""
_MOST_POINTS = 200
"""Of each line; a picture is 1,200 pixels wide."""
_COLUMNS = 300
_COMPACT_COLUMNS, _COMPACT_SAMPLES = 20, 50_000
_MOST_OUTLIERS = 6
_SPREAD = 6.0
"""A GPU is an outlier this many times the median distance from the median of all GPUs."""
_LEAST_DISTANCE = {GPU_UTILIZATION: 0.1, GPU_MEMORY: 2.0 * 2**30}
"""Nearer GPUs are alike."""


_Row = tuple[str, tuple[float, ...]]
"""A line's name and its values."""


def metric_charts(
    summaries: Sequence[MetricSummary], start: datetime, end: datetime, moments: Sequence[ChartMoment] = ()
) -> tuple[Chart, ...]:
    """One chart for each metric, GPUs first. Series without samples are in none."""
    there = dict.fromkeys(one.series.name for one in summaries)
    known = [name for name in ALL_METRICS if name in there]
    names = [*known, *(name for name in there if name not in ALL_METRICS)]
    return tuple(metric_chart([one.series for one in summaries if one.series.name == name], start, end, moments)
                 for name in names)  # fmt: skip


def metric_chart(
    series: Sequence[MetricSeries], start: datetime, end: datetime, moments: Sequence[ChartMoment] = ()
) -> Chart:
    """Chart the series of one metric over a window."""
    if len(series) > MOST_LINES and all(one.gpu is not None for one in series):
        return _heat_map(series, start, end)
    _, factor, unit = display_unit(series[0].name)
    drawn = series if len(series) <= MOST_LINES else _most_different(series)
    is_time = all(point.at is not None for one in drawn for point in one.points)
    lines = tuple(ChartLine(_label(one, series), _points(one, factor)) for one in drawn)
    levels = _limits(series, factor)
    note = "" if len(drawn) == len(series) else f"{len(drawn)} of {len(series)} series: the most different ones"
    return LineChart(
        metric_title(series[0].name), unit, lines, levels, tuple(moments) if is_time else (), is_time, note
    )


def spread_chart(series: Sequence[MetricSeries], start: datetime, end: datetime) -> LineChart:
    """A chart of the lowest, the median and the highest value over many series at each time."""
    _, factor, unit = display_unit(series[0].name)
    # Fewer columns than samples, so that series whose samples are not at the same times have a value in each.
    columns = max(1, min(_MOST_POINTS, *(len(one.points) for one in series)))
    is_time = all(point.at is not None for one in series for point in one.points)
    xs = _centres(series, start, end, columns, is_time=is_time)
    rows = [_row(one, start, end, columns, factor) for one in series]
    at_each = [[value for value in values if math.isfinite(value)] for values in zip(*rows, strict=True)]
    while at_each and not at_each[-1]:  # not sampled yet
        at_each.pop()
    picked = [(max(one), median(one), min(one)) if one else (math.nan,) * 3 for one in at_each]
    lines = tuple(
        ChartLine(name, tuple(ChartPoint(x, values[index]) for x, values in zip(xs, picked, strict=False)))
        for index, name in enumerate(("highest", "median", "lowest"))
    )
    return LineChart(metric_title(series[0].name), unit, lines, _limits(series, factor), (), is_time)


def _limits(series: Sequence[MetricSeries], factor: float) -> tuple[ChartLevel, ...]:
    """The limit, if all series with one have the same."""
    limits = {one.limit * factor for one in series if one.limit and not one.name.endswith("_ratio")}
    return tuple(ChartLevel(LIMIT, limit) for limit in limits if len(limits) == 1)


def compact_chart(series: Sequence[MetricSeries], start: datetime, end: datetime) -> LineChart:
    """A chart of few points for messages: of many series the one with the lowest and with the highest values."""
    name = series[0].name
    _, factor, unit = display_unit(name)
    columns = min(_COMPACT_COLUMNS, max((len(one.points) for one in series), default=0))
    rows = [_row(one, start, end, columns, factor) if columns else () for one in _sampled(series)]
    lines = [(_label(one, series), row) for one, row in zip(series, rows, strict=True)]
    if len(lines) > MOST_LINES:
        lines = _extremes(lines)
    is_time = all(point.at is not None for one in series for point in one.points)
    xs = _centres(series, start, end, columns, is_time=is_time)
    drawn = tuple(ChartLine(label, tuple(map(ChartPoint, xs, row))) for label, row in lines)
    return LineChart(metric_title(name), unit, drawn, _limits(series, factor), is_time=is_time)


def _sampled(series: Sequence[MetricSeries]) -> Sequence[MetricSeries]:
    """The series with fewer, evenly spaced points if there are very many, so that a message is built in time."""
    every = sum(len(one.points) for one in series) // _COMPACT_SAMPLES + 1
    return series if every == 1 else [replace(one, points=one.points[::every]) for one in series]


def _extremes(lines: Sequence[_Row]) -> list[_Row]:
    """The lines with the lowest and the highest mean, with the median of all lines between them."""
    means = {at: _finite_mean(row) for at, (_, row) in enumerate(lines)}
    ranked = sorted((at for at in means if math.isfinite(means[at])), key=lambda at: means[at])
    if not ranked:
        return []
    (lowest, low), (highest, high) = lines[ranked[0]], lines[ranked[-1]]
    middle = tuple(_finite_median(column) for column in zip(*(row for _, row in lines), strict=True))
    return [(f"min {lowest}", low), ("median", middle), (f"max {highest}", high)]


def _finite_mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return safe_mean(finite) if finite else math.nan


def _finite_median(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return median(finite) if finite else math.nan


def _centres(
    series: Sequence[MetricSeries], start: datetime, end: datetime, columns: int, *, is_time: bool
) -> list[float]:
    """The x of each column: a time, or the last step in it."""
    if is_time:
        width = (end - start).total_seconds() / (columns or 1)
        return [start.timestamp() + (index + 0.5) * width for index in range(columns)]
    points = max((one.points for one in series), key=len)
    last = [max(0, (index + 1) * len(points) // columns - 1) for index in range(columns)]
    return [float(at if points[at].step is None else points[at].step or 0) for at in last]


def describe_chart(chart: Chart) -> str:
    """Say in a sentence what a chart shows, for people who do not see it."""
    if isinstance(chart, HeatMap):
        odd = ", ".join(named_outliers(chart))
        different = (
            f" Unlike the others ({usual_value(chart)}): {odd}." if odd else " No GPU differs much from the others."
        )
        return f"{chart.title} of {plural(len(chart.rows), 'GPU')}.{different}"
    parts = [_describe_line(line, chart.unit) for line in chart.lines[:MOST_LINES]]
    limits = [f"{one.name} {figure_text(one.value, chart.unit)}" for one in chart.levels]
    return f"{chart.title}: {'; '.join([*parts, *limits])}." if parts else f"{chart.title}: no samples."


def named_outliers(chart: HeatMap) -> list[str]:
    """The rows that differ from the others, each with its mean: `node-37 GPU 5 10%`."""
    return [
        f"{name} {figure_text(_finite_mean(chart.rows[at].values), chart.unit)}".strip() for at, name in chart.outliers
    ]


def usual_value(chart: HeatMap) -> str:
    """The median of the rows' means, such as `95%`."""
    return figure_text(_finite_median([_finite_mean(row.values) for row in chart.rows]), chart.unit)


def _describe_line(line: ChartLine, unit: str) -> str:
    values = [point.y for point in line.points if math.isfinite(point.y)]
    name = f"{line.name} " if line.name else ""
    if not values:
        return f"{name}has no samples"
    first, last = values[0], values[-1]
    between = f", between {figure_text(min(values), unit)} and {figure_text(max(values), unit)}"
    return f"{name}from {figure_text(first, unit)} to {figure_text(last, unit)}{between}"


def figure_text(value: float, unit: str) -> str:
    """A value with its unit: `34%`, `78.96 GiB`."""
    digits = f"{value:.0f}" if unit == "%" else f"{value:.4g}"
    return f"{digits}%" if unit == "%" else f"{digits} {unit}".rstrip()


def _points(series: MetricSeries, factor: float) -> tuple[ChartPoint, ...]:
    def x(index: int, at: datetime | None, step: int | None) -> float:
        return at.timestamp() if at is not None else float(index if step is None else step)

    points = [ChartPoint(x(index, one.at, one.step), _finite(one.value * factor))
              for index, one in enumerate(series.points)]  # fmt: skip
    return thin(points, _MOST_POINTS)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def _label(one: MetricSeries, among: Sequence[MetricSeries]) -> str:
    """The name of a series: its GPU, and its node where there are several."""
    nodes = {each.node for each in among}
    node = one.node if one.node and (len(nodes) > 1 or one.gpu is None) else None
    gpu = None if one.gpu is None else f"GPU {one.gpu}"
    return " ".join(filter(None, (node, gpu)))


def _most_different(series: Sequence[MetricSeries]) -> Sequence[MetricSeries]:
    """The series furthest from the median of all, in their order."""
    means = [_mean(one) for one in series]
    middle = median(means)
    ranked = sorted(range(len(series)), key=lambda index: -abs(means[index] - middle))[:MOST_LINES]
    return [series[index] for index in sorted(ranked)]


def _mean(series: MetricSeries) -> float:
    values = [point.value for point in series.points if math.isfinite(point.value)]
    return safe_mean(values) if values else 0.0


def _heat_map(series: Sequence[MetricSeries], start: datetime, end: datetime) -> HeatMap:
    _, factor, unit = display_unit(series[0].name)
    ordered = sorted(series, key=lambda one: (*natural_order(one.node or ""), one.gpu or 0))
    columns = min(_COLUMNS, max(len(one.points) for one in ordered))
    rows = tuple(HeatRow(_label(one, ordered), _row(one, start, end, columns, factor)) for one in ordered)
    nodes = dict.fromkeys(one.node or "" for one in ordered)
    groups = tuple((node, sum((one.node or "") == node for one in ordered)) for node in nodes)
    limit = max((one.limit or 0.0 for one in ordered), default=0.0) * factor
    values = [value for row in rows for value in row.values if math.isfinite(value)]
    highest = 100.0 if unit == "%" else limit or max(values, default=1.0)
    return HeatMap(
        metric_title(series[0].name), unit, start.timestamp(), end.timestamp(), rows, groups,
        tuple((at, rows[at].name) for at in _outliers(ordered)),
        min(0.0, *values) if values else 0.0, max([highest, *values]),
    )  # fmt: skip


def _row(one: MetricSeries, start: datetime, end: datetime, columns: int, factor: float) -> tuple[float, ...]:
    means = bucket_means(one, start, end, columns)
    values = [math.nan if mean is None else _finite(mean * factor) for mean in means]
    return tuple(values[index * len(values) // columns] for index in range(columns))


def _outliers(series: Sequence[MetricSeries]) -> Sequence[int]:
    """The indices of the GPUs whose mean is far from the others', by the median distance from the median."""
    means = [_mean(one) for one in series]
    middle = median(means)
    distances = [abs(mean - middle) for mean in means]
    far = max(_SPREAD * median(distances), _LEAST_DISTANCE.get(series[0].name, 0.1 * abs(middle)))
    odd = sorted((index for index in range(len(series)) if distances[index] > far), key=lambda index: -distances[index])
    return odd[:_MOST_OUTLIERS]
