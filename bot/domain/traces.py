"""The recent past of a run in few numbers, one sample a poll, so that an alert can chart what led to it. Pure.

The newest samples are dense and older ones ever sparser: a run of a week and its last minutes fit into 64 samples.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from bot.domain.metrics import GPU_UTILIZATION, MetricSeries
from bot.domain.progress import RunProgress

MOST_SAMPLES = 64
_DENSE = 16
"""The newest samples, which are not thinned."""


class TraceSample(NamedTuple):
    """What one poll saw; None where it saw nothing finite."""

    at_s: float
    """Seconds since the epoch."""
    step: int | None = None
    loss: float | None = None
    grad_norm: float | None = None
    tokens_per_s: float | None = None
    utilization: tuple[float, float, float] | None = None
    """The lowest, median and highest of all GPUs, 0 to 1."""


Trace = tuple[TraceSample, ...]
"""Oldest first."""


def add_sample(trace: Trace, sample: TraceSample) -> Trace:
    """Append a sample; of a full trace, every second old sample goes. The first one stays."""
    if trace and sample.at_s <= trace[-1].at_s:
        return trace
    if len(trace) >= MOST_SAMPLES:
        trace = (*trace[:-_DENSE:2], *trace[-_DENSE:])
    return (*trace, sample)


def take_sample(at_s: float, progress: RunProgress | None, series: Iterable[MetricSeries]) -> TraceSample:
    """Return what a poll saw of a run's progress and of its GPUs."""
    newest = [one.points[-1].value for one in series if one.name == GPU_UTILIZATION and one.points]
    used = sorted(value for value in newest if math.isfinite(value))
    spread = (round(used[0], 3), round(used[len(used) // 2], 3), round(used[-1], 3)) if used else None
    if progress is None:
        return TraceSample(at_s, utilization=spread)
    return TraceSample(
        at_s,
        progress.step,
        _finite(progress.loss),
        _finite(progress.grad_norm),
        _finite(progress.tokens_per_s),
        spread,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
