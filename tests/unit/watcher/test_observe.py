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
from bot.errors import BotError, ConfigError, ProviderError, Unavailable
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

    def __init__(self, told: Job | None = JOB, error: BotError | None = None, *, hangs: bool = False) -> None:
        self.told, self.error, self.hangs = told, error, hangs
        self.status_error: ProviderError | None = None
        self.metrics_s = self.status_s = self.logs_s = 0.0
        self.asked: list[str] = []
        self.logs_cut = False

    def parse_ref(self, text: str) -> JobRef | None:
        return JobRef("cloud", text)

    async def get_job(self, job: JobRef) -> Job:
        self.asked.append("job")
        await asyncio.sleep(self.status_s)
        if self.status_error:
            raise self.status_error
        return JOB

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        return []

    async def query_logs(self, query: LogQuery) -> LogPage:
        try:
            await asyncio.sleep(self.logs_s)
        except asyncio.CancelledError:
            self.logs_cut = True
            raise
        return LogPage([], None, more=False)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        return (await self.query_job_metrics(query))[1]

    async def query_job_metrics(self, query: MetricQuery) -> tuple[Job | None, Sequence[MetricSeries]]:
        self.asked.append("metrics")
        if self.hangs:
            await asyncio.sleep(60)
        await asyncio.sleep(self.metrics_s)
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


async def test_metrics_that_hang_hide_no_status() -> None:
    """However short a look may be."""
    seen = await observe(Cloud(hangs=True), look(limit=timedelta(seconds=0.2)), NOW)
    assert (JOB, [Part.METRICS]) == (seen.observation.job, [gap.part for gap in seen.observation.gaps])


async def test_a_job_that_comes_late_with_its_metrics_need_not_come_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests wait for their turn, the one for the status stands behind the one for the metrics."""
    monkeypatch.setattr(observing, "PATIENCE_S", 0.01)
    cloud = Cloud()
    cloud.metrics_s, cloud.status_s = 0.05, 60.0
    seen = await asyncio.wait_for(observe(cloud, look(), NOW), 5)
    assert (JOB, SERIES, ()) == (seen.observation.job, seen.observation.series, seen.observation.gaps)
    assert ["metrics", "job"] == cloud.asked


async def test_a_status_that_fails_hides_no_job_that_comes_late_with_its_metrics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observing, "PATIENCE_S", 0.01)
    cloud = Cloud()
    cloud.metrics_s, cloud.status_error = 0.05, Unavailable("down")
    seen = await observe(cloud, look(), NOW)
    assert (JOB, SERIES, ()) == (seen.observation.job, seen.observation.series, seen.observation.gaps)


async def test_any_other_error_is_raised_as_it_is_and_ends_the_look() -> None:
    """No group of errors, of which nobody could tell what to say; and no request goes on that nobody waits for."""
    cloud = Cloud(error=ConfigError("Set the key."))
    cloud.logs_s = 60.0
    with pytest.raises(ConfigError, match="Set the key"):
        await observe(cloud, look(), NOW)
    assert cloud.logs_cut
