"""Guess from the metrics of one poll why GPUs are idle, and what to try. Pure.

`gpu_utilization.py` decides which GPUs are low, and since when; GPUs that differ from their peers have a separate rule
in `stragglers.py`.
"""

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

from bot.domain.metrics import (
    CPU_USAGE,
    GPU_MEMORY,
    GPU_UTILIZATION,
    REQUESTS_IN_FLIGHT,
    MetricPoint,
    MetricSeries,
)
from bot.rules.metrics.samples import gpu_name

BUSY = 0.6
"""A GPU is busy above this."""
DEAD = 0.05
"""A GPU does nothing below this."""
HIGH = 0.5
"""A low GPU that rises above this did work."""
SWINGS = 2
"""Rises in one poll that make a sawtooth; a single one may be a single step."""
CPU_BUSY, CPU_IDLE = 0.5, 0.1
"""Shares of the CPU limit above which hosts are busy, and below which they are idle."""
RELEASED = 0.1
"""A GPU that holds less than this share of its peers' memory has lost its process."""


class Cause(enum.StrEnum):
    """What may cause low utilization. Stored in a rule's state."""

    RANK_GONE = "rank_gone"
    RANK_STUCK = "rank_stuck"
    UNEVEN = "uneven"
    NOT_STARTED = "not_started"
    SAWTOOTH = "sawtooth"
    CPU_BOUND = "cpu_bound"
    STOPPED = "stopped"
    DATA_WAITS = "data_waits"
    REQUESTS_WAIT = "requests_wait"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Guess:
    """A cause in words; `why` is what was seen, so that people can judge the guess."""

    likely: str
    why: str
    hint: str


GUESSES: Mapping[Cause, Guess] = {
    Cause.RANK_GONE: Guess(
        "a dead rank",
        "some GPUs do nothing and hold no memory while the rest compute",
        "Check that rank's last lines and exit code. The others may wait for it until the collective times out.",
    ),
    Cause.RANK_STUCK: Guess(
        "a rank out of step, or a rank that died",
        "some GPUs do nothing while the rest are busy, and busy GPUs may only be waiting in a collective",
        "Check whether steps still advance. If not, take stack dumps (py-spy dump) of that rank and of one other.",
    ),
    Cause.UNEVEN: Guess(
        "work spread unevenly",
        "some GPUs do little while the rest are busy",
        "Compare the work of these ranks with the others. Check batch sizes, pipeline stages and data shards.",
    ),
    Cause.NOT_STARTED: Guess(
        "the run has not started to compute",
        "no GPU has worked since the first sample seen",
        "Check what the log waits for. It may be a download, a compilation, data preparation, or ranks that wait.",
    ),
    Cause.SAWTOOTH: Guess(
        "data loading",
        "the GPUs alternate between full load and none, as when data arrives too slowly",
        "Raise the data loader's workers and prefetch. Check also the storage throughput.",
    ),
    Cause.CPU_BOUND: Guess(
        "preprocessing on the CPU",
        "all GPUs are idle while the CPUs are busy",
        "Prepare the data beforehand or use more processes. An evaluation in Python has the same symptoms.",
    ),
    Cause.STOPPED: Guess(
        "a hang, a program that ended, or storage that does not answer",
        "all GPUs were busy before, and now GPUs and CPUs do nothing",
        "Check what the last log line waits for. If steps do not advance, restart from a checkpoint.",
    ),
    Cause.DATA_WAITS: Guess(
        "data loading",
        "the log has warnings that the run waits for data",
        "Check the storage that the named data is on. Then raise the data loader's workers and prefetch.",
    ),
    Cause.REQUESTS_WAIT: Guess(
        "an engine that hangs, or work before the GPU",
        "requests are in flight while the GPUs do little",
        "Check response times and the log of the replica. Tokenizing, downloads in a request and a lock are suspects.",
    ),
    Cause.UNKNOWN: Guess(
        "data loading or storage",
        "the most common cause; no other evidence",
        "Check the data loader and the storage. A hang has the same symptoms: check whether steps still advance.",
    ),
}

MAY_BE_DATA = frozenset({Cause.NOT_STARTED, Cause.SAWTOOTH, Cause.CPU_BOUND, Cause.STOPPED, Cause.UNKNOWN})
"""Guesses that a warning in the log about waiting for data replaces."""


def guess_cause(
    series: Sequence[MetricSeries], low_since: Mapping[str, datetime], seen: Sequence[str], *, was_active: bool
) -> Cause:
    """Return the likeliest cause, from the samples of this poll since the GPUs are low.

    `low_since` has the low GPUs and `seen` every GPU with recent samples; `was_active` if any GPU was ever busy.
    """
    if any(one.name == REQUESTS_IN_FLIGHT for one in series):
        return Cause.REQUESTS_WAIT
    since = max(low_since.values())
    usage = _means(series, GPU_UTILIZATION, since)
    others = [usage[name] for name in seen if name not in low_since and name in usage]
    idle = all(usage.get(name, 1.0) <= DEAD for name in low_since)
    if others and median(others) >= BUSY:
        if not idle:
            return Cause.UNEVEN
        return Cause.RANK_GONE if memory_released(series, tuple(low_since)) else Cause.RANK_STUCK
    if not was_active:
        return Cause.NOT_STARTED
    low = (one for one in series if one.name == GPU_UTILIZATION and gpu_name(one) in low_since)
    if any(_swings(one, low_since[gpu_name(one)]) for one in low):
        return Cause.SAWTOOTH
    if others:
        return Cause.UNKNOWN
    cpu = _cpu_share(series, since)
    if cpu is not None and cpu >= CPU_BUSY:
        return Cause.CPU_BOUND
    return Cause.STOPPED if idle and cpu is not None and cpu <= CPU_IDLE else Cause.UNKNOWN


def memory_released(series: Sequence[MetricSeries], names: Sequence[str]) -> bool:
    """Whether these GPUs hold almost no memory while the others do; False when memory is not measured."""
    held = {gpu_name(one): one.points[-1].value for one in series if one.name == GPU_MEMORY and one.points}
    others = [value for name, value in held.items() if name not in names]
    if not others or any(name not in held for name in names):
        return False
    return median(others) > 0 and all(held[name] < RELEASED * median(others) for name in names)


def _means(series: Sequence[MetricSeries], metric: str, since: datetime) -> dict[str, float]:
    values = {gpu_name(one): _after(one.points, since) for one in series if one.name == metric}
    return {name: math.fsum(found) / len(found) for name, found in values.items() if found}


def _after(points: Sequence[MetricPoint], since: datetime) -> list[float]:
    return [
        point.value for point in points if point.at is not None and point.at >= since and math.isfinite(point.value)
    ]


def _swings(series: MetricSeries, since: datetime) -> bool:
    return sum(before < HIGH <= after for before, after in pairwise(_after(series.points, since))) >= SWINGS


def _cpu_share(series: Sequence[MetricSeries], since: datetime) -> float | None:
    """CPU use of the busiest host; None when the platform gives no value or no limit."""
    shares = [
        math.fsum(values) / len(values) / one.limit
        for one in series
        if one.name == CPU_USAGE and one.limit and (values := _after(one.points, since))
    ]
    return max(shares, default=None)
