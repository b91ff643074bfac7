"""Condition: GPUs that do little, judged GPU by GPU and node by node, and never from missing samples.

Each GPU is a small state machine fed with the samples that came since the last poll: low since when, and whether it has
been low for the hold time. The hold is kept here and not in the lifecycle, because two GPUs that take turns being low
are not one GPU that is low for a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.alerts import Clear, Evidence, Finding, Memory, Unknown, Verdict
from bot.domain.durations import format_duration
from bot.domain.gaps import Part
from bot.domain.jobs import JobState
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.rules.rule import Context

MAX_SAMPLE_GAP = timedelta(minutes=5)
"""Time between two samples that is not counted as low: nobody saw what the GPU did."""

STALE_AFTER = timedelta(minutes=10)
"""A GPU whose newest sample is older says nothing about now."""


@dataclass(frozen=True, slots=True)
class _Gpu:
    """What is remembered of one GPU; times are ISO 8601 so that it can be stored."""

    last_at: datetime | None = None
    low_since: datetime | None = None
    low: bool = False


@dataclass(frozen=True, slots=True)
class _Limits:
    threshold: float
    recovery: float
    hold: timedelta


def low_gpu_utilization(context: Context) -> tuple[Verdict, Memory]:
    """Holds while any GPU's utilisation was below `threshold` for `for`, until it reaches `recovery`."""
    observation = context.observation
    job = observation.job
    if job is not None and job.state is not JobState.RUNNING:
        return (Clear(), {}) if job.state.is_terminal or job.state.is_pending else (Unknown(), context.memory)
    series = [one for one in observation.series if one.name == GPU_UTILIZATION and one.points]
    if job is None or observation.gap(Part.METRICS) or not series:
        return Unknown(), context.memory
    stored = context.memory.get("gpus")
    known = {name: _load(row) for name, row in stored.items()} if isinstance(stored, dict) else {}
    first_at = _first_sample(context.memory, series)
    threshold = context.ratio("threshold")
    limits = _Limits(threshold, max(threshold, context.ratio("recovery")), context.span("for"))
    begin = first_at + context.span("warmup")
    for one in series:
        name = gpu_name(one)
        known[name] = _advance(known.get(name, _Gpu()), one.points, limits, begin)
    memory = {"first_at": first_at.isoformat(), "gpus": {name: _dump(gpu) for name, gpu in known.items()}}
    fresh = {name: gpu for name, gpu in known.items() if gpu.last_at and observation.at - gpu.last_at < STALE_AFTER}
    if not fresh:
        return Unknown(), memory
    low = {name: gpu for name, gpu in fresh.items() if gpu.low}
    if not low:
        return Clear(), memory
    return Finding(_evidence(low, len(fresh), limits)), memory


def gpu_name(series: MetricSeries) -> str:
    """How people call one GPU: `GPU 3`, or `node-1 GPU 3` when there are nodes."""
    gpu = f"GPU {series.gpu}" if series.gpu is not None else "GPUs"
    return f"{series.node} {gpu}" if series.node else gpu


def _advance(gpu: _Gpu, points: Iterable[MetricPoint], limits: _Limits, begin: datetime) -> _Gpu:
    last_at, low_since, low = gpu.last_at, gpu.low_since, gpu.low
    for point in points:
        at = point.at
        if at is None or (last_at is not None and at <= last_at):
            continue
        unseen = last_at is not None and at - last_at > MAX_SAMPLE_GAP
        if low:
            low = point.value < limits.recovery
            low_since = low_since if low else None
        elif point.value >= limits.threshold or at < begin:
            low_since = None
        else:
            low_since = at if low_since is None or unseen else low_since
            low = at - low_since >= limits.hold
        last_at = at
    return _Gpu(last_at, low_since, low)


def _evidence(low: dict[str, _Gpu], seen: int, limits: _Limits) -> Evidence:
    since = min(gpu.low_since for gpu in low.values() if gpu.low_since)
    names = sorted(low, key=_natural)
    shown = ", ".join(names[:8])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    held = format_duration(limits.hold)
    return Evidence(
        summary=f"{len(low)} of {seen} GPUs below {limits.threshold:.0%} for {held} or longer.",
        facts=(("Low", shown + more), ("Back to normal at", f"{limits.recovery:.0%}")),
        hint="Often the data loader: check its workers and the storage. A hang looks the same.",
        count=len(low),
        first_at=since,
    )


def _natural(name: str) -> tuple[str, int]:
    head, _, number = name.rpartition(" ")
    return head, int(number) if number.isdigit() else -1


def _first_sample(memory: Memory, series: list[MetricSeries]) -> datetime:
    earliest = min(point.at for one in series for point in one.points if point.at is not None)
    stored = memory.get("first_at")
    return min(earliest, datetime.fromisoformat(stored)) if isinstance(stored, str) else earliest


def _load(row: object) -> _Gpu:
    if not isinstance(row, dict):
        return _Gpu()
    last_at, low_since = row.get("last_at"), row.get("low_since")
    return _Gpu(
        last_at=datetime.fromisoformat(last_at) if isinstance(last_at, str) else None,
        low_since=datetime.fromisoformat(low_since) if isinstance(low_since, str) else None,
        low=row.get("low") is True,
    )


def _dump(gpu: _Gpu) -> dict[str, object]:
    return {
        "last_at": gpu.last_at.isoformat() if gpu.last_at else None,
        "low_since": gpu.low_since.isoformat() if gpu.low_since else None,
        "low": gpu.low,
    }
