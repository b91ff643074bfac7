"""Condition: a GPU, or all GPUs of a node, that works unlike its peers for a while.

In one training job the GPUs do the same work in step, so the others are the measure: each stretch of time gives a
median, a spread (median absolute deviation, with a floor) and every GPU's distance in spreads, a robust z-score. Both
directions count: a GPU that waits is less busy than its peers, a slow one on which they wait is busier. That all GPUs
do little is the business of `metric_health.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from bot.domain.alerts import Clear, Evidence, Finding, Memory, Unknown, Verdict
from bot.domain.metrics import GPU_UTILIZATION
from bot.rules.metrics.causes import BUSY, DEAD, memory_released
from bot.rules.metrics.samples import (
    Buckets,
    History,
    dump_histories,
    first_sample,
    fresh_ones,
    gpu_name,
    moment,
    name_list,
    named,
    not_judged,
    take,
)
from bot.rules.rule import Context

PEERS = 4
"""With fewer GPUs measured at once there is no telling which of them is the odd one."""
IDLE = 0.2
"""While the median GPU does less (a checkpoint, an evaluation on one rank) there is nothing to compare."""
Z_SCORE = 3.0
SPREAD_FLOOR = 0.03
"""Noise that even GPUs in step have; without it eight equal GPUs would make a ninth at 1 % less an outlier."""
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation, for normal noise."""
PER_HOLD = 10
"""Buckets in a hold time."""
WINDOW = 12
"""Buckets looked at: ten of them must differ, so that a checkpoint on one rank is none."""
RECENT = 5
"""Buckets that must be back near the others for it to be over, and the fewest that say anything."""


@dataclass(frozen=True, slots=True)
class _Odd:
    """A GPU that was found; frozen then, so that the message stays the same while it lasts."""

    kind: str
    """`gone`, `stuck`, `below` or `above`."""
    points: int
    """How many points of utilisation away, to the next ten."""
    since: datetime


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One bucket in which the GPUs can be compared."""

    index: int
    values: Mapping[str, float]
    centre: float
    unlike: frozenset[str]
    """The GPUs that are far from the centre, in points and in spreads."""

    def away(self, name: str) -> float:
        return self.values[name] - self.centre


_TITLES = {
    "gone": "At 0 %, memory released",
    "stuck": "At 0 %",
    "below": "Less busy than the rest",
    "above": "Busier than the rest",
}
_HINTS = {
    "gone": "Probably a dead rank: read that rank's last lines; the others may wait until the collective times out.",
    "stuck": "Probably a rank out of step or dead, and the busy ones may only be waiting: see whether steps still"
    " advance, and take stack traces (py-spy dump) of that rank and of another.",
    "below": "Maybe it waits for its data or gets less work: compare its log, data shard and batch with a peer's.",
    "above": "Maybe it is slow and the others wait for it: check its clocks, temperature and ECC errors (nvidia-smi).",
}


def gpu_straggler(context: Context) -> tuple[Verdict, Memory]:
    """Holds while a GPU's utilisation is `difference` and three spreads from the median GPU, most of `for`."""
    answer = not_judged(context)
    if answer is not None:
        return answer
    now = context.observation.at
    series = named(context, GPU_UTILIZATION)
    first_at = first_sample(context.memory, (one.points for one in series))
    if not series or first_at is None:
        return Unknown(), context.memory
    buckets = Buckets.of(context.span("for"), PER_HOLD, keep=WINDOW)
    histories = take(context.memory, {gpu_name(one): (one.points, 1.0) for one in series}, buckets, now)
    fresh = fresh_ones(histories, buckets, now)
    begin = buckets.index(first_at + context.span("warmup")) + 1
    stretches = _compare(fresh, begin, context.ratio("difference"))
    odd = _judge(context, fresh, stretches, _load(context.memory, histories), buckets)
    memory = {"first_at": first_at.isoformat(), **dump_histories(histories, buckets), "odd": _dump(odd)}
    shown = {name: one for name, one in odd.items() if any(name in stretch.values for stretch in stretches)}
    if not shown:
        return (Unknown() if odd or not fresh else Clear()), memory
    return Finding(_evidence(shown, list(fresh))), memory


def _compare(fresh: Mapping[str, History], begin: int, difference: float) -> list[_Stretch]:
    """The buckets in which the GPUs can be compared, oldest first."""
    last = max((history.last for history in fresh.values()), default=0)
    measured: dict[int, dict[str, float]] = {index: {} for index in range(max(begin, last - WINDOW + 1), last + 1)}
    for name, history in fresh.items():
        for index, value in enumerate(history.values, history.last - len(history.values) + 1):
            if value is not None and index in measured:
                measured[index][name] = value
    found = []
    for index, values in measured.items():
        if len(values) >= PEERS and (centre := median(values.values())) >= IDLE:
            found.append(_Stretch(index, values, centre, _unlike(values, centre, difference)))
    return found


