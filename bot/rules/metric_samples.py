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

MAX_NAMES = 8
"""Names shown in one fact."""


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


def first_sample(memory: Memory, series: Iterable[MetricSeries]) -> datetime | None:
    """When the job was first measured, as far as we saw; None when nothing has a time."""
    times = [point.at for one in series for point in one.points if point.at is not None]
    stored = moment(memory.get("first_at"))
    return min([*times, stored] if stored else times, default=None)


def moment(text: object) -> datetime | None:
    """A stored time."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None


@dataclass(frozen=True, slots=True)
class Buckets:
    """How histories are cut."""

    span: timedelta
    keep: int
    """Buckets remembered of each series."""

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

    def value(self, index: int) -> float | None:
        """The mean in a bucket; None when nothing was measured or it is not remembered."""
        place = index - self.last + len(self.values) - 1
        return self.values[place] if 0 <= place < len(self.values) else None


def extend(history: History | None, points: Iterable[MetricPoint], buckets: Buckets) -> History | None:
    """Add the buckets that are complete and were not yet taken.

    Args:
        history: as it was; None at first.
        points: samples in any order, of which some may have been seen before.
        buckets: how to cut.
    """
    taken_to = None if history is None else buckets.start(history.last + 1)
    found: dict[int, list[float]] = {}
    for value, at, _ in points:
        if at is not None and (taken_to is None or at >= taken_to) and math.isfinite(value):
            found.setdefault(buckets.index(at), []).append(value)
    if not found:
        return history
    newest = max(found)
    oldest = min(found) if history is None else history.last + 1
    fresh = [index for index in found if oldest <= index < newest]
    if not fresh:
        return history
    last = max(fresh)
    begin = max(oldest, last - buckets.keep + 1)
    added = [_mean(found.get(index)) for index in range(begin, last + 1)]
    before = history.values if history is not None and begin == oldest else ()
    return History(last, (*before, *added)[-buckets.keep :])


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


def take(
    memory: Memory, points: Mapping[str, Sequence[MetricPoint]], buckets: Buckets, now: datetime
) -> dict[str, History]:
    """The remembered histories with what this poll brought, without those long unseen."""
    histories = load_histories(memory, buckets)
    for name, samples in points.items():
        history = extend(histories.get(name), samples, buckets)
        if history is not None:
            histories[name] = history
    horizon = buckets.index(now - FORGET_AFTER) - 1
    return {name: history for name, history in histories.items() if history.last >= horizon}


def is_fresh(history: History, buckets: Buckets, now: datetime) -> bool:
    """Whether a history says anything about now; its newest bucket is always one behind."""
    return now - buckets.start(history.last + 2) < STALE_AFTER


def _mean(values: Sequence[float] | None) -> float | None:
    return round(math.fsum(values) / len(values), 4) if values else None
