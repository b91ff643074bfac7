"""Convert a deployment's metrics to metric series. Pure.

Source: https://docs.baseten.co/reference/management-api/deployments/get-deployment-metrics and
https://docs.baseten.co/observability/export-metrics/supported-metrics (read 2026-11-29; documented): names, modes and
shape. Observed in Baseten's own command line: a counter is a rate, or with the unit COUNT the number in its step.
Assumed: series of replicas and GPUs have the labels `replica` and `gpu`, as in the metrics export.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.domain.jobs import Resources
from bot.domain.metrics import (
    CPU_USAGE,
    FIRST_BYTE_TIMES,
    GPU_MEMORY,
    GPU_UTILIZATION,
    MEMORY,
    REPLICAS,
    REPLICAS_STARTING,
    REQUESTS,
    REQUESTS_FAILED,
    REQUESTS_IN_FLIGHT,
    REQUESTS_QUEUED,
    REQUESTS_REFUSED,
    RESPONSE_TIMES,
    MetricPoint,
    MetricSeries,
)
from bot.providers.baseten.instance_types import MIB
from bot.providers.baseten.wire import WireDeploymentMetrics, WireDescriptor

_REQUESTS = "baseten_inference_requests_total"
_PLAIN = {
    "baseten_replicas_active": REPLICAS,
    "baseten_replicas_starting": REPLICAS_STARTING,
    "baseten_concurrent_requests": REQUESTS_IN_FLIGHT,
    "baseten_async_queue_size": REQUESTS_QUEUED,
    "baseten_gpu_utilization": GPU_UTILIZATION,
    "baseten_gpu_memory_used": GPU_MEMORY,
    "baseten_container_cpu_usage_seconds_total": CPU_USAGE,
    "baseten_container_cpu_memory_working_set_bytes": MEMORY,
}
_HISTOGRAMS = {
    "baseten_end_to_end_response_time_seconds": RESPONSE_TIMES,
    "baseten_time_to_first_byte_seconds": FIRST_BYTE_TIMES,
}
METRIC_NAMES = (_REQUESTS, *_PLAIN, *_HISTOGRAMS)
"""What is requested; the platform's default is three of these."""
_BY_REPLICA = frozenset({GPU_UTILIZATION, GPU_MEMORY, CPU_USAGE, MEMORY})
_PLACES = ("replica", "pod")
_NUMBER = re.compile(r"\d+")
_LONGEST_RANK = 5
"""Digits; a longer number is a serial number."""
_NO_TIME = datetime.fromtimestamp(0, UTC)
"""Stands for a time that no datetime can hold; `validate_series` discards its samples and counts them."""

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class _Steps:
    """The times of the value sets and the seconds that each covers; None for a snapshot."""

    times: Sequence[datetime]
    seconds: Sequence[float | None]

    def points(self, values: Values, scale: Callable[[float, float | None], float | None]) -> tuple[MetricPoint, ...]:
        """The values that were measured, converted."""
        pairs = zip(values, self.times, self.seconds, strict=False)
        scaled = ((scale(value, seconds), at) for value, at, seconds in pairs if value is not None)
        return tuple(MetricPoint(value, at) for value, at in scaled if value is not None)


def deployment_series(reply: WireDeploymentMetrics, resources: Resources) -> Iterator[MetricSeries]:
    """Yield the series of an answer, oldest sample first. One that the platform names but did not measure is empty."""
    steps, rows = _steps(reply), sorted(reply.metric_values, key=lambda row: row.start_epoch_millis)
    for index, descriptor in enumerate(reply.metric_descriptors):
        sets = [row.values[index] if index < len(row.values) else [] for row in rows]
        columns: list[Values] = [
            [values[at] if at < len(values) else None for values in sets] for at in range(len(descriptor.label_sets))
        ]
        labelled = list(zip(descriptor.label_sets, columns, strict=True))
        if descriptor.name == _REQUESTS:
            yield from _requests(descriptor, labelled, steps)
        elif descriptor.name in _HISTOGRAMS:
            yield from _times(_HISTOGRAMS[descriptor.name], labelled, steps)
        elif (name := _PLAIN.get(descriptor.name)) in _BY_REPLICA and name is not None:
            yield from _by_replica(name, descriptor, labelled, steps, _limit(name, resources))
        elif name is not None:
            yield MetricSeries(name, steps.points(_sum(columns), lambda value, _: value))