def _unlike(values: Mapping[str, float], centre: float, difference: float) -> frozenset[str]:
    far = [name for name, value in values.items() if abs(value - centre) >= difference]
    if not far:
        return frozenset()
    spread = max(SPREAD_FLOOR, MAD_TO_SIGMA * median(abs(value - centre) for value in values.values()))
    return frozenset(name for name in far if abs((values[name] - centre) / spread) >= Z_SCORE)


def _judge(
    context: Context,
    names: Iterable[str],
    stretches: Sequence[_Stretch],
    before: Mapping[str, _Odd],
    buckets: Buckets,
) -> dict[str, _Odd]:
    recovery = min(context.ratio("difference"), context.ratio("recovery"))
    after = dict(before)
    for name in names:
        if name in before:
            recent = [one.away(name) for one in stretches if name in one.values][-RECENT:]
            if len(recent) == RECENT and abs(median(recent)) < recovery:
                del after[name]
            continue
        unlike = [one for one in stretches if name in one.unlike]
        if _is_sustained(name, unlike, stretches):
            after[name] = _odd(context, name, unlike, buckets)
    return after


def _is_sustained(name: str, unlike: Sequence[_Stretch], stretches: Sequence[_Stretch]) -> bool:
    """Whether nearly all of a window that is long enough differs, to the same side."""
    if len(unlike) < RECENT or len(unlike) * WINDOW < PER_HOLD * sum(name in one.values for one in stretches):
        return False
    return unlike[-1].index - unlike[0].index + 1 >= PER_HOLD and len({one.away(name) > 0 for one in unlike}) == 1


def _odd(context: Context, name: str, unlike: Sequence[_Stretch], buckets: Buckets) -> _Odd:
    typical = median(one.away(name) for one in unlike)
    if typical > 0:
        kind = "above"
    elif median(one.values[name] for one in unlike) <= DEAD and median(one.centre for one in unlike) >= BUSY:
        kind = "gone" if memory_released(context.observation.series, (name,)) else "stuck"
    else:
        kind = "below"
    return _Odd(kind, max(10, round(abs(typical) * 10) * 10), buckets.start(unlike[0].index))


def _evidence(odd: Mapping[str, _Odd], fresh: Sequence[str]) -> Evidence:
    kinds = [kind for kind in _TITLES if any(one.kind == kind for one in odd.values())]
    facts = []
    for kind in kinds:
        names = [name for name, one in odd.items() if one.kind == kind]
        points = max(odd[name].points for name in names)
        away = f", by about {points} points" if kind in ("below", "above") else ""
        facts.append((_TITLES[kind], name_list(_fold(names, fresh)) + away))
    return Evidence(
        summary=_summary(kinds[0], list(odd), fresh),
        facts=tuple(facts),
        hint=f"{_HINTS[kinds[0]]} (This is a guess.)",
        count=len(odd),
        first_at=min(one.since for one in odd.values()),
    )


def _summary(kind: str, names: Sequence[str], fresh: Sequence[str]) -> str:
    folded = _fold(names, fresh)
    one = len(names) == 1
    who = folded[0] if len(folded) == 1 else f"{len(names)} of {len(fresh)} GPUs"
    who = who[0].upper() + who[1:] if not one else who
    if kind in ("gone", "stuck"):
        return f"{who} {'does' if one else 'do'} nothing while the rest work."
    return f"{who} {'works' if one else 'work'} unlike {'its' if one else 'their'} peers."


def _fold(names: Sequence[str], fresh: Sequence[str]) -> list[str]:
    """Names, with a node in place of its GPUs when all of them are named."""
    nodes: dict[str, list[str]] = {}
    for name in fresh:
        node, _, gpu = name.rpartition(" GPU ")
        if node and gpu:
            nodes.setdefault(node, []).append(name)
    whole = {node: gpus for node, gpus in nodes.items() if len(gpus) > 1 and set(gpus) <= set(names)}
    folded = {name for gpus in whole.values() for name in gpus}
    return [f"all GPUs of {node}" for node in whole] + [name for name in names if name not in folded]


def _load(memory: Memory, histories: Mapping[str, History]) -> dict[str, _Odd]:
    stored = memory.get("odd")
    loaded: dict[str, _Odd] = {}
    for name, row in stored.items() if isinstance(stored, dict) else ():
        since = moment(row.get("since"))
        if name in histories and since is not None and row.get("kind") in _TITLES:
            loaded[name] = _Odd(row["kind"], int(row["points"]), since)
    return loaded


def _dump(odd: Mapping[str, _Odd]) -> dict[str, dict[str, object]]:
    return {name: {"kind": one.kind, "points": one.points, "since": one.since.isoformat()} for name, one in odd.items()}
