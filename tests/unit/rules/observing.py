"""Short builders of observations, for the tests of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from bot.domain.alerts import Memory
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import Level, LogLine
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.domain.observations import Observation
from bot.domain.subscriptions import Setting
from bot.rules.catalog import rule_named
from bot.rules.rule import Context

START = datetime(2026, 3, 13, 10, tzinfo=UTC)
REF = JobRef("baseten", "proj/job")
MINUTE = timedelta(minutes=1)


def job(state: JobState = JobState.RUNNING, status: str = "TRAINING_JOB_RUNNING", error: str | None = None) -> Job:
    return Job(REF, state, status, name="llama", error=error, created_at=START - timedelta(hours=3), updated_at=START)


def line(message: str, *, level: Level | None = None, second: float = 0, replica: str | None = None) -> LogLine:
    return LogLine(ns_from_datetime(START + timedelta(seconds=second)), message, replica=replica, level=level)


def gpu(values: Iterable[float], *, index: int = 0, node: str | None = None, start: datetime = START) -> MetricSeries:
    points = tuple(MetricPoint(value, start + minute * MINUTE) for minute, value in enumerate(values))
    return MetricSeries(GPU_UTILIZATION, points, node=node, gpu=index)


def gap(part: Part, reason: GapReason = GapReason.UNAVAILABLE) -> Gap:
    return Gap(part, reason, "The platform cannot be reached.")


def context(
    rule: str,
    observation: Observation,
    settings: Mapping[str, Setting] | None = None,
    memory: Memory | None = None,
) -> Context:
    found = rule_named(rule)
    assert found is not None
    return Context(observation, found.fill(settings or {}), memory or {})
