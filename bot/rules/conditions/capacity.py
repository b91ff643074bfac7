"""Conditions: memory or a disk that is full, or will be soon at the rate it grows.

GPU memory that stands at 97 % is how training is meant to be, so there only growth counts; host memory and disks are
told when nearly full, too. What is said of a prediction is frozen when it is made and changed only when the prediction
moves far: a clock time that shifts by a minute at every poll is of no use. The estimate is in `metric_growth.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.domain.alerts import Clear, Evidence, Finding, Memory, Unknown, Verdict
from bot.domain.durations import format_duration
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
    dump_histories,
    first_sample,
    fresh_ones,
    gpu_name,
    moment,
    name_list,
    not_judged,
    take,
)
from bot.rules.rule import Context

PER_WINDOW = 20
"""Buckets in a window; growth is looked for in all of it and, to be sooner, in its newer half."""
HALF = PER_WINDOW // 2
HYSTERESIS = 0.05
"""So far below a threshold the level must come to be normal again."""
MOVED = timedelta(minutes=10)
"""A predicted moment is told anew when it moved by more than this and by more than half of the time left."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is said of one kind of limit."""

    of: str
    """What stands before a name in a sentence."""
    over: str
    """What to try when it is full."""
    growing: str
    """What to try when it fills."""


@dataclass(frozen=True, slots=True)
class _Pressure:
    """One thing that is full or fills up, as it was told."""

    since: datetime
    said: datetime
    """When the prediction was made."""
    due: datetime | None
    """When it is full at the rate it grew; None: it is over the threshold."""
    seen: datetime
    """The newest poll that saw it so."""


_GPU = _Kind(
    "The memory of ",
    "",
    "Save a checkpoint now. Then look for tensors kept from step to step (losses added up without `.item()`, lists of"
    " outputs) and for batches or sequences that grow.",
)
_HOST = _Kind(
    "",
    "The kernel ends the program when it is full: use fewer data loader workers, or smaller caches and batches.",
    "Probably a leak: data loader workers copying Python objects, caches without a bound, or logs kept in memory.",
)
_DISK = _Kind(
    "",
    "A full disk ends the run at its next checkpoint: delete old checkpoints, caches and core dumps.",
    "Keep fewer checkpoints (`save_total_limit`), or write them to a bucket; caches and logs can be moved as well.",
)
_DISKS = {EPHEMERAL_STORAGE_UTILIZATION: "ephemeral storage", CACHE_UTILIZATION: "cache"}


def gpu_memory_pressure(context: Context) -> tuple[Verdict, Memory]:
    """Holds while a GPU's memory is above `from` and grows so that it is full within `horizon`."""
    series = {gpu_name(one): (one.points, one.limit) for one in context.observation.series if one.name == GPU_MEMORY}
    return _judge(context, series, _GPU)


def host_memory_pressure(context: Context) -> tuple[Verdict, Memory]:
    """Holds while a machine's memory is over `threshold`, or above `from` and full within `horizon`."""
    series = {
        _of("host memory", one): (one.points, one.limit) for one in context.observation.series if one.name == MEMORY
    }
    return _judge(context, series, _HOST)


def storage_pressure(context: Context) -> tuple[Verdict, Memory]:
    """Holds while ephemeral storage or the cache is over `threshold`, or above `from` and full within `horizon`."""
    series = {_of(_DISKS[one.name], one): (one.points, 1.0) for one in context.observation.series if one.name in _DISKS}
    return _judge(context, series, _DISK)


def _of(what: str, series: MetricSeries) -> str:
    return f"{what} of {series.node}" if series.node else what


def _judge(
    context: Context, series: Mapping[str, tuple[Sequence[MetricPoint], float | None]], kind: _Kind
) -> tuple[Verdict, Memory]:
    answer = not_judged(context)
    if answer is not None:
        return answer
    now = context.observation.at
    levels = {name: (points, limit) for name, (points, limit) in series.items() if points and limit}
    first_at = first_sample(context.memory, (points for points, _ in levels.values()))
    if first_at is None:
        return Unknown(), context.memory
    buckets = Buckets.of(context.span("window"), PER_WINDOW, keep=PER_WINDOW)
    histories = take(context.memory, levels, buckets, now)
    fresh = fresh_ones(histories, buckets, now)
    begin = buckets.index(first_at + context.span("warmup")) + 1
    told = {name: one for name, one in _load(context.memory).items() if name in histories}
    for name, history in fresh.items():
        pressure = _pressure(context, history, begin, told.pop(name, None), buckets)
        if pressure is not None:
            told[name] = pressure
    memory = {"first_at": first_at.isoformat(), **dump_histories(histories, buckets), "told": _dump(told)}
    shown = {name: one for name, one in told.items() if name in fresh}
    if not shown:
        return (Unknown() if told or not fresh else Clear()), memory
    return Finding(_evidence(shown, kind, context)), memory


