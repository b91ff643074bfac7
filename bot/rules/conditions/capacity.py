"""Conditions: memory or storage is full, or will be soon at its rate of growth.

Steady GPU memory at 97 % is normal in training, so on GPUs only growth counts; host memory and storage also alert when
nearly full. A prediction is frozen when it is made and replaced only when it moves far, so that a message does not
change at every poll. It is dropped once its time has passed or the log shows the failure. `growth.py` estimates the
growth.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec

from bot.diagnosis.categories import Category
from bot.diagnosis.findings import Failure
from bot.domain.alerts import Clear, Evidence, Finding, Memory, Severity, Unknown, Verdict
from bot.domain.charts import LIMIT, ChartLevel, ChartLine, ChartMoment, ChartPoint, LineChart
from bot.domain.durations import datetime_from_ns, ns_from_datetime, spoken_duration
from bot.domain.metric_charts import MOST_LINES
from bot.domain.metrics import (
    CACHE_UTILIZATION,
    EPHEMERAL_STORAGE_UTILIZATION,
    GPU_MEMORY,
    MEMORY,
    MetricPoint,
    MetricSeries,
)
from bot.rules.metrics.growth import steady_growth
from bot.rules.metrics.samples import (
    Buckets,
    History,
    HistoryState,
    Measured,
    extend_all,
    first_sample,
    fresh_ones,
    gpu_name,
    gpu_place,
    metric_condition,
    name_list,
)
from bot.rules.rule import Condition, Context, StatefulCondition, load_state

PER_WINDOW = 20
"""Buckets in a window. Growth is estimated over the whole window and, to find it sooner, over its newer half."""
HALF = PER_WINDOW // 2
HYSTERESIS = 0.05
"""How far below its threshold a level must fall before it counts as normal."""
MOVED = timedelta(minutes=10)
"""A prediction is replaced when it moves by more than this and by more than half of the time left."""
FARTHEST = 10_000
"""Buckets ahead; a later prediction counts as none."""


@dataclass(frozen=True, slots=True)
class _Resource:
    """How evidence describes one kind of resource."""

    title: str
    """Of its chart."""
    grows: str
    """Follows a name in a sentence while the resource fills up."""
    ran_out: str
    """The same once it ran out."""
    category: Category
    """Of a failure in the log that shows that it ran out."""
    full_hint: str
    growth_hint: str


class Pressure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One resource that is full or fills up, as last notified."""

    since: datetime
    predicted_at: datetime = msgspec.field(name="said")
    seen_at: datetime = msgspec.field(name="seen")
    """The last poll that confirmed it."""
    full_at: datetime | None = msgspec.field(name="due", default=None)
    """When it will be full; None: it is above the threshold now."""


class PressureState(HistoryState, frozen=True, omit_defaults=True):
    """What these rules keep between polls."""

    pressures: dict[str, Pressure] = msgspec.field(default_factory=dict, name="told")


_GPU = _Resource(
    "GPU memory",
    "is running out of memory",
    "ran out of memory",
    "gpu_memory",
    "",
    "Save a checkpoint now. Then look for tensors kept from step to step (losses added up without `.item()`, lists of"
    " outputs) and for batches or sequences that grow.",
)
_HOST = _Resource(
    "Host memory",
    "is filling up",
    "ran out",
    "host_memory",
    "Use fewer data loader workers, or smaller caches and batches. The kernel kills the program when memory is full.",
    "Save a checkpoint, then look for a leak. Suspects: data loader workers that copy Python objects, endless caches.",
)
_STORAGE = _Resource(
    "Storage",
    "is filling up",
    "is full",
    "storage",
    "Delete old checkpoints, caches and core dumps. The run fails at its next checkpoint when storage is full.",
    "Keep fewer checkpoints (`save_total_limit`), or write them to a bucket. Move caches and logs elsewhere.",
)
_STORAGE_NAMES = {EPHEMERAL_STORAGE_UTILIZATION: "ephemeral storage", CACHE_UTILIZATION: "cache"}


def _until_it_happens(resource: _Resource) -> Callable[[StatefulCondition[PressureState]], Condition]:
    """Decorate a condition, so that its alert drops the prediction once the log shows that the resource ran out."""

    def decorate(judge: StatefulCondition[PressureState]) -> Condition:
        predict = metric_condition(PressureState)(judge)

        def condition(context: Context) -> tuple[Verdict, Memory]:
            pressures = load_state(context.memory, PressureState).pressures
            failure = _failure_of(context, resource, pressures)
            if failure is None:
                return predict(context)
            return Finding(_evidence_after(failure, resource, pressures)), context.memory

        return condition

    return decorate


