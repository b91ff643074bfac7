"""Observing a job: which requests are made, and what becomes a gap."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import GapReason, Part
from bot.domain.jobs import Job, JobState
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.errors import AuthFailed, BadRequest, ConfigError, Unavailable
from bot.providers.observe import ObservationRequest, observe
from tests.fakes.provider import NOW, REF, FakeJobMetricsProvider, FakeProvider
from tests.support.virtual_time import in_virtual_time

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


def request(*, metrics: bool = True, timeout_s: float = 30.0, status_wait_s: float = 5.0) -> ObservationRequest:
    return ObservationRequest(
        REF,
        logs_from_ns=0,
        metrics_from=NOW - timedelta(minutes=4) if metrics else None,
        timeout=timedelta(seconds=timeout_s),
        status_wait=timedelta(seconds=status_wait_s),
    )


async def test_one_request_fetches_job_and_metrics() -> None:
    provider = create_provider()
    seen = await observe(provider, request(), NOW)
    assert (JOB, SERIES, ()) == (seen.job, seen.series, seen.gaps)
    assert (1, 0) == requests(provider)


async def test_without_metric_rules_only_the_job_is_requested() -> None:
    provider = create_provider()
    seen = await observe(provider, request(metrics=False), NOW)
    assert (JOB, ()) == (seen.job, seen.series)
    assert (0, 1) == requests(provider)


async def test_metrics_without_the_job_cause_a_second_request() -> None:
    provider = create_provider(job_in_metrics=False)
    seen = await observe(provider, request(), NOW)
    assert (JOB, SERIES, ()) == (seen.job, seen.series, seen.gaps)
    assert (1, 1) == requests(provider)


async def test_failing_metrics_do_not_hide_the_status() -> None:
    seen = await observe(create_provider(metrics_error=Unavailable("down")), request(), NOW)
    assert (JOB, [Part.METRICS]) == (seen.job, [gap.part for gap in seen.gaps])


@in_virtual_time
async def test_hanging_metrics_do_not_hide_the_status() -> None:
    """Even when the timeout is shorter than the usual wait for the status."""
    seen = await observe(create_provider(metrics_s=60.0), request(timeout_s=0.2), NOW)
    assert (JOB, [Part.METRICS]) == (seen.job, [gap.part for gap in seen.gaps])


@in_virtual_time
async def test_a_job_that_arrives_late_with_its_metrics_is_used() -> None:
    """Where requests queue, the one for the status is sent after the one for the metrics."""
    provider = create_provider()
    provider.metrics_s, provider.status_s = 0.05, 60.0
    seen = await asyncio.wait_for(observe(provider, request(status_wait_s=0.01), NOW), 1)
    assert (JOB, SERIES, ()) == (seen.job, seen.series, seen.gaps)
    assert (1, 1) == requests(provider)


@in_virtual_time
async def test_a_failing_status_does_not_hide_a_job_that_arrives_late_with_its_metrics() -> None:
    provider = create_provider()
    provider.metrics_s, provider.status_error = 0.05, Unavailable("down")
    seen = await observe(provider, request(status_wait_s=0.01), NOW)
    assert (JOB, SERIES, ()) == (seen.job, seen.series, seen.gaps)


@in_virtual_time
async def test_any_other_error_is_raised_unchanged_and_cancels_the_other_requests() -> None:
    """Not as an ExceptionGroup, whose message nobody could show."""
    provider = create_provider(metrics_error=ConfigError("Set the key."))
    provider.logs_s = 60.0
    with pytest.raises(ConfigError, match="Set the key"):
        await observe(provider, request(), NOW)
    assert 0 == provider.open_log_queries


async def test_a_log_error_is_a_gap_unless_the_caller_wants_it_raised() -> None:
    provider = create_provider()
    provider.log_errors = itertools.repeat(AuthFailed("The key was refused."))
    seen = await observe(provider, request(), NOW)
    assert [(Part.LOGS, "The key was refused.")] == [(gap.part, gap.public) for gap in seen.gaps]
    with pytest.raises(AuthFailed):
        await observe(provider, replace(request(), fatal_log_errors=(AuthFailed,)), NOW)


async def test_an_expired_cursor_resumes_before_it_and_leaves_a_gap() -> None:
    provider = create_provider()
    provider.log(REF.id, "old", at=NOW - timedelta(hours=1))
    provider.log(REF.id, "new", at=NOW)
    first = await observe(provider, request(), NOW)
    assert first.cursor is not None
    provider.lost_cursor = first.cursor.state
    resume = replace(request(), cursor=first.cursor, resume_from_ns=ns_from_datetime(NOW))
    seen = await observe(provider, replace(resume, fatal_log_errors=(BadRequest,)), NOW)
    assert ["new"] == [line.message for line in seen.lines]
    (gap,) = seen.gaps
    assert GapReason.UNREACHABLE_LINES is gap.reason
    assert gap.public.startswith("The log cursor expired; resumed from 12:00 UTC.")