def _pressure(
    context: Context, history: History, begin: int, before: _Pressure | None, buckets: Buckets
) -> _Pressure | None:
    now = context.observation.at
    since = before.since if before else now
    if _is_over(context, history, before):
        return _Pressure(since, now, None, now)
    due = _due(context, history, begin, buckets)
    soon = due is not None and due - now <= context.span("horizon")
    if before is None or before.due is None:
        return _Pressure(now, now, due, now) if soon else None
    if due is None:
        level = history.values[-1]
        low = level is not None and level < context.ratio("from") - HYSTERESIS
        return None if low or now - before.seen >= context.span("window") / 2 else before
    moved = abs(due - before.due)
    if moved <= MOVED or moved <= (before.due - now) / 2:
        return replace(before, seen=now)
    return _Pressure(since, now, due, now) if due - now <= 2 * context.span("horizon") else None


def _is_over(context: Context, history: History, before: _Pressure | None) -> bool:
    """Over the threshold; then until it is clearly below."""
    level = history.values[-1]
    if "threshold" not in context.parameters or level is None:
        return before is not None and before.due is None
    held = before is not None and before.due is None
    return level >= context.ratio("threshold") - (HYSTERESIS if held else 0.0)


def _due(context: Context, history: History, begin: int, buckets: Buckets) -> datetime | None:
    """When it is full at the rate it grows, None when it is far from full or does not grow."""
    level = history.values[-1]
    if level is None or level < context.ratio("from"):
        return None
    judged = history.values[max(0, begin - history.last + len(history.values) - 1) :]
    if len(judged) < HALF:
        return None
    grown = [growth for part in (judged, judged[-HALF:]) if (growth := steady_growth(part)) is not None]
    if not grown:
        return None
    left = min(growth.values_left for growth in grown)
    if left > 10_000:
        return None
    return buckets.start(history.last) + buckets.span * (left + 0.5)


def _evidence(told: Mapping[str, _Pressure], kind: _Kind, context: Context) -> Evidence:
    full = [name for name, one in told.items() if one.due is None]
    filling = {name: (one.said, one.due) for name, one in told.items() if one.due is not None}
    facts = []
    sentences = []
    if full:
        share = f"{context.ratio('threshold'):.0%}"
        facts.append((f"Over {share}", name_list(full)))
        sentences.append(f"Over {share} full: {name_list(full)}.")
    if filling:
        said, due = min(filling.values(), key=lambda one: one[1])
        first = min(name for name, one in filling.items() if one[1] == due)
        facts.append(("Grows", name_list(filling)))
        facts.append(("Predicted at", f"{said:%H:%M} UTC, from the last {format_duration(context.span('window'))}"))
        who = f"{kind.of}{first}"
        sentences.append(f"{who[0].upper()}{who[1:]} grows: full {_when(said, due)} at this rate.")
    return Evidence(
        summary=" ".join(sentences),
        facts=tuple(facts),
        hint=kind.over if full else kind.growing,
        count=len(told),
        first_at=min(one.since for one in told.values()),
    )


def _when(said: datetime, due: datetime) -> str:
    """A coarse span and the clock time, to five minutes: "in about 40 min (11:10 UTC)"."""
    tens = round((due - said).total_seconds() / 600)
    if tens < 1:
        return "within minutes"
    span = f"{10 * tens} min" if tens < 9 else f"{round(tens / 3) / 2:g} h"
    clock = datetime.fromtimestamp(round(due.timestamp() / 300) * 300, UTC)
    return f"in about {span} ({clock:%H:%M} UTC)"


def _load(memory: Memory) -> dict[str, _Pressure]:
    stored = memory.get("told")
    loaded: dict[str, _Pressure] = {}
    for name, row in stored.items() if isinstance(stored, dict) else ():
        since, seen = moment(row.get("since")), moment(row.get("seen"))
        if since is not None and seen is not None:
            loaded[name] = _Pressure(since, moment(row.get("said")) or since, moment(row.get("due")), seen)
    return loaded


def _dump(told: Mapping[str, _Pressure]) -> dict[str, dict[str, object]]:
    return {
        name: {
            "since": one.since.isoformat(),
            "said": one.said.isoformat(),
            "due": one.due.isoformat() if one.due else None,
            "seen": one.seen.isoformat(),
        }
        for name, one in told.items()
    }
