"""What one look asks for: the job comes with the metrics where a platform tells both, and never waits for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.gaps import Part
from bot.domain.jobs import Job, JobState
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.errors import ConfigError, Unavailable
from bot.watcher import observe as observing
from bot.watcher.observe import Look, observe
from tests.fakes.provider import NOW, REF, FakeJobMetricsProvider, FakeProvider

JOB = Job(REF, JobState.RUNNING, "RUNNING")
SERIES = (MetricSeries(GPU_UTILIZATION, (MetricPoint(0.9, NOW),)),)


def create_provider(
    *, job_in_metrics: bool = True, metrics_error: Exception | None = None, metrics_s: float = 0.0
) -> FakeJobMetricsProvider:
    """A platform whose metrics response also contains the job."""
    return FakeJobMetricsProvider(
        jobs={REF.id: JOB},
        series=SERIES,
        job_in_metrics=job_in_metrics,
        metrics_error=metrics_error,
        metrics_s=metrics_s,
    )


def requests(provider: FakeProvider) -> tuple[int, int]:
    """How many metric queries and how many status requests were made."""
    return len(provider.metric_queries), len(provider.job_queries)


def look(*, metrics: bool = True, limit: timedelta = timedelta(seconds=30)) -> Look:
    return Look(REF, None, 0, timedelta(0), NOW - timedelta(minutes=4) if metrics else None, limit=limit)


async def test_job_and_metrics_come_of_one_request() -> None:
    provider = create_provider()
    seen = await observe(provider, look(), NOW)
    assert (JOB, SERIES, ()) == (seen.observation.job, seen.observation.series, seen.observation.gaps)
    assert (1, 0) == requests(provider)


async def test_the_job_alone_is_asked_for_when_no_rule_wants_metrics() -> None:
    provider = create_provider()
    seen = await observe(provider, look(metrics=False), NOW)
    assert (JOB, ()) == (seen.observation.job, seen.observation.series)
    assert (0, 1) == requests(provider)


async def test_an_answer_without_the_job_costs_a_second_request() -> None:
    provider = create_provider(job_in_metrics=False)
    seen = await observe(provider, look(), NOW)
    assert (JOB, SERIES, ()) == (seen.observation.job, seen.observation.series, seen.observation.gaps)
    assert (1, 1) == requests(provider)


async def test_metrics_that_fail_hide_no_status() -> None:
    seen = await observe(create_provider(metrics_error=Unavailable("down")), look(), NOW)
    assert (JOB, [Part.METRICS]) == (seen.observation.job, [gap.part for gap in seen.observation.gaps])


async def test_metrics_that_hang_hide_no_status() -> None:
    """However short a look may be."""
    seen = await observe(create_provider(metrics_s=60.0), look(limit=timedelta(seconds=0.2)), NOW)
    assert (JOB, [Part.METRICS]) == (seen.observation.job, [gap.part for gap in seen.observation.gaps])


async def test_a_job_that_comes_late_with_its_metrics_need_not_come_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests wait for their turn, the one for the status stands behind the one for the metrics."""
    monkeypatch.setattr(observing, "PATIENCE_S", 0.01)
    provider = create_provider()
    provider.metrics_s, provider.status_s = 0.05, 60.0
    seen = await asyncio.wait_for(observe(provider, look(), NOW), 5)
    assert (JOB, SERIES, ()) == (seen.observation.job, seen.observation.series, seen.observation.gaps)
    assert (1, 1) == requests(provider)


async def test_a_status_that_fails_hides_no_job_that_comes_late_with_its_metrics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observing, "PATIENCE_S", 0.01)
    provider = create_provider()
    provider.metrics_s, provider.status_error = 0.05, Unavailable("down")
    seen = await observe(provider, look(), NOW)
    assert (JOB, SERIES, ()) == (seen.observation.job, seen.observation.series, seen.observation.gaps)


async def test_any_other_error_is_raised_as_it_is_and_ends_the_look() -> None:
    """No group of errors, of which nobody could tell what to say; and no request goes on that nobody waits for."""
    provider = create_provider(metrics_error=ConfigError("Set the key."))
    provider.logs_s = 60.0
    with pytest.raises(ConfigError, match="Set the key"):
        await observe(provider, look(), NOW)
    assert 0 == provider.open_log_queries
