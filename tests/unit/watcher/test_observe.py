"""What one look asks for: the job comes with the metrics where a platform tells both, and never waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.gaps import Part
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogPage, LogQuery
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricQuery, MetricSeries
from bot.errors import ProviderError, Unavailable
from bot.watcher import observe as observing
from bot.watcher.observe import Look, observe

NOW = datetime(2026, 3, 13, 10, tzinfo=UTC)
REF = JobRef("cloud", "run-1")
JOB = Job(REF, JobState.RUNNING, "RUNNING")
SERIES = (MetricSeries(GPU_UTILIZATION, (MetricPoint(0.9, NOW),)),)


class Cloud:
    """A platform whose metrics answer holds the job; keeps what was asked."""

    name = "cloud"
    ref_help = "cloud:<id>"

    def __init__(self, told: Job | None = JOB, error: ProviderError | None = None, *, hangs: bool = False) -> None:
        self.told, self.error, self.hangs = told, error, hangs
        self.asked: list[str] = []

    def parse_ref(self, text: str) -> JobRef | None:
        return JobRef("cloud", text)

    async def get_job(self, job: JobRef) -> Job:
        self.asked.append("job")
        return JOB

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        return []

    async def query_logs(self, query: LogQuery) -> LogPage:
        return LogPage([], None, more=False)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        return (await self.query_job_metrics(query))[1]

    async def query_job_metrics(self, query: MetricQuery) -> tuple[Job | None, Sequence[MetricSeries]]:
        self.asked.append("metrics")
        if self.hangs:
            await asyncio.sleep(60)
        if self.error:
            raise self.error
        return self.told, SERIES

    async def aclose(self) -> None:
        return None


def look(*, metrics: bool = True, limit: timedelta = timedelta(seconds=30)) -> Look:
    return Look(REF, None, 0, timedelta(0), NOW - timedelta(minutes=4) if metrics else None, limit=limit)


async def test_job_and_metrics_come_of_one_request() -> None:
    cloud = Cloud()
    seen = await observe(cloud, look(), NOW)
    assert (JOB, SERIES, ()) == (seen.observation.job, seen.observation.series, seen.observation.gaps)
    assert ["metrics"] == cloud.asked


async def test_the_job_alone_is_asked_for_when_no_rule_wants_metrics() -> None:
    cloud = Cloud()
    seen = await observe(cloud, look(metrics=False), NOW)
    assert (JOB, ()) == (seen.observation.job, seen.observation.series)
    assert ["job"] == cloud.asked


async def test_an_answer_without_the_job_costs_a_second_request() -> None:
    cloud = Cloud(told=None)
    seen = await observe(cloud, look(), NOW)
    assert (JOB, SERIES, ()) == (seen.observation.job, seen.observation.series, seen.observation.gaps)
    assert ["metrics", "job"] == cloud.asked


async def test_metrics_that_fail_hide_no_status() -> None:
    seen = await observe(Cloud(error=Unavailable("down")), look(), NOW)
    assert (JOB, [Part.METRICS]) == (seen.observation.job, [gap.part for gap in seen.observation.gaps])


async def test_metrics_that_hang_hide_no_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "PATIENCE_S", 0.01)
    seen = await observe(Cloud(hangs=True), look(limit=timedelta(seconds=0.1)), NOW)
    assert (JOB, [Part.METRICS]) == (seen.observation.job, [gap.part for gap in seen.observation.gaps])
