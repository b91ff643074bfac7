"""Metric series and their summaries. Names and units follow Prometheus: base units, unit in the name.

A missing series is absent, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from bot.domain.jobs import JobRef

GPU_UTILIZATION = "gpu_utilization_ratio"
GPU_MEMORY = "gpu_memory_used_bytes"
CPU_USAGE = "cpu_usage_cores"
MEMORY = "memory_used_bytes"
EPHEMERAL_STORAGE = "ephemeral_storage_used_bytes"
EPHEMERAL_STORAGE_UTILIZATION = "ephemeral_storage_utilization_ratio"
CACHE = "cache_used_bytes"
CACHE_UTILIZATION = "cache_utilization_ratio"

KNOWN_METRICS = (
    GPU_UTILIZATION,
    GPU_MEMORY,
    CPU_USAGE,
    MEMORY,
    EPHEMERAL_STORAGE,
    EPHEMERAL_STORAGE_UTILIZATION,
    CACHE,
    CACHE_UTILIZATION,
)


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """Which window of a job's metrics; None leaves a side to the platform."""

    job: JobRef
    start: datetime | None = None
    end: datetime | None = None
    step: timedelta | None = None
    """Wanted distance of two samples; None leaves it to the platform."""


class MetricPoint(NamedTuple):
    """One value, at a time or (RiverGen's training metrics have no times) at a step.

    A NamedTuple for the reason that `LogLine` is one: every look at a job builds hundreds (docs/adr/0010).
    """

    value: float
    at: datetime | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One metric of one thing, oldest sample first; all of its samples have a time, or none has."""

    name: str
    points: tuple[MetricPoint, ...]
    node: str | None = None
    """None: the job as a whole; for Baseten's multi-node jobs the top level is the leader's alone."""
    gpu: int | None = None
    limit: float | None = None
    """The most it can be, in the metric's own unit, when the platform says so."""


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """Last, mean, quantiles and extremes of one series over its window."""

    series: MetricSeries
    count: int
    last: float
    mean: float
    minimum: float
    maximum: float
    p5: float
    p95: float
    last_at: datetime | None
    longest_gap: timedelta | None
    """The longest time between two samples; None with fewer than two timed samples."""


def quantile(ordered: Sequence[float], fraction: float) -> float:
    """The linearly interpolated quantile (Prometheus `quantile_over_time`) of sorted values, which may not be empty."""
    position = (len(ordered) - 1) * fraction
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def summarize(series: MetricSeries) -> MetricSummary | None:
    """Figures of a series; non-finite samples do not count; None when no sample is left."""
    points = [point for point in series.points if math.isfinite(point.value)]
    if not points:
        return None
    values = [point.value for point in points]
    ordered = sorted(values)
    times = [point.at for point in points if point.at is not None]
    return MetricSummary(
        series=series,
        count=len(values),
        last=values[-1],
        mean=math.fsum(values) / len(values),
        minimum=ordered[0],
        maximum=ordered[-1],
        p5=quantile(ordered, 0.05),
        p95=quantile(ordered, 0.95),
        last_at=times[-1] if times else None,
        longest_gap=max((after - before for before, after in pairwise(times)), default=None),
    )


def missing_metrics(series: Iterable[MetricSeries]) -> tuple[str, ...]:
    """Names of the known metrics of which there is no sample, in display order."""
    present = {one.name for one in series if one.points}
    return tuple(name for name in KNOWN_METRICS if name not in present)
