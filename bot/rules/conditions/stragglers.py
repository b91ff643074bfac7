"""Condition: a GPU, or every GPU of a node, is busier or less busy than its peers for a while.

The GPUs of one training job do the same work in step, so the others are the reference. Each bucket of time gives a
median, a spread (median absolute deviation, with a floor) and each GPU's distance in spreads, a robust z-score. Both
directions count: a GPU that waits is less busy than its peers; a slow GPU that the others wait for is busier. GPUs that
are all idle are the business of `gpu_utilization.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Literal

import msgspec

from bot.domain.alerts import Clear, Evidence, Finding, Unknown, Verdict
from bot.domain.charts import ChartLine, ChartPoint, LineChart
from bot.domain.metric_charts import MOST_LINES
from bot.domain.metrics import GPU_UTILIZATION, SERVING_METRICS, metric_title
from bot.rules.metrics.causes import BUSY, DEAD, memory_released
from bot.rules.metrics.growth import robust_deviation
from bot.rules.metrics.samples import (
    Buckets,
    History,
    HistoryState,
    extend_all,
    first_sample,
    fresh_ones,
    gpu_name,
    metric_condition,
    name_list,
    series_of,
)
from bot.rules.rule import Context

MIN_PEERS = 4
"""With fewer GPUs measured at once, none can be called the outlier."""
IDLE = 0.2
"""Buckets with a lower median (a checkpoint, an evaluation on one rank) are not compared."""
Z_SCORE = 3.0
SPREAD_FLOOR = 0.03
"""Noise between equal GPUs; without it a GPU 1 % below eight equal ones would be an outlier."""
PER_HOLD = 10
"""Buckets in a hold time."""
WINDOW = 12
"""Buckets compared. Ten of them must differ, so that a checkpoint on one rank does not count."""
RECENT = 5
"""Buckets that must be close to the median again for recovery, and the fewest that can be judged."""

Kind = Literal["gone", "stuck", "below", "above"]


class Straggler(msgspec.Struct, frozen=True):
    """An outlier, frozen when it is found, so that the message does not change while it lasts."""

    kind: Kind
    points: int
    """Percentage points of utilization away from the median, to the next ten."""
    since: datetime


class StragglerState(HistoryState, frozen=True, omit_defaults=True):
    """What this rule keeps between polls."""

    stragglers: dict[str, Straggler] = msgspec.field(default_factory=dict, name="odd")


@dataclass(frozen=True, slots=True)
class _Bucket:
    """One bucket in which the GPUs can be compared."""

    index: int
    values: Mapping[str, float]
    median: float
    outliers: frozenset[str]
    """GPUs far from the median, in points and in spreads."""

    def difference(self, name: str) -> float:
        return self.values[name] - self.median


_TITLES: dict[Kind, str] = {
    "gone": "At 0 %, memory released",
    "stuck": "At 0 %",
    "below": "Less busy than the rest",
    "above": "Busier than the rest",
}
_HINTS: dict[Kind, str] = {
    "gone": "Read the last lines of that rank. Probably a dead rank: the others may wait for it until a timeout.",
    "stuck": "Check whether steps still advance. If not, take stack dumps (py-spy dump) of that rank and of another: it"
    " is probably out of step or dead, and the busy ones only wait.",
    "below": "Compare its log, data shard and batch with a peer's. It may wait for its data or get less work.",
    "above": "Check its clocks, temperature and ECC errors (nvidia-smi). It may be slow while the others wait for it.",
}


@metric_condition(StragglerState)
def gpu_straggler(context: Context, state: StragglerState) -> tuple[Verdict, StragglerState]:
    """Holds while a GPU's utilization is `difference` and three spreads from the median, for most of `for`."""
    now = context.observation.at
    if any(one.name in SERVING_METRICS for one in context.observation.series):
        return Clear(), StragglerState()  # each replica of a deployment has requests to itself
    series = series_of(context, GPU_UTILIZATION)
    first_at = first_sample(state, (one.points for one in series))
    if not series or first_at is None:
        return Unknown(), state
    buckets = Buckets.of(context.span("for"), PER_HOLD, keep=WINDOW)
    histories = extend_all(state, {gpu_name(one): (one.points, 1.0) for one in series}, buckets, now)
    fresh = fresh_ones(histories, buckets, now)
    begin = buckets.index(first_at + context.span("warmup")) + 1
    compared = _compare(fresh, begin, context.ratio("difference"))
    before = {name: one for name, one in state.stragglers.items() if name in histories}
    stragglers = _judge(context, fresh, compared, before, buckets)
    after = StragglerState(first_at, buckets.span.total_seconds(), histories, stragglers)
    judged = {name: one for name, one in stragglers.items() if any(name in bucket.values for bucket in compared)}
    if not judged:
        return (Unknown() if stragglers or not fresh else Clear()), after
    return Finding(replace(_evidence(judged, list(fresh)), chart=_chart(list(judged), compared, buckets))), after