@_until_it_happens(_GPU)
def gpu_memory_pressure(context: Context, state: PressureState) -> tuple[Verdict, PressureState]:
    """Holds while a GPU's memory is above `from` and will be full within `horizon`."""
    measured = {gpu_name(one): (one.points, one.limit) for one in context.observation.series if one.name == GPU_MEMORY}
    return _judge(context, state, measured, _GPU)


@_until_it_happens(_HOST)
def host_memory_pressure(context: Context, state: PressureState) -> tuple[Verdict, PressureState]:
    """Holds while a host's memory is above `threshold`, or above `from` and will be full within `horizon`."""
    hosts = (one for one in context.observation.series if one.name == MEMORY)
    return _judge(context, state, {_name("host memory", one): (one.points, one.limit) for one in hosts}, _HOST)


@_until_it_happens(_STORAGE)
def storage_pressure(context: Context, state: PressureState) -> tuple[Verdict, PressureState]:
    """Holds while ephemeral storage or the cache is above `threshold`, or above `from` and full within `horizon`."""
    volumes = (one for one in context.observation.series if one.name in _STORAGE_NAMES)
    measured = {_name(_STORAGE_NAMES[one.name], one): (one.points, 1.0) for one in volumes}
    return _judge(context, state, measured, _STORAGE)


def _name(resource: str, series: MetricSeries) -> str:
    return f"{resource} of {series.node}" if series.node else resource


def _judge(
    context: Context,
    state: PressureState,
    series: Mapping[str, tuple[tuple[MetricPoint, ...], float | None]],
    resource: _Resource,
) -> tuple[Verdict, PressureState]:
    now = context.observation.at
    measured: dict[str, Measured] = {
        name: (points, limit) for name, (points, limit) in series.items() if points and limit
    }
    first_at = first_sample(state, (points for points, _ in measured.values()))
    if first_at is None:
        return Unknown(), state
    buckets = Buckets.of(context.span("window"), PER_WINDOW, keep=PER_WINDOW)
    histories = extend_all(state, measured, buckets, now)
    fresh = fresh_ones(histories, buckets, now)
    begin = buckets.index(first_at + context.span("warmup")) + 1
    pressures = {name: one for name, one in state.pressures.items() if name in histories}
    for name, history in fresh.items():
        pressure = _pressure(context, history, begin, pressures.pop(name, None), buckets)
        if pressure is not None:
            pressures[name] = pressure
    after = PressureState(first_at, buckets.span.total_seconds(), histories, pressures)
    judged = {name: one for name, one in pressures.items() if name in fresh}
    if not judged:
        return (Unknown() if pressures or not fresh else Clear()), after
    threshold = context.ratio("threshold") if "threshold" in context.parameters else None
    chart = _chart(judged, histories, measured, buckets, resource, threshold)
    return Finding(replace(_evidence(judged, resource, context), chart=chart)), after


def _pressure(
    context: Context, history: History, begin: int, before: Pressure | None, buckets: Buckets
) -> Pressure | None:
    now = context.observation.at
    since = before.since if before else now
    if _is_full(context, history, before):
        return Pressure(since, now, now)
    full_at = _predict(context, history, begin, buckets)
    is_soon = full_at is not None and full_at - now <= context.span("horizon")
    if before is None or before.full_at is None:
        return Pressure(now, now, now, full_at) if is_soon else None
    if full_at is None:
        level = history.values[-1]
        is_low = level is not None and level < context.ratio("from") - HYSTERESIS
        return None if is_low or now - before.seen_at >= context.span("window") / 2 else before
    moved = abs(full_at - before.full_at)
    if before.full_at > now and (moved <= MOVED or moved <= (before.full_at - now) / 2):
        return msgspec.structs.replace(before, seen_at=now)
    return Pressure(since, now, now, full_at) if full_at - now <= 2 * context.span("horizon") else None


def _is_full(context: Context, history: History, before: Pressure | None) -> bool:
    """Whether the level is above the threshold, or was and is not clearly below it yet."""
    level = history.values[-1]
    was_full = before is not None and before.full_at is None
    if "threshold" not in context.parameters or level is None:
        return was_full
    return level >= context.ratio("threshold") - (HYSTERESIS if was_full else 0.0)


