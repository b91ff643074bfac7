"""Metrics summed up by node: the range of each metric over a node's GPUs, and charts that share a scale. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.metrics import (
    ALL_METRICS,
    GPU_MEMORY,
    GPU_UTILIZATION,
    MetricSummary,
    bucket_means,
    sparkline,
)

_NEAR_LIMIT = 0.85
"""From this share of the limit on, a chart shows only the values near the limit."""
_ROOM_BELOW = 0.25
"""Such a chart starts below its lowest value by this share of the distance to the limit."""

Curve = Sequence[float | None]
"""The values of a chart; None is a gap."""


@dataclass(frozen=True, slots=True)
class MetricRange:
    """The smallest, mean and largest sample of some series of one metric."""

    minimum: float
    mean: float
    maximum: float
    limit: float | None
    """The highest limit; None if no series has one."""
    series: tuple[MetricSummary, ...]


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """The GPUs of one node."""

    node: str | None
    """None where the platform names no node."""
    gpus: int
    utilization: MetricRange | None
    memory: MetricRange | None


@dataclass(frozen=True, slots=True)
class ChartScale:
    """The values at the bottom and top of a chart."""

    lowest: float
    highest: float


def metric_range(summaries: Iterable[MetricSummary]) -> MetricRange | None:
    """Combine series of one metric; None without any."""
    series = tuple(summaries)
    if not series:
        return None
    total = sum(one.count for one in series)
    mean = math.fsum(one.mean * (one.count / total) for one in series)
    limits = [one.series.limit for one in series if one.series.limit is not None]
    lowest, highest = min(one.minimum for one in series), max(one.maximum for one in series)
    return MetricRange(lowest, mean, highest, max(limits, default=None), series)


def node_usage(summaries: Sequence[MetricSummary]) -> list[NodeUsage]:
    """The utilization and memory of each node's GPUs, in the order of the nodes' names."""
    gpu_series = [one for one in summaries if one.series.name in (GPU_UTILIZATION, GPU_MEMORY)]
    usage = []
    for node in sorted({one.series.node or "" for one in gpu_series}, key=natural_order):
        own = [one for one in gpu_series if (one.series.node or "") == node]
        gpus = {one.series.gpu for one in own if one.series.gpu is not None}
        utilization, memory = (
            metric_range(one for one in own if one.series.name == name) for name in (GPU_UTILIZATION, GPU_MEMORY)
        )
        usage.append(NodeUsage(node or None, len(gpus) or 1, utilization, memory))
    return usage


def other_ranges(summaries: Sequence[MetricSummary]) -> list[tuple[str, MetricRange]]:
    """The metrics that are not about GPUs, each over all nodes, known ones first."""
    names = dict.fromkeys(one.series.name for one in summaries)
    known = [name for name in ALL_METRICS if name in names]
    ordered = [*known, *(name for name in names if name not in ALL_METRICS)]
    ranges = ((name, metric_range(one for one in summaries if one.series.name == name)) for name in ordered)
    return [(name, found) for name, found in ranges if found is not None and name not in (GPU_UTILIZATION, GPU_MEMORY)]


def combined_curve(series: Sequence[MetricSummary], window: tuple[datetime, datetime], width: int) -> Curve:
    """Combine several series into one curve: the mean of GPU utilization, and of other metrics the largest."""
    means = [bucket_means(one.series, *window, width) for one in series]
    if len({len(one) for one in means}) > 1:  # sampled at different rates
        means = [bucket_means(one.series, *window, min(map(len, means))) for one in series]
    is_mean = bool(series) and series[0].series.name == GPU_UTILIZATION
    curve: list[float | None] = []
    for values in zip(*means, strict=True):
        there = [value for value in values if value is not None]
        curve.append((math.fsum(there) / len(there) if is_mean else max(there)) if there else None)
    return curve


def chart_scale(name: str, curves: Iterable[Curve], limit: float | None) -> ChartScale:
    """One scale for several charts of a metric, so that they compare.

    It ends at the limit and starts at zero, or near the limit just below the lowest value: a climb from 75 to 79 of
    79.6 is visible. Only the curve nearest to the limit counts, except for utilization, where low values matter.
    Without a limit the scale has the range of the values.
    """
    drawn = [[value for value in curve if value is not None] for curve in curves]
    drawn = [values for values in drawn if values] or [[0.0, 1.0]]
    if limit and not name.endswith("_ratio"):
        drawn = [max(drawn, key=max)]
    lowest, highest = min(map(min, drawn)), max(map(max, drawn))
    top = max(1.0, limit or 0.0, highest) if name.endswith("_ratio") else max(limit, highest) if limit else None
    if top is None:
        return ChartScale(lowest, highest)
    if highest < _NEAR_LIMIT * top or lowest < 0:
        return ChartScale(min(0.0, lowest), top)
    return ChartScale(max(0.0, lowest - _ROOM_BELOW * (top - lowest)), top)


def draw_chart(curve: Curve, scale: ChartScale) -> str:
    """Draw a curve as a sparkline."""
    return sparkline(curve, lowest=scale.lowest, highest=scale.highest)


def natural_order(name: str) -> tuple[str, int, str]:
    """Order `node-2` before `node-10`."""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    return stem, int(digits) if digits else -1, name
