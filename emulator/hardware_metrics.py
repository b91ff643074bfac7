"""What a job's hardware measures: series as functions of time or as stored samples.

Not the response that carries them (``baseten_metrics.py``). A function costs nothing to store and answers any window
at any step; stored samples let a test say exactly what comes back.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Sample = tuple[int, float]
"""(timestamp in milliseconds since the epoch, value)"""

Gauge = Callable[[float], float | None]
"""Value at a moment in seconds since the epoch; None where nothing was measured."""

Series = Gauge | Sequence[Sample]

NICE_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
MOST_POINTS = 240


@dataclass(frozen=True, slots=True)
class Storage:
    """A disk: bytes used, and the part of it that is used (0..1)."""

    usage_bytes: Series = ()
    utilization: Series = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One machine of a job; the GPU series are keyed by rank on that machine ("0", "1", ...)."""

    gpu_utilization: Mapping[str, Series] = field(default_factory=dict)
    """Fractions, 0..1."""
    gpu_memory_usage_bytes: Mapping[str, Series] = field(default_factory=dict)
    cpu_usage: Series = ()
    """In cores."""
    cpu_memory_usage_bytes: Series = ()
    ephemeral_storage: Storage = Storage()


@dataclass(frozen=True, slots=True)
class Metrics:
    """All that is measured about a job: its nodes by name (the first is the leader) and the shared cache."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    cache: Storage | None = None


def flat(value: float) -> Gauge:
    """Return a series that always measures `value`."""
    return lambda _moment: value


def steady_node(gpus: int = 8, *, utilization: float = 0.94, gpu_memory_bytes: float = 61e9) -> Node:
    """Return a node whose every series is flat: the cheapest complete answer."""
    return Node(
        gpu_utilization={str(gpu): flat(utilization) for gpu in range(gpus)},
        gpu_memory_usage_bytes={str(gpu): flat(gpu_memory_bytes) for gpu in range(gpus)},
        cpu_usage=flat(18.5),
        cpu_memory_usage_bytes=flat(212e9),
        ephemeral_storage=Storage(flat(48e9), flat(0.12)),
    )


def samples_of(series: Series, start_ms: int, end_ms: int, step_ms: int) -> list[Sample]:
    """Return the samples from `start_ms` to `end_ms`, both included.

    A function is asked at whole multiples of the step; stored samples come as they were stored.
    """
    if not callable(series):
        first = bisect_left(series, start_ms, key=lambda sample: sample[0])
        last = bisect_left(series, end_ms + 1, key=lambda sample: sample[0])
        return list(series[first:last])
    moments = range(-(-start_ms // step_ms) * step_ms, end_ms + 1, step_ms)
    measured = ((moment, series(moment / 1000)) for moment in moments)
    return [(moment, value) for moment, value in measured if value is not None]


def step_for(window_ms: int) -> int:
    """Choose a step in milliseconds so that a window holds at most `MOST_POINTS` samples."""
    for step_s in NICE_STEPS_S:
        if window_ms <= step_s * 1000 * MOST_POINTS:
            return step_s * 1000
    return NICE_STEPS_S[-1] * 1000
