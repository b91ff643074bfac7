"""Metric series, their summaries and sparklines. Names follow Prometheus: base units, with the unit in the name.

A series without samples is absent, never zero.
"""

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
    GPU_UTILIZATION, GPU_MEMORY, CPU_USAGE, MEMORY, EPHEMERAL_STORAGE, EPHEMERAL_STORAGE_UTILIZATION, CACHE,
    CACHE_UTILIZATION,
)  # fmt: skip

REPLICAS = "replicas_active"
REPLICAS_STARTING = "replicas_starting"
REQUESTS = "requests_per_second"
REQUESTS_REFUSED = "requests_refused_per_second"
"""Answered with 4xx."""
REQUESTS_FAILED = "requests_failed_per_second"
"""Answered with 5xx."""
REQUESTS_IN_FLIGHT = "requests_in_flight"
REQUESTS_QUEUED = "requests_queued"
RESPONSE_TIMES = tuple(f"response_time_{of}_seconds" for of in ("p50", "p90", "p95", "p99", "avg"))
FIRST_BYTE_TIMES = tuple(f"first_byte_time_{of}_seconds" for of in ("p50", "p90", "p95", "p99", "avg"))

SERVING_METRICS = (
    REPLICAS, REPLICAS_STARTING, REQUESTS, REQUESTS_REFUSED, REQUESTS_FAILED, REQUESTS_IN_FLIGHT, REQUESTS_QUEUED,
    *RESPONSE_TIMES, *FIRST_BYTE_TIMES,
)  # fmt: skip
"""Metrics of a deployment that serves requests; those of its hardware are in KNOWN_METRICS."""
ALL_METRICS = (*KNOWN_METRICS, *SERVING_METRICS)
"""In display order."""

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"
"""Drawn where there is no sample. A gap is not a zero."""


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """A time range of a job's metrics; None leaves the value to the platform."""

    job: JobRef
    start: datetime | None = None
    end: datetime | None = None
    step: timedelta | None = None
    """Requested time between two samples."""


class MetricPoint(NamedTuple):
    """One value at a time, or at a step: RiverGen's training metrics have no times.

    A NamedTuple is cheap to build, and each poll builds hundreds (docs/adr/0010).
    """

    value: float
    at: datetime | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class DiscardedSamples:
    """Samples of a series that cannot be true (`bot.domain.metric_validation`)."""

    count: int
    total: int
    """Samples that arrived, with these."""
    example: str
    """The first of these, for a sentence: `4,294,967,295`, `NaN`."""


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One metric of a job, node or GPU, oldest sample first. Either all samples have a time or none has."""

    name: str
    points: tuple[MetricPoint, ...]
    node: str | None = None
    """Node name; None for the whole job. For Baseten's multi-node jobs, None is the leader only."""
    gpu: int | None = None
    limit: float | None = None
    """Maximum possible value, in the unit of the metric, if known."""
    discarded: DiscardedSamples | None = None
    """Samples that are not in `points` because they cannot be true."""
    in_percent: bool = False
    """Whether the platform sent percent where a fraction is documented; `points` are fractions."""


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """Statistics of one series, in the unit of the metric."""

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
    """Longest time between two samples; None with fewer than two timed samples."""


def quantile(ordered: Sequence[float], fraction: float) -> float:
    """Return the linearly interpolated quantile (0 to 1) of sorted, non-empty values, as Prometheus computes it."""
    position = (len(ordered) - 1) * fraction
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def safe_mean(values: Sequence[float]) -> float:
    """The mean of finite values, also of a diverged loss of 1e308, whose sum would be too large."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def summarize(series: MetricSeries) -> MetricSummary | None:
    """Summarize the finite samples of a series; return None if there are none."""
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
        mean=safe_mean(values),
        minimum=ordered[0],
        maximum=ordered[-1],
        p5=quantile(ordered, 0.05),
        p95=quantile(ordered, 0.95),
        last_at=times[-1] if times else None,
        longest_gap=max((after - before for before, after in pairwise(times)), default=None),
    )


_SERVING_UNITS = {
    name: "/s" if name.endswith("_per_second") else "s" if name.endswith("_seconds") else "" for name in SERVING_METRICS
}


def display_unit(name: str) -> tuple[str, float, str]:
    """Return the metric's name in words without its unit, the factor for display, and the displayed unit or ""."""
    if name in _SERVING_UNITS:
        unit = _SERVING_UNITS[name]
        return name.removesuffix("_per_second").removesuffix("_seconds").replace("_", " "), 1.0, unit
    for ending, scale, unit in (("_ratio", 100.0, "%"), ("_bytes", 1 / 2**30, "GiB"), ("_cores", 1.0, "cores")):
        if name.endswith(ending):
            return name.removesuffix(ending).replace("_", " "), scale, unit
    return name.replace("_", " "), 1.0, ""


_TITLES = {
    GPU_UTILIZATION: "GPU utilisation",
    GPU_MEMORY: "GPU memory",
    CPU_USAGE: "CPU",
    MEMORY: "Memory",
    EPHEMERAL_STORAGE: "Ephemeral storage",
    EPHEMERAL_STORAGE_UTILIZATION: "Ephemeral storage used",
    CACHE: "Cache",
    CACHE_UTILIZATION: "Cache used",
}


def metric_title(name: str) -> str:
    """The display name of a metric, which may be a platform's text."""
    if name in SERVING_METRICS:
        words = display_unit(name)[0]
        return f"{words[0].upper()}{words[1:]}"
    return _TITLES.get(name) or name.replace("_", " ")


def missing_metrics(series: Iterable[MetricSeries]) -> tuple[str, ...]:
    """Return the names of known metrics without samples, in display order.

    A deployment has the metrics that its platform names, so only series without samples are missing.
    """
    found = tuple(series)
    present = {one.name for one in found if one.points}
    named = {one.name for one in found}
    expected = named.intersection(SERVING_METRICS) and named
    return tuple(name for name in ALL_METRICS if name in (expected or KNOWN_METRICS) and name not in present)


def share_of(value: float, lowest: float, highest: float) -> float:
    """Where a value is between two others, from 0 to 1, also where their difference is too large for a number."""
    span = highest / 2 - lowest / 2
    share = (value / 2 - lowest / 2) / span if span > 0 else 0.5
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.5


def sparkline(values: Sequence[float | None], *, lowest: float | None = None, highest: float | None = None) -> str:
    """Draw one character per value. The scale runs from `lowest` to `highest`, by default those of the values."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if not finite:
        return GAP * len(values)
    low = min(finite) if lowest is None else lowest
    high = max(finite) if highest is None else highest

    def bar(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return GAP
        share = share_of(value, low, high) if high > low else 0.0
        return BARS[min(int(share * len(BARS)), len(BARS) - 1)]

    return "".join(map(bar, values))


def bucket_means(series: MetricSeries, start: datetime, end: datetime, max_buckets: int) -> list[float | None]:
    """Return the mean of the finite samples in equal parts of the window, None for parts without samples.

    A series with fewer samples than `max_buckets` gets one bucket per sample, so that slow sampling shows no gaps.
    """
    span_s = (end - start).total_seconds() or 1.0
    width = min(max_buckets, max(len(series.points), 1))
    buckets: list[list[float]] = [[] for _ in range(width)]
    for index, point in enumerate(series.points):
        share = index / len(series.points) if point.at is None else (point.at - start).total_seconds() / span_s
        if math.isfinite(point.value) and 0 <= share <= 1:
            buckets[min(int(share * width), width - 1)].append(point.value)
    return [safe_mean(values) if values else None for values in buckets]
