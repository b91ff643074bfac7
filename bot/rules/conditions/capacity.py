"""Conditions: memory or storage is full, or will be soon at its rate of growth.

Steady GPU memory at 97 % is normal in training, so on GPUs only growth counts; host memory and storage also alert when
nearly full. A prediction is frozen when it is made and replaced only when it moves far, so that a message does not
change at every poll. `growth.py` estimates the growth.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from bot.domain.alerts import Clear, Evidence, Finding, Unknown, Verdict
from bot.domain.durations import spoken_duration
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
    metric_condition,
    name_list,
)
from bot.rules.rule import Context

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

    prefix: str
    """Precedes a name in a sentence."""
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
    "The memory of ",
    "",
    "Save a checkpoint now. Then look for tensors kept from step to step (losses added up without `.item()`, lists of"
    " outputs) and for batches or sequences that grow.",
)
_HOST = _Resource(
    "",
    "The kernel kills the program when memory is full: use fewer data loader workers, or smaller caches and batches.",
    "Probably a leak: data loader workers that copy Python objects, unbounded caches, or logs kept in memory.",
)
_STORAGE = _Resource(
    "",
    "The run fails at its next checkpoint when storage is full: delete old checkpoints, caches and core dumps.",
    "Keep fewer checkpoints (`save_total_limit`) or write them to a bucket; move caches and logs elsewhere.",
)
_STORAGE_NAMES = {EPHEMERAL_STORAGE_UTILIZATION: "ephemeral storage", CACHE_UTILIZATION: "cache"}


@metric_condition(PressureState)
def gpu_memory_pressure(context: Context, state: PressureState) -> tuple[Verdict, PressureState]:
    """Holds while a GPU's memory is above `from` and will be full within `horizon`."""
    measured = {gpu_name(one): (one.points, one.limit) for one in context.observation.series if one.name == GPU_MEMORY}
    return _judge(context, state, measured, _GPU)


@metric_condition(PressureState)
def host_memory_pressure(context: Context, state: PressureState) -> tuple[Verdict, PressureState]:
    """Holds while a host's memory is above `threshold`, or above `from` and will be full within `horizon`."""
    hosts = (one for one in context.observation.series if one.name == MEMORY)
    return _judge(context, state, {_name("host memory", one): (one.points, one.limit) for one in hosts}, _HOST)


@metric_condition(PressureState)
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
    return Finding(_evidence(judged, resource, context)), after


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
    if moved <= MOVED or moved <= (before.full_at - now) / 2:
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
    growing = {name: (one.predicted_at, one.full_at) for name, one in pressures.items() if one.full_at is not None}
    facts = []
    sentences = []
    if full:
        share = f"{context.ratio('threshold'):.0%}"
        facts.append((f"Over {share}", name_list(full)))
        sentences.append(f"Over {share} full: {name_list(full)}.")
    if growing:
        predicted_at, full_at = min(growing.values(), key=lambda one: one[1])
        first = min(name for name, one in growing.items() if one[1] == full_at)
        window = spoken_duration(context.span("window"))
        facts.append(("Grows", name_list(growing)))
        facts.append(("Predicted at", f"{predicted_at:%H:%M} UTC, from the last {window}"))
        subject = f"{resource.prefix}{first}"
        when = _in_words(predicted_at, full_at)
        sentences.append(f"{subject[0].upper()}{subject[1:]} grows: full {when} at this rate.")
    return Evidence(
        summary=" ".join(sentences),
        facts=tuple(facts),
        hint=resource.full_hint if full else resource.growth_hint,
        count=len(pressures),
        first_at=min(one.since for one in pressures.values()),
    )


def _in_words(predicted_at: datetime, full_at: datetime) -> str:
    """A coarse duration and the time to five minutes: "in about 40 min (11:10 UTC)"."""
    tens = round((full_at - predicted_at).total_seconds() / 600)
    if tens < 1:
        return "within minutes"
    span = f"{10 * tens} min" if tens < 9 else f"{round(tens / 3) / 2:g} h"
    clock = datetime.fromtimestamp(round(full_at.timestamp() / 300) * 300, UTC)
    return f"in about {span} ({clock:%H:%M} UTC)"