def _predict(context: Context, history: History, begin: int, buckets: Buckets) -> datetime | None:
    """When it will be full at its rate of growth; None when it is far from full or does not grow."""
    level = history.values[-1]
    if level is None or level < context.ratio("from"):
        return None
    judged = history.values[max(0, begin - history.last + len(history.values) - 1) :]
    if len(judged) < HALF:
        return None
    grown = [growth for part in (judged, judged[-HALF:]) if (growth := steady_growth(part)) is not None]
    left = min((growth.values_left for growth in grown), default=math.inf)
    return None if left > FARTHEST else buckets.start(history.last) + buckets.span * (left + 0.5)


def _evidence(pressures: Mapping[str, Pressure], resource: _Resource, context: Context) -> Evidence:
    full = [name for name, one in pressures.items() if one.full_at is None]
    growing = {name: one.full_at for name, one in pressures.items() if one.full_at is not None}
    expected_at = min(growing.values(), default=None)
    facts = []
    sentences = []
    if full:
        share = f"{context.ratio('threshold'):.0%}"
        facts.append((f"Over {share}", name_list(full)))
        sentences.append(f"Over {share} full: {name_list(full)}.")
    if growing:
        first = gpu_place(min(name for name, full_at in growing.items() if full_at == expected_at))
        facts.append(("Grows", name_list(growing)))
        facts.append(("Predicted from", f"the last {spoken_duration(context.span('window'))}"))
        sentences.append(f"{first[0].upper()}{first[1:]} {resource.grows}.")
    return Evidence(
        summary=" ".join(sentences),
        facts=tuple(facts),
        hint=resource.full_hint if full else resource.growth_hint,
        count=len(pressures),
        first_at=min(one.since for one in pressures.values()),
        expected_at=_coarse(expected_at, context.observation.at),
    )


def _chart(
    pressures: Mapping[str, Pressure],
    histories: Mapping[str, History],
    measured: Mapping[str, Measured],
    buckets: Buckets,
    resource: _Resource,
    threshold: float | None,
) -> LineChart:
    """How full each resource was over the window, those that are full first."""
    names = sorted(pressures, key=lambda name: (pressures[name].full_at or pressures[name].since, name))[:MOST_LINES]
    newest = max(histories[name].last for name in names)
    indices = range(newest - buckets.keep + 1, newest + 1)
    sizes = {measured[name][1] for name in names if name in measured}
    size = sizes.pop() if len(sizes) == 1 else 1.0
    factor, unit = (size / 2**30, "GiB") if size > 1 else (100.0, "%")
    lines = []
    for name in names:
        history = histories[name]
        shares = dict(zip(range(history.last - len(history.values) + 1, history.last + 1), history.values, strict=True))
        points = [
            ChartPoint((buckets.start(index) + buckets.span / 2).timestamp(), share * factor)
            for index in indices
            if (share := shares.get(index)) is not None
        ]
        lines.append(ChartLine(name, tuple(points)))
    levels = (*((ChartLevel("threshold", threshold * factor),) if threshold else ()), ChartLevel(LIMIT, factor))
    began = ChartMoment("alert", min(one.since for one in pressures.values()).timestamp())
    return LineChart(resource.title, unit, tuple(lines), levels, (began,))


def _coarse(full_at: datetime | None, now: datetime) -> datetime | None:
    """Round a prediction to five minutes; None if it is in the past."""
    if full_at is None or full_at <= now:
        return None
    return datetime.fromtimestamp(round(full_at.timestamp() / 300) * 300, UTC)


def _failure_of(context: Context, resource: _Resource, pressures: Mapping[str, Pressure]) -> Failure | None:
    """The failure in the log that a pressure, seen before, led to."""
    if not pressures or context.diagnosis is None:
        return None
    since_ns = ns_from_datetime(min(one.since for one in pressures.values()))
    for one in context.diagnosis.failures:
        is_later = one.last_ns is None or one.last_ns >= since_ns
        if one.severity is Severity.PAGE and one.category == resource.category and is_later:
            return one
    return None


def _evidence_after(failure: Failure, resource: _Resource, pressures: Mapping[str, Pressure]) -> Evidence:
    """Say what ran out: the resource of the failed rank if it is known, else the one that was to be full first."""
    rank = f"GPU {failure.root_rank}"
    soonest = min(pressures, key=lambda name: (pressures[name].full_at or pressures[name].since, name))
    name = gpu_place(next((name for name in pressures if f" {name}".endswith(f" {rank}")), soonest))
    return Evidence(
        summary=f"{name[0].upper()}{name[1:]} {resource.ran_out}.",
        title=failure.title,
        facts=(("Filled up", name_list(pressures)),),
        count=len(pressures),
        first_at=min(one.since for one in pressures.values()),
        last_at=datetime_from_ns(failure.last_ns) if failure.last_ns is not None else None,
    )
