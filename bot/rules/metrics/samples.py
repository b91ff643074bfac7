"""What the metric rules share: when metrics can be judged at all, what people call a GPU, and short, even histories.

A history is what a rule remembers of one series between polls: the mean of each complete stretch of time (a bucket) and
None where nothing was measured. Polls overlap, so a bucket is taken once, when a sample of a later one is seen. What
the histories mean is decided in `metric_stragglers.py` and `metric_capacity.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.alerts import Clear, Memory, Unknown, Verdict
from bot.domain.gaps import Part
from bot.domain.jobs import JobState
from bot.domain.metrics import MetricPoint, MetricSeries
from bot.rules.rule import Context

STALE_AFTER = timedelta(minutes=10)
"""A series whose newest sample is older says nothing about now."""

FORGET_AFTER = timedelta(hours=1)
"""A series not seen for so long is forgotten: the machine was replaced, or is gone."""

FINEST = timedelta(seconds=1)
"""Histories are cut no finer, however short a time somebody sets; no platform measures more often."""

MAX_NAMES = 8
"""Names shown in one fact."""

Measured = tuple[Sequence[MetricPoint], float]
"""Samples, oldest first, and what counts as 1."""


def not_judged(context: Context) -> tuple[Verdict, Memory] | None:
    """The answer while the job does not run or its metrics cannot be read; None when there is something to judge."""
    job = context.observation.job
    if job is not None and job.state is not JobState.RUNNING:
        return (Clear(), {}) if job.state.is_terminal or job.state.is_pending else (Unknown(), context.memory)
    if job is None or context.observation.gap(Part.METRICS):
        return Unknown(), context.memory
    return None


def named(context: Context, metric: str) -> list[MetricSeries]:
    """The series of one metric that have samples."""
    return [one for one in context.observation.series if one.name == metric and one.points]


def gpu_name(series: MetricSeries) -> str:
    """How people call one GPU: `GPU 3`, or `node-1 GPU 3` when there are nodes."""
    gpu = f"GPU {series.gpu}" if series.gpu is not None else "GPUs"
    return f"{series.node} {gpu}" if series.node else gpu


def name_list(names: Iterable[str]) -> str:
    """Names in the order people count, cut and the cut announced."""
    ordered = sorted(names, key=_natural)
    more = f" and {len(ordered) - MAX_NAMES} more" if len(ordered) > MAX_NAMES else ""
    return ", ".join(ordered[:MAX_NAMES]) + more


def _natural(name: str) -> tuple[str, int]:
    head, _, number = name.rpartition(" ")
    return (head, int(number)) if number.isdigit() else (name, -1)


def first_sample(memory: Memory, samples: Iterable[Sequence[MetricPoint]]) -> datetime | None:
    """When the job was first measured, as far as we saw; None when nothing has a time."""
    times = [moment(memory.get("first_at")), *(points[0].at for points in samples)]
    return min((at for at in times if at is not None), default=None)


def first_since(points: Sequence[MetricPoint], since: datetime) -> int:
    """Where the samples of a time and later begin; looked for from the end, as polls overlap and most are old."""
    place = len(points)
    while place and ((at := points[place - 1].at) is None or at >= since):
        place -= 1
    return place


def moment(text: object) -> datetime | None:
    """A stored time."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None


@dataclass(frozen=True, slots=True)
class Buckets:
    """How histories are cut."""

    span: timedelta
    keep: int
    """Buckets remembered of each series."""

    @classmethod
    def of(cls, time: timedelta, parts: int, keep: int) -> Buckets:
        """A time cut into equal parts."""
        return cls(max(time / parts, FINEST), keep)

    def index(self, at: datetime) -> int:
        """Which bucket a time is in: whole spans since the epoch, so that series of all machines line up."""
        return math.floor(at.timestamp() / self.span.total_seconds())

    def start(self, index: int) -> datetime:
        """When a bucket begins."""
        return datetime.fromtimestamp(index * self.span.total_seconds(), UTC)


@dataclass(frozen=True, slots=True)
class History:
    """The last buckets of one series."""

    last: int
    """Index of the newest bucket, whose value is `values[-1]`."""
    values: tuple[float | None, ...]
    """The mean in each bucket, oldest first; None where nothing was measured."""


def extend(
    history: History | None, points: Sequence[MetricPoint], buckets: Buckets, limit: float = 1
) -> History | None:
    """Add the buckets that are complete and were not yet taken.

    Args:
        history: as it was; None at first.
        points: samples, oldest first, of which some may have been seen before.
        buckets: how to cut.
        limit: what counts as 1.
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
    """The means of the buckets from `index` on that have samples and after which there are newer ones."""
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


def load_histories(memory: Memory, buckets: Buckets) -> dict[str, History]:
    """What `dump_histories` stored; nothing when it was cut in another way."""
    rows = memory.get("rows")
    if not isinstance(rows, dict) or memory.get("bucket_s") != buckets.span.total_seconds():
        return {}
    return {str(name): History(int(last), tuple(values)) for name, (last, values) in rows.items()}


def dump_histories(histories: Mapping[str, History], buckets: Buckets) -> dict[str, object]:
    """As JSON-able values for a rule's memory."""
    rows = {name: [history.last, list(history.values)] for name, history in histories.items()}
    return {"bucket_s": buckets.span.total_seconds(), "rows": rows}


def take(memory: Memory, measured: Mapping[str, Measured], buckets: Buckets, now: datetime) -> dict[str, History]:
    """The remembered histories with what this poll brought, without those long unseen."""
    histories = load_histories(memory, buckets)
    for name, (points, limit) in measured.items():
        history = extend(histories.get(name), points, buckets, limit)
        if history is not None:
            histories[name] = history
    horizon = buckets.index(now - FORGET_AFTER) - 1
    return {name: history for name, history in histories.items() if history.last >= horizon}


def fresh_ones(histories: Mapping[str, History], buckets: Buckets, now: datetime) -> dict[str, History]:
    """Those that say something about now; a newest bucket is always one behind."""
    oldest = buckets.index(now - STALE_AFTER) - 1
    return {name: history for name, history in histories.items() if history.last >= oldest}