def _steps(reply: WireDeploymentMetrics) -> _Steps:
    """The last step ends with the window."""
    starts = sorted(row.start_epoch_millis for row in reply.metric_values)
    ends = [*starts[1:], reply.end_epoch_millis or 0]
    is_snapshot = reply.mode == "CURRENT"
    times = [_time(start) for start in starts]
    spans = [(end - start) / 1000 for start, end in zip(starts, ends, strict=False)]
    return _Steps(times, [None if is_snapshot or span <= 0 else span for span in spans])


def _time(start_ms: int) -> datetime:
    try:
        return datetime.fromtimestamp(start_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return _NO_TIME


def _rate(descriptor: WireDescriptor) -> Callable[[float, float | None], float | None]:
    """Convert a counter's value to a rate per second; a count without the time it covers has none."""
    if descriptor.unit_hint == "PER_SECOND":
        return lambda value, _: value
    return lambda value, seconds: None if seconds is None else value / seconds


def _requests(
    descriptor: WireDescriptor, labelled: Sequence[tuple[Mapping[str, str], Values]], steps: _Steps
) -> Iterator[MetricSeries]:
    """All requests, and those that were answered with 4xx and 5xx."""
    rate = _rate(descriptor)
    yield MetricSeries(REQUESTS, steps.points(_sum(values for _, values in labelled), rate))
    for name, digit in ((REQUESTS_REFUSED, "4"), (REQUESTS_FAILED, "5")):
        own = [values for labels, values in labelled if _status(labels).startswith(digit)]
        if own:
            yield MetricSeries(name, steps.points(_sum(own), rate))


def _status(labels: Mapping[str, str]) -> str:
    return labels.get("status") or labels.get("status_code") or ""


def _times(
    names: Sequence[str], labelled: Sequence[tuple[Mapping[str, str], Values]], steps: _Steps
) -> Iterator[MetricSeries]:
    """One series for each quantile and for the average; others are left out."""
    for labels, values in labelled:
        name = next((name for name in names if f"_{_statistic(labels)}_" in name), None)
        if name is not None:
            yield MetricSeries(name, steps.points(values, lambda value, _: value))


def _statistic(labels: Mapping[str, str]) -> str:
    try:
        return f"p{float(labels['quantile']) * 100:g}"
    except (KeyError, ValueError):
        return labels.get("stat", "?")


def _by_replica(
    name: str,
    descriptor: WireDescriptor,
    labelled: Sequence[tuple[Mapping[str, str], Values]],
    steps: _Steps,
    limit: float | None,
) -> Iterator[MetricSeries]:
    """One series for each replica and GPU. Series that labels do not tell apart are numbered."""
    scale = _rate(descriptor) if name == CPU_USAGE else _scale(descriptor)
    seen: dict[tuple[str | None, int | None], int] = {}
    for labels, values in labelled:
        node = next((labels[key] for key in _PLACES if labels.get(key)), None)
        gpu = _gpu(labels.get("gpu"))
        count = seen[node, gpu] = seen.get((node, gpu), 0) + 1
        series = MetricSeries(name, steps.points(values, scale), node, gpu, limit)
        yield series if count == 1 else replace(series, node=f"{node or 'series'} #{count}")


def _gpu(label: str | None) -> int | None:
    found = _NUMBER.findall(label or "")
    return int(found[-1]) if found and len(found[-1]) <= _LONGEST_RANK else None


def _scale(descriptor: WireDescriptor) -> Callable[[float, float | None], float | None]:
    factor = MIB if descriptor.unit_hint == "MEBIBYTES" else 1
    return lambda value, _: value * factor


def _limit(name: str, resources: Resources) -> float | None:
    limits = {
        GPU_UTILIZATION: 1.0,
        GPU_MEMORY: resources.gpu_memory_limit_bytes,
        CPU_USAGE: resources.cpu_limit_cores,
        MEMORY: resources.memory_limit_bytes,
    }
    return limits[name] or None


def _sum(columns: Iterable[Values]) -> list[float | None]:
    """Add up series value by value; a step that none measured stays None."""
    return [
        sum(found) if (found := [value for value in row if value is not None]) else None
        for row in zip(*columns, strict=True)
    ]
