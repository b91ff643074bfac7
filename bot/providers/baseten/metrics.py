"""Convert Baseten's metrics to metric series. Pure."""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter

from bot.domain.metric_validation import join_discarded, validate_series
from bot.domain.metrics import (
    CACHE,
    CACHE_UTILIZATION,
    CPU_USAGE,
    EPHEMERAL_STORAGE,
    EPHEMERAL_STORAGE_UTILIZATION,
    GPU_MEMORY,
    GPU_UTILIZATION,
    MEMORY,
    MetricPoint,
    MetricSeries,
)
from bot.providers.baseten.instance_types import MIB
from bot.providers.baseten.wire import WireInstance, WireJob, WireMetrics, WireNode, WireSample, WireStorage
from bot.providers.decoding import decode_body

_time = itemgetter(1)
_NUMBER = re.compile(r"\d+")


def parse_metrics(
    body: bytes, provider: str, *, latest: datetime | None = None, percent: Collection[str] = ()
) -> tuple[WireJob | None, tuple[MetricSeries, ...]]:
    """Return the job, and every series that has samples, oldest sample first, validated.

    On jobs of several nodes the top level describes only the leader, so it is used only when there are no figures by
    node, as right after a start. Samples arrive unordered (observed in Baseten's own client). Raises ProtocolError if
    the body is not a metrics response.
    """
    reply = decode_body(WireMetrics, body, provider)
    instance = (reply.training_job.instance_type if reply.training_job else None) or WireInstance()
    nodes = [
        series for node in reply.per_node_metrics or () for series in _of_node(node.metrics, node.node_id, instance)
    ]
    chosen = nodes or list(_of_node(decode_body(WireNode, body, provider), None, instance))
    cache = _of_storage(reply.cache, (CACHE, CACHE_UTILIZATION), None)
    return reply.training_job, validate_series((*chosen, *cache), latest=latest, percent=percent)


def join_series(older: Sequence[MetricSeries], newer: Sequence[MetricSeries]) -> tuple[MetricSeries, ...]:
    """Join the samples of two windows; the order and the limits are those of the newer one."""
    earlier = {(one.name, one.node, one.gpu): one for one in older}
    joined = []
    for one in newer:
        before = earlier.pop((one.name, one.node, one.gpu), None)
        joined.append(one if before is None else _joined(before, one))
    return (*joined, *earlier.values())


def _joined(older: MetricSeries, newer: MetricSeries) -> MetricSeries:
    more = sum(len(one.points) for one in (older, newer) if one.discarded is None)
    return replace(
        newer,
        points=(*older.points, *newer.points),
        discarded=join_discarded(older.discarded, newer.discarded, more),
        in_percent=older.in_percent or newer.in_percent,
    )


def _of_node(node: WireNode | None, name: str | None, instance: WireInstance) -> Iterator[MetricSeries]:
    if node is None:
        return
    gpu_memory_limit = _scaled(instance.gpu_memory_limit_mib, MIB)
    yield from _of_gpus(GPU_UTILIZATION, node.gpu_utilization, name, 1.0)
    yield from _of_gpus(GPU_MEMORY, node.gpu_memory_usage_bytes, name, gpu_memory_limit)
    yield from _series(CPU_USAGE, node.cpu_usage, name, limit=_scaled(instance.millicpu_limit, 0.001))
    memory_limit = _scaled(instance.memory_limit_mib, MIB)
    yield from _series(MEMORY, node.cpu_memory_usage_bytes, name, limit=memory_limit)
    yield from _of_storage(node.ephemeral_storage, (EPHEMERAL_STORAGE, EPHEMERAL_STORAGE_UTILIZATION), name)


def _of_gpus(
    metric: str, gpus: Mapping[str, list[WireSample]] | None, node: str | None, limit: float | None
) -> Iterator[MetricSeries]:
    """In order of rank, as a number. Where two keys name one rank, ranks are the keys' indices."""
    keyed = {key: samples for key, samples in (gpus or {}).items() if samples}
    ranks = [_rank(key, index) for index, key in enumerate(keyed)]
    if len(set(ranks)) < len(ranks):
        ranks = list(range(len(ranks)))
    for rank, samples in sorted(zip(ranks, keyed.values(), strict=True), key=itemgetter(0)):
        yield from _series(metric, samples, node, gpu=rank, limit=limit)


def _of_storage(storage: WireStorage | None, names: tuple[str, str], node: str | None) -> Iterator[MetricSeries]:
    if storage is not None:
        yield from _series(names[0], storage.usage_bytes, node)
        yield from _series(names[1], storage.utilization, node, limit=1.0)


def _series(
    metric: str,
    samples: Sequence[WireSample] | None,
    node: str | None,
    *,
    gpu: int | None = None,
    limit: float | None = None,
) -> Iterator[MetricSeries]:
    make = tuple.__new__  # a NamedTuple's own constructor takes 1.5 times as long
    points = [
        make(MetricPoint, (value, at if (at := sample.timestamp).tzinfo is UTC else _aware(at), None))
        for sample in samples or ()
        if (value := sample.value) is not None
    ]
    if points:
        points.sort(key=_time)
        yield MetricSeries(metric, tuple(points), node, gpu, limit)


def _aware(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:  # in the first or last hours that a datetime can hold
        return at.replace(tzinfo=UTC)


def _rank(key: str, index: int) -> int:
    found = _NUMBER.findall(key)
    return int(found[-1]) if found else index


def _scaled(value: int | None, factor: float) -> float | None:
    return None if value is None or math.isclose(value, 0) else value * factor