def _chart(names: Sequence[str], compared: Sequence[_Bucket], buckets: Buckets) -> LineChart:
    """The stragglers, and the median of all GPUs."""
    times = {one.index: (buckets.start(one.index) + buckets.span / 2).timestamp() for one in compared}
    odd = [
        ChartLine(
            name,
            tuple(ChartPoint(times[one.index], 100 * one.values[name]) for one in compared if name in one.values),
        )
        for name in names[: MOST_LINES - 1]
    ]
    middle = ChartLine("median GPU", tuple(ChartPoint(times[one.index], 100 * one.median) for one in compared))
    return LineChart(metric_title(GPU_UTILIZATION), "%", (*odd, middle))


def _compare(fresh: Mapping[str, History], begin: int, difference: float) -> list[_Bucket]:
    """Return the buckets in which the GPUs can be compared, oldest first."""
    last = max((history.last for history in fresh.values()), default=0)
    measured: dict[int, dict[str, float]] = {index: {} for index in range(max(begin, last - WINDOW + 1), last + 1)}
    for name, history in fresh.items():
        for index, value in enumerate(history.values, history.last - len(history.values) + 1):
            if value is not None and index in measured:
                measured[index][name] = value
    return [
        _Bucket(index, values, middle, _outliers(values, middle, difference))
        for index, values in measured.items()
        if len(values) >= MIN_PEERS and (middle := median(values.values())) >= IDLE
    ]


def _outliers(values: Mapping[str, float], middle: float, difference: float) -> frozenset[str]:
    far = [name for name, value in values.items() if abs(value - middle) >= difference]
    if not far:
        return frozenset()
    spread = max(SPREAD_FLOOR, robust_deviation(values.values(), middle))
    return frozenset(name for name in far if abs((values[name] - middle) / spread) >= Z_SCORE)


def _judge(
    context: Context,
    names: Iterable[str],
    compared: Sequence[_Bucket],
    before: Mapping[str, Straggler],
    buckets: Buckets,
) -> dict[str, Straggler]:
    recovery = min(context.ratio("difference"), context.ratio("recovery"))
    after = dict(before)
    for name in names:
        if name in before:
            recent = [one.difference(name) for one in compared if name in one.values][-RECENT:]
            if len(recent) == RECENT and abs(median(recent)) < recovery:
                del after[name]
            continue
        outlying = [one for one in compared if name in one.outliers]
        if _is_sustained(name, outlying, compared):
            after[name] = _straggler(context, name, outlying, buckets)
    return after


def _is_sustained(name: str, outlying: Sequence[_Bucket], compared: Sequence[_Bucket]) -> bool:
    """Whether nearly all of a long enough window differs, in one direction."""
    if len(outlying) < RECENT or len(outlying) * WINDOW < PER_HOLD * sum(name in one.values for one in compared):
        return False
    is_long = outlying[-1].index - outlying[0].index + 1 >= PER_HOLD
    return is_long and len({one.difference(name) > 0 for one in outlying}) == 1


def _straggler(context: Context, name: str, outlying: Sequence[_Bucket], buckets: Buckets) -> Straggler:
    typical = median(one.difference(name) for one in outlying)
    kind: Kind
    if typical > 0:
        kind = "above"
    elif median(one.values[name] for one in outlying) <= DEAD and median(one.median for one in outlying) >= BUSY:
        kind = "gone" if memory_released(context.observation.series, (name,)) else "stuck"
    else:
        kind = "below"
    return Straggler(kind, max(10, round(abs(typical) * 10) * 10), buckets.start(outlying[0].index))


def _evidence(stragglers: Mapping[str, Straggler], fresh: Sequence[str]) -> Evidence:
    kinds = [kind for kind in _TITLES if any(one.kind == kind for one in stragglers.values())]
    facts = []
    for kind in kinds:
        names = [name for name, one in stragglers.items() if one.kind == kind]
        points = max(stragglers[name].points for name in names)
        away = f", by about {points} points" if kind in ("below", "above") else ""
        facts.append((_TITLES[kind], name_list(_fold(names, fresh)) + away))
    return Evidence(
        summary=_summary(kinds[0], list(stragglers), fresh),
        facts=tuple(facts),
        hint=f"{_HINTS[kinds[0]]} (This is a guess.)",
        count=len(stragglers),
        first_at=min(one.since for one in stragglers.values()),
    )


def _summary(kind: Kind, names: Sequence[str], fresh: Sequence[str]) -> str:
    folded = _fold(names, fresh)
    one = len(names) == 1 and not names[0].endswith("GPUs")
    subject = folded[0] if len(folded) == 1 else f"{len(names)} of {len(fresh)} GPUs"
    subject = subject[0].upper() + subject[1:] if len(names) > 1 else subject
    if kind in ("gone", "stuck"):
        return f"{subject} {'does' if one else 'do'} nothing while the rest work."
    return f"{subject} {'is' if one else 'are'} {'busier' if kind == 'above' else 'less busy'} than the rest."


def _fold(names: Sequence[str], fresh: Sequence[str]) -> list[str]:
    """Replace the GPUs of a node by the node when all of them are named."""
    nodes: dict[str, list[str]] = {}
    for name in fresh:
        node, _, gpu = name.rpartition(" GPU ")
        if node and gpu:
            nodes.setdefault(node, []).append(name)
    whole = {node: gpus for node, gpus in nodes.items() if len(gpus) > 1 and set(gpus) <= set(names)}
    folded = {name for gpus in whole.values() for name in gpus}
    return [f"all GPUs of {node}" for node in whole] + [name for name in names if name not in folded]
