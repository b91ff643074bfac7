"""What is measured about a deployment: metrics with labelled series, as functions of time or as stored samples.

Not the answer that carries them (``baseten_serving_metrics.py``). A counter's series is its rate per second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from emulator.hardware_metrics import Series, flat

Kind = Literal["GAUGE", "COUNTER", "HISTOGRAM"]
Labels = tuple[tuple[str, str], ...]
"""The labels of one series: ``(("replica", "k2v9x"), ("gpu", "0"))``; empty for a plain metric."""
QUANTILES = ("0.5", "0.9", "0.95", "0.99")


@dataclass(frozen=True, slots=True)
class ServingMetric:
    """One metric of a deployment."""

    name: str
    kind: Kind
    unit: str
    series: Mapping[Labels, Series]


@dataclass(frozen=True, slots=True)
class ServingMetrics:
    """All that is measured about a deployment, by metric."""

    metrics: tuple[ServingMetric, ...] = ()


def plain(name: str, unit: str, series: Series, kind: Kind = "GAUGE") -> ServingMetric:
    """Return a metric of one series without labels."""
    return ServingMetric(name, kind, unit, {(): series})


def by_status(**series: Series) -> ServingMetric:
    """Return the rate of requests by status: ``by_status(ok=flat(3), failed=flat(0))``."""
    status = {"ok": "2xx", "refused": "4xx", "failed": "5xx"}
    labelled: dict[Labels, Series] = {(("status", status[name]),): one for name, one in series.items()}
    return ServingMetric("baseten_inference_requests_total", "COUNTER", "PER_SECOND", labelled)


def by_quantile(name: str, values: Sequence[Series], average: Series) -> ServingMetric:
    """Return a histogram in seconds: one series for each of `QUANTILES`, and the average."""
    labelled: dict[Labels, Series] = {
        (("quantile", quantile),): one for quantile, one in zip(QUANTILES, values, strict=True)
    }
    return ServingMetric(name, "HISTOGRAM", "SECONDS", {**labelled, (("stat", "avg"),): average})


def by_gpu(name: str, unit: str, series: Mapping[tuple[str, str], Series]) -> ServingMetric:
    """Return a gauge with a series for each (replica, GPU)."""
    labelled: dict[Labels, Series] = {
        (("replica", replica), ("gpu", gpu)): one for (replica, gpu), one in series.items()
    }
    return ServingMetric(name, "GAUGE", unit, labelled)


def by_replica(name: str, unit: str, series: Mapping[str, Series], kind: Kind = "GAUGE") -> ServingMetric:
    """Return a metric with a series for each replica."""
    return ServingMetric(name, kind, unit, {(("replica", replica),): one for replica, one in series.items()})


def steady_serving(
    replicas: Sequence[str] = ("k2v9x",),
    *,
    gpus: int = 1,
    utilization: Series | None = None,
    gpu_memory_mib: Series | None = None,
    requests: Series | None = None,
    failures: Series | None = None,
    in_flight: Series | None = None,
) -> ServingMetrics:
    """Return everything that is documented for a deployment that serves requests; a series of None is flat."""
    utilization, gpu_memory_mib = utilization or flat(0.71), gpu_memory_mib or flat(68_000.0)
    requests, failures, in_flight = requests or flat(4.5), failures or flat(0.0), in_flight or flat(3.0)
    places = [(replica, str(gpu)) for replica in replicas for gpu in range(gpus)]
    seconds = [flat(value) for value in (0.42, 0.88, 1.31, 2.4)]
    return ServingMetrics(
        (
            plain("baseten_replicas_active", "COUNT", flat(float(len(replicas)))),
            plain("baseten_replicas_starting", "COUNT", flat(0.0)),
            by_status(ok=requests, refused=flat(0.1), failed=failures),
            by_quantile("baseten_end_to_end_response_time_seconds", seconds, flat(0.55)),
            by_quantile("baseten_time_to_first_byte_seconds", seconds, flat(0.55)),
            plain("baseten_concurrent_requests", "COUNT", in_flight),
            plain("baseten_async_queue_size", "COUNT", flat(0.0)),
            by_gpu("baseten_gpu_utilization", "RATIO", dict.fromkeys(places, utilization)),
            by_gpu("baseten_gpu_memory_used", "MEBIBYTES", dict.fromkeys(places, gpu_memory_mib)),
            by_replica(
                "baseten_container_cpu_usage_seconds_total",
                "PER_SECOND",
                dict.fromkeys(replicas, flat(3.5)),
                "COUNTER",
            ),
            by_replica("baseten_container_cpu_memory_working_set_bytes", "BYTES", dict.fromkeys(replicas, flat(41e9))),
        )
    )
