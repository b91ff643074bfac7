"""Condition: GPUs that do little, judged GPU by GPU and node by node, and never from missing samples.

Each GPU is a small state machine fed with the samples that came since the last poll: low since when, and whether it has
been low for the hold time. The hold is kept here and not in the lifecycle, because two GPUs that take turns being low
are not one GPU that is low for a quarter of an hour. Why they may be low is guessed in `metric_causes.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.alerts import Clear, Evidence, Finding, Memory, Unknown, Verdict
from bot.domain.durations import format_duration
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.rules.metrics.causes import GUESSES, Cause, guess_cause
from bot.rules.metrics.samples import (
    FORGET_AFTER,
    STALE_AFTER,
    first_sample,
    first_since,
    gpu_name,
    moment,
    name_list,
    named,
    not_judged,
)
from bot.rules.rule import Context

MAX_SAMPLE_GAP = timedelta(minutes=5)
"""Time between two samples that is not counted as low: nobody saw what the GPU did."""

MAX_SMOOTHING = timedelta(minutes=1)
"""A peak counts by the average of the time around it, at most so long, so that a GPU that works for five seconds in
every minute is low; less for a short hold time."""


@dataclass(frozen=True, slots=True)
class _Gpu:
    """What is remembered of one GPU; times are ISO 8601 so that it can be stored."""

    last_at: datetime | None = None
    low_since: datetime | None = None
    low: bool = False


_UNSEEN = _Gpu()


@dataclass(frozen=True, slots=True)
class _Limits:
    threshold: float
    recovery: float
    hold: timedelta

    @property
    def smoothing(self) -> timedelta:
        return min(MAX_SMOOTHING, self.hold / 15)


def low_gpu_utilization(context: Context) -> tuple[Verdict, Memory]:
    """Holds while any GPU's utilisation was below `threshold` for `for`, until it reaches `recovery`."""
    answer = not_judged(context)
    if answer is not None:
        return answer
    now = context.observation.at
    series = named(context, GPU_UTILIZATION)
    first_at = first_sample(context.memory, (one.points for one in series))
    if not series or first_at is None:
        return Unknown(), context.memory
    threshold = context.ratio("threshold")
    limits = _Limits(threshold, max(threshold, context.ratio("recovery")), context.span("for"))
    known = _remembered(context.memory, now)
    begin = first_at + context.span("warmup")
    for one in series:
        name = gpu_name(one)
        known[name] = _advance(known.get(name, _UNSEEN), one.points, limits, begin)
    active = context.memory.get("active") is True or _works(series, limits)
    memory: dict[str, object] = {
        "first_at": first_at.isoformat(),
        "active": active,
        "gpus": {name: _dump(gpu) for name, gpu in known.items()},
    }
    fresh = {name for name, gpu in known.items() if gpu.last_at and now - gpu.last_at < STALE_AFTER}
    low = {name: gpu.low_since for name, gpu in known.items() if gpu.low and gpu.low_since}
    judged = {name: since for name, since in low.items() if name in fresh}
    if not judged:
        return (Unknown() if low or not fresh else Clear()), memory
    cause = _cause(context, judged, sorted(fresh), active=active)
    memory["cause"] = {"of": sorted(judged), "is": cause.value}
    return Finding(_evidence(judged, len(fresh), limits, cause)), memory


def _advance(gpu: _Gpu, points: Sequence[MetricPoint], limits: _Limits, begin: datetime) -> _Gpu:
    last_at, low_since, low = gpu.last_at, gpu.low_since, gpu.low
    for place in range(0 if last_at is None else first_since(points, last_at), len(points)):
        value, at, _ = points[place]
        if at is None or not math.isfinite(value) or (last_at is not None and at <= last_at):
            continue
        if low:
            low = _mean_around(points, place, limits.smoothing) < limits.recovery
            low_since = low_since if low else None
        elif at < begin:
            low_since = None
        elif low_since is None or last_at is None or at - last_at > MAX_SAMPLE_GAP:
            low_since = at if value < limits.threshold else None
        elif value >= limits.threshold and _mean_around(points, place, limits.smoothing, low_since) >= limits.threshold:
            low_since = None
        else:
            low = at - low_since >= limits.hold
        last_at = at
    return _Gpu(last_at, low_since, low)


def _mean_around(
    points: Sequence[MetricPoint], place: int, smoothing: timedelta, since: datetime | None = None
) -> float:
    """The mean of a sample and of those less than `smoothing` before it, none before `since`."""
    value, newest, _ = points[place]
    assert newest is not None
    values = [value]
    for value, at, _ in reversed(points[:place]):
        if at is None or not math.isfinite(value):
            continue
        if newest - at >= smoothing or (since is not None and at < since):
            break
        values.append(value)
    return math.fsum(values) / len(values)


def _works(series: Iterable[MetricSeries], limits: _Limits) -> bool:
    return any(point.value >= limits.recovery for one in series for point in one.points)


def _cause(context: Context, low: Mapping[str, datetime], seen: list[str], *, active: bool) -> Cause:
    """Guessed once for each set of low GPUs: a guess that changes from poll to poll would be of no use."""
    stored = context.memory.get("cause")
    if isinstance(stored, dict) and stored.get("of") == sorted(low) and stored.get("is") in GUESSES:
        return Cause(str(stored.get("is")))
    return guess_cause(context.observation.series, low, seen, was_active=active)


def _evidence(low: Mapping[str, datetime], seen: int, limits: _Limits, cause: Cause) -> Evidence:
    guess = GUESSES[cause]
    held = format_duration(limits.hold)
    return Evidence(
        summary=f"{len(low)} of {seen} GPUs below {limits.threshold:.0%} for {held} or longer.",
        facts=(
            ("Low", name_list(low)),
            ("Guessed cause", f"{guess.likely}: {guess.why}"),
            ("Back to normal at", f"{limits.recovery:.0%}"),
        ),
        hint=f"{guess.hint} (This is a guess.)",
        count=len(low),
        first_at=min(low.values()),
    )


def _remembered(memory: Memory, now: datetime) -> dict[str, _Gpu]:
    stored = memory.get("gpus")
    known = {str(name): _load(row) for name, row in stored.items()} if isinstance(stored, dict) else {}
    return {name: gpu for name, gpu in known.items() if gpu.last_at and now - gpu.last_at < FORGET_AFTER}


def _load(row: object) -> _Gpu:
    if not isinstance(row, dict):
        return _Gpu()
    return _Gpu(moment(row.get("last_at")), moment(row.get("low_since")), row.get("low") is True)


def _dump(gpu: _Gpu) -> dict[str, object]:
    """As `_load` reads it: what is None or False is left out, as it is for nearly every GPU."""
    row: dict[str, object] = {"last_at": gpu.last_at.isoformat()} if gpu.last_at else {}
    if gpu.low_since:
        row |= {"low_since": gpu.low_since.isoformat(), "low": gpu.low}
    return row
