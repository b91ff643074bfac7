"""The answer to a request for a deployment's metrics: a snapshot, a summary, or a series of steps.

Not the measurements themselves (``serving_metrics.py``) nor the route (``baseten_serving.py``).
"""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from emulator.baseten_logs import MS, BadRequest, Window, window_of
from emulator.hardware_metrics import Series, samples_of
from emulator.quirks import BasetenQuirks
from emulator.serving_metrics import ServingMetric, ServingMetrics

DEFAULT_METRICS = (
    "baseten_replicas_active",
    "baseten_inference_requests_total",
    "baseten_end_to_end_response_time_seconds",
)
DOCUMENTED_METRICS = frozenset(
    {
        *DEFAULT_METRICS,
        "baseten_async_queue_size",
        "baseten_async_webhook_latency_seconds",
        "baseten_async_webhook_requests_total",
        "baseten_concurrent_requests",
        "baseten_container_cpu_memory_working_set_bytes",
        "baseten_container_cpu_usage_seconds_total",
        "baseten_container_restarts_total",
        "baseten_gpu_memory_used",
        "baseten_gpu_utilization",
        "baseten_llm_input_tokens_total",
        "baseten_llm_output_tokens_total",
        "baseten_ongoing_websocket_connections",
        "baseten_pod_readiness",
        "baseten_replicas_starting",
        "baseten_request_size_bytes",
        "baseten_response_size_bytes",
        "baseten_time_in_async_queue_seconds",
        "baseten_time_to_first_byte_seconds",
    }
)
DEFAULT_WINDOW_MS = 3_600_000
SNAPSHOT_MS = 60_000
"""What a snapshot looks back over for the newest sample."""


class DeploymentMetricsRequest(msgspec.Struct, frozen=True):
    """What a request for a deployment's metrics may say."""

    mode: Literal["CURRENT", "SUMMARY", "SERIES"] = "CURRENT"
    start_epoch_millis: int | None = None
    end_epoch_millis: int | None = None
    metrics: list[str] | None = None


def serving_metrics_of(
    measured: ServingMetrics, request: DeploymentMetricsRequest, now_ns: int, quirks: BasetenQuirks
) -> dict[str, object]:
    """Return the whole answer.

    Raises:
        BadRequest: an unknown metric, a snapshot with a window, or a window that is too long or reversed.
    """
    chosen = _chosen(measured, request.metrics, DOCUMENTED_METRICS - quirks.unknown_metrics)
    window = _window(request, now_ns, quirks)
    step_ms = _step_ms(window) if request.mode == "SERIES" else None
    return {
        "start_epoch_millis": window.start_ms,
        "end_epoch_millis": window.end_ms,
        "mode": request.mode,
        "step_seconds": None if step_ms is None else step_ms // 1000,
        "metric_descriptors": [_descriptor(one, request.mode) for one in chosen],
        "metric_values": list(_value_sets(chosen, window, step_ms, request.mode)),
    }


def _chosen(measured: ServingMetrics, names: Sequence[str] | None, known: frozenset[str]) -> list[ServingMetric]:
    if unknown := [name for name in names or () if name not in known]:
        raise BadRequest(f"Unknown metric: {unknown[0]}")
    wanted = DEFAULT_METRICS if names is None else names
    return [one for one in measured.metrics if one.name in wanted]


def _window(request: DeploymentMetricsRequest, now_ns: int, quirks: BasetenQuirks) -> Window:
    start_ms, end_ms = request.start_epoch_millis, request.end_epoch_millis
    if request.mode == "CURRENT":
        if start_ms is not None or end_ms is not None:
            raise BadRequest("start_epoch_millis and end_epoch_millis must be omitted in CURRENT mode")
        return Window(now_ns // MS, now_ns // MS)
    end_ms = now_ns // MS if end_ms is None else end_ms
    return window_of(end_ms - DEFAULT_WINDOW_MS if start_ms is None else start_ms, end_ms, now_ns, quirks.max_window)


def _step_ms(window: Window) -> int:
    """30 seconds up to an hour, a minute up to six hours, and coarser beyond."""
    span_ms = window.end_ms - window.start_ms
    steps = ((1, 30), (6, 60), (24, 300), (72, 900))
    return next((step_s for hours, step_s in steps if span_ms <= hours * 3_600_000), 3600) * 1000


def _descriptor(metric: ServingMetric, mode: str) -> dict[str, object]:
    is_total = mode == "SUMMARY" and metric.unit == "PER_SECOND"
    return {
        "name": metric.name,
        "unit_hint": "COUNT" if is_total else metric.unit,
        "kind": metric.kind,
        "label_sets": [dict(labels) for labels in metric.series],
    }


def _value_sets(
    metrics: Sequence[ServingMetric], window: Window, step_ms: int | None, mode: str
) -> Iterator[dict[str, object]]:
    if step_ms is None:
        spans = [window if mode == "SUMMARY" else Window(window.start_ms - SNAPSHOT_MS, window.end_ms)]
    else:
        starts = range(window.start_ms, max(window.end_ms, window.start_ms + 1), step_ms)
        spans = [Window(start, min(start + step_ms, window.end_ms) - 1) for start in starts]
    for span in spans:
        values = [[_value(series, metric, span, mode) for series in metric.series.values()] for metric in metrics]
        yield {"start_epoch_millis": window.end_ms if mode == "CURRENT" else span.start_ms, "values": values}


def _value(series: Series, metric: ServingMetric, span: Window, mode: str) -> float | None:
    """The newest sample of a snapshot, the mean of a step or summary; a counter's total, where that is its unit."""
    sampled_ms = max(1000, (span.end_ms - span.start_ms) // (4 if mode == "SERIES" else 60))
    values = [value for _, value in samples_of(series, span.start_ms, span.end_ms, sampled_ms)]
    if not values:
        return None
    mean = values[-1] if mode == "CURRENT" else math.fsum(values) / len(values)
    if metric.kind == "COUNTER" and (mode == "SUMMARY" or metric.unit == "COUNT"):
        return mean * (span.end_ms + 1 - span.start_ms) / 1000
    return mean
