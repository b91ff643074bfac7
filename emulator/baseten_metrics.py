"""The answer to a request for a training job's metrics, with every field of the document.

Not the job's measurements themselves (``hardware_metrics.py``) nor the route (``baseten.py``).
"""

import random
from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from emulator.baseten_logs import MS, Window, window_of
from emulator.hardware_metrics import Metrics, Node, Series, Storage, samples_of, step_for
from emulator.http_json import rfc3339
from emulator.quirks import BasetenQuirks
from emulator.world import TrainingJob, from_ns, to_ns

ENDED = (
    "TRAINING_JOB_COMPLETED",
    "TRAINING_JOB_FAILED",
    "TRAINING_JOB_DEPLOY_FAILED",
    "TRAINING_JOB_STOPPED",
    "TRAINING_JOB_PREEMPTED",
    "TRAINING_JOB_EXPIRED",
)


class MetricsRequest(msgspec.Struct, frozen=True):
    """What a request for metrics may say."""

    start_epoch_millis: int | None = None
    end_epoch_millis: int | None = None
    step_seconds: Annotated[int, Meta(ge=1)] | None = None


class Point(msgspec.Struct, frozen=True, gc=False):
    """One sample on the wire."""

    value: float
    timestamp: str


Render = Callable[[str, Series], list[Point]]
"""(name for `missing_series`, series) -> its points in the window."""


def metrics_of(
    job: TrainingJob, request: MetricsRequest, now_ns: int, quirks: BasetenQuirks, chance: random.Random
) -> dict[str, object]:
    """Return the response's fields but ``training_job``.

    A job that has ended is measured up to its end, so that an empty request still shows something.

    Raises:
        BadRequest: the window is too long or reversed.
    """
    ended = job.history.first(ENDED, from_ns(now_ns))
    latest_ns = now_ns if ended is None else to_ns(ended.since)
    window = window_of(request.start_epoch_millis, request.end_epoch_millis, latest_ns, quirks.max_window)
    earliest_ms = max(window.start_ms, to_ns(job.history.created_at) // MS)
    measured = Window(earliest_ms, min(window.end_ms, latest_ns // MS))
    step_ms = (request.step_seconds or 0) * 1000 or step_for(window.end_ms - window.start_ms)
    return _rendered(job.metrics, _renderer(measured, step_ms, quirks, chance), quirks)


def _rendered(metrics: Metrics, render: Render, quirks: BasetenQuirks) -> dict[str, object]:
    nodes = {name: _node(node, render) for name, node in metrics.nodes.items()}
    leader = next(iter(nodes.values()), None) or _node(Node(), render)
    listed = [] if quirks.no_node_metrics else [{"node_id": n, "metrics": m} for n, m in nodes.items()]
    cache = None if metrics.cache is None else _storage("cache", metrics.cache, render)
    return {**leader, "cache": cache, "per_node_metrics": listed}


def _node(node: Node, render: Render) -> dict[str, object]:
    def by_gpu(name: str, series: Mapping[str, Series]) -> dict[str, list[Point]]:
        return {gpu: render(f"{name}/{gpu}", values) for gpu, values in series.items()}

    return {
        "gpu_memory_usage_bytes": by_gpu("gpu_memory_usage_bytes", node.gpu_memory_usage_bytes),
        "gpu_utilization": by_gpu("gpu_utilization", node.gpu_utilization),
        "cpu_usage": render("cpu_usage", node.cpu_usage),
        "cpu_memory_usage_bytes": render("cpu_memory_usage_bytes", node.cpu_memory_usage_bytes),
        "ephemeral_storage": _storage("ephemeral_storage", node.ephemeral_storage, render),
    }


def _storage(name: str, storage: Storage, render: Render) -> dict[str, list[Point]]:
    return {
        "usage_bytes": render(f"{name}/usage_bytes", storage.usage_bytes),
        "utilization": render(f"{name}/utilization", storage.utilization),
    }


def _renderer(window: Window, step_ms: int, quirks: BasetenQuirks, chance: random.Random) -> Render:
    stamps: dict[int, str] = {}  # the series of one answer share their moments

    def stamp(timestamp_ms: int) -> str:
        text = stamps.get(timestamp_ms)
        if text is None:
            text = stamps[timestamp_ms] = rfc3339(from_ns(timestamp_ms * MS))
        return text

    def render(name: str, series: Series) -> list[Point]:
        if quirks.missing_series and {name, name.split("/", maxsplit=1)[0]} & quirks.missing_series:
            return []
        samples = samples_of(series, window.start_ms, window.end_ms, step_ms)
        points = [Point(value, stamp(timestamp_ms)) for timestamp_ms, value in samples]
        if quirks.shuffle_samples:
            chance.shuffle(points)
        return points

    return render
