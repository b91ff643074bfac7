"""What the metric rules share: when they can judge, what a GPU is called, and short, evenly spaced histories.

A history is the means of one series over equal spans of time (buckets), None where nothing was measured. Polls overlap,
so a bucket is taken once, when a sample of a later bucket arrives. `stragglers.py` and `capacity.py` judge histories.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

import msgspec

from bot.domain.alerts import Clear, Unknown, Verdict
from bot.domain.jobs import JobState
from bot.domain.metrics import MetricPoint, MetricSeries
from bot.rules.rule import Condition, Context, StatefulCondition, with_state

STALE_AFTER = timedelta(minutes=10)
"""A series whose newest sample is older is not judged."""
FORGET_AFTER = timedelta(hours=1)
"""A series without samples for this long is forgotten: the machine was replaced or is gone."""
SHORTEST_BUCKET = timedelta(seconds=1)
"""Buckets are not shorter, whatever duration is set; no platform measures more often."""
MAX_NAMES = 8
"""Names shown in one fact."""

Measured = tuple[Sequence[MetricPoint], float]
"""Samples, oldest first, and the value that counts as 1."""


class History(NamedTuple):
    """The last buckets of one series. A NamedTuple because it is stored as an array."""

    last: int
    """Index of the newest bucket, whose value is `values[-1]`."""
    values: tuple[float | None, ...]
    """Mean of each bucket, oldest first; None where nothing was measured."""


class MetricState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What every metric rule keeps between polls."""

    first_at: datetime | None = None
    """When the job was first measured, as far as trainwatch saw."""


class HistoryState(MetricState, frozen=True, omit_defaults=True):
    """What a rule with histories keeps between polls."""

    bucket_s: float = 0.0
    """Length of a bucket; histories with another length are dropped."""
    histories: dict[str, History] = msgspec.field(default_factory=dict, name="rows")


MetricStateT = TypeVar("MetricStateT", bound=MetricState)


def metric_condition(kind: type[MetricStateT]) -> Callable[[StatefulCondition[MetricStateT]], Condition]:
    """Decorate a condition on metrics: it is called only while the job runs and its metrics can be read."""

    def decorate(judge: StatefulCondition[MetricStateT]) -> Condition:
        def condition(context: Context, state: MetricStateT) -> tuple[Verdict, MetricStateT]:
            job = context.observation.job
            if job is not None and (job.state.is_terminal or job.state.is_pending):
                return Clear(), kind()
            if job is None or job.state is not JobState.RUNNING or context.observation.metrics_error:
                return Unknown(), state
            return judge(context, state)

        return with_state(kind)(condition)

    return decorate


def series_of(context: Context, metric: str) -> list[MetricSeries]:
    """Return the series of one metric that have samples."""
    return [one for one in context.observation.series if one.name == metric and one.points]


def gpu_name(series: MetricSeries) -> str:
    """Name a GPU as people do: `GPU 3`, or `node-1 GPU 3` in a job with nodes."""
    gpu = f"GPU {series.gpu}" if series.gpu is not None else "GPUs"
    return f"{series.node} {gpu}" if series.node else gpu


def gpu_place(name: str) -> str:
    """Return the name of a GPU for a sentence: `GPU 3 on node-1` for `node-1 GPU 3`. Other names stay."""
    node, gpu, number = name.rpartition(" GPU ")
    return f"GPU {number} on {node}" if gpu else name


def name_list(names: Iterable[str]) -> str:
    """Join names in counting order; a cut is announced."""
    ordered = sorted(names, key=_natural)
    more = f" and {len(ordered) - MAX_NAMES} more" if len(ordered) > MAX_NAMES else ""
    return ", ".join(ordered[:MAX_NAMES]) + more


def _natural(name: str) -> tuple[str, int]:
    head, _, number = name.rpartition(" ")
    return (head, int(number)) if number.isdigit() else (name, -1)


def first_sample(state: MetricState, samples: Iterable[Sequence[MetricPoint]]) -> datetime | None:
    """When the job was first measured, as far as trainwatch saw; None when no sample has a time."""
    times = [state.first_at, *(points[0].at for points in samples)]
    return min((at for at in times if at is not None), default=None)


def first_since(points: Sequence[MetricPoint], since: datetime) -> int:
    """Index of the first sample at or after a time. Searches from the end, because polls overlap and most are old."""
    index = len(points)
    while index and ((at := points[index - 1].at) is None or at >= since):
        index -= 1
    return index


@dataclass(frozen=True, slots=True)
class Buckets:
    """How the time of a history is divided."""

    span: timedelta
    keep: int
    """Buckets kept of each series."""

    @classmethod
    def of(cls, time: timedelta, parts: int, keep: int) -> Buckets:
        """Divide a time into equal parts."""
        return cls(max(time / parts, SHORTEST_BUCKET), keep)

    def index(self, at: datetime) -> int:
        """Number of whole spans since the epoch, so that the series of all machines line up."""
        return math.floor(at.timestamp() / self.span.total_seconds())

    def start(self, index: int) -> datetime:
        """When a bucket begins."""
        return datetime.fromtimestamp(index * self.span.total_seconds(), UTC)


def extend(
    history: History | None, points: Sequence[MetricPoint], buckets: Buckets, limit: float = 1
) -> History | None:
    """Add the buckets that are complete and not in the history yet; `limit` is the value that counts as 1.

    The samples are in order, oldest first; the history may contain some of them.
    """
    if history is None:
        first = next((at for value, at, _ in points if at is not None and math.isfinite(value)), None)
        if first is None:
            return None
        history = History(buckets.index(first) - 1, ())
    means = _complete_means(history.last + 1, points, buckets, limit)
    if not means:
        return history if history.values else None
    last = max(means)
    begin = max(history.last + 1, last - buckets.keep + 1)
    before = history.values if begin == history.last + 1 else ()
    return History(last, (*before, *(means.get(index) for index in range(begin, last + 1)))[-buckets.keep :])


def _complete_means(index: int, points: Sequence[MetricPoint], buckets: Buckets, limit: float) -> dict[int, float]:
    """Return the means of the buckets from `index` on that have samples and are followed by newer samples."""
    begin = buckets.start(index)
    end = begin + buckets.span
    newest = points[-1].at if points else None
    if newest is None or newest < end:
        return {}
    means: dict[int, float] = {}
    values: list[float] = []
    for value, at, _ in points[first_since(points, begin) :]:
        if at is None or not math.isfinite(share := value / limit):
            continue
        if at >= end and (later := buckets.index(at)) > index:
            if values:
                means[index] = round(math.fsum(values) / len(values), 4)
            index, end, values = later, buckets.start(later + 1), []
        values.append(share)
    return means


def extend_all(
    state: HistoryState, measured: Mapping[str, Measured], buckets: Buckets, now: datetime
) -> dict[str, History]:
    """Return the stored histories extended by this poll's samples, without series that were not seen for long."""
    histories = dict(state.histories) if state.bucket_s == buckets.span.total_seconds() else {}
    for name, (points, limit) in measured.items():
        history = extend(histories.get(name), points, buckets, limit)
        if history is not None:
            histories[name] = history
    oldest = buckets.index(now - FORGET_AFTER) - 1
    return {name: history for name, history in histories.items() if history.last >= oldest}


def fresh_ones(histories: Mapping[str, History], buckets: Buckets, now: datetime) -> dict[str, History]:
    """Return the histories recent enough to judge; the newest bucket always lags by one."""
    oldest = buckets.index(now - STALE_AFTER) - 1
    return {name: history for name, history in histories.items() if history.last >= oldest}
