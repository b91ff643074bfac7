"""Failing requests of a deployment: counted over a window, across polls that overlap, and never from a few requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.domain.alerts import Clear, Finding, Memory, Unknown, Verdict
from bot.domain.jobs import JobState
from bot.domain.metrics import REPLICAS, REQUESTS, REQUESTS_FAILED, MetricPoint, MetricSeries
from bot.domain.observations import Observation
from bot.domain.subscriptions import Setting
from bot.rules.conditions.failed_requests import failed_requests
from tests.unit.rules.observing import REF, START, context, gpu, job

Rate = Callable[[float], float]
"""Requests per second at a minute."""
STEP = timedelta(seconds=30)


def poll(minute: float, total: Rate, failed: Rate, span: float = 4) -> tuple[MetricSeries, ...]:
    """What a poll reads: the steps of the last minutes, the newest of which has only just begun."""
    count = round(span * 2)
    times = [START + timedelta(minutes=minute) - STEP * back for back in range(count, -1, -1)]
    minutes = [(at - START).total_seconds() / 60 for at in times]
    return tuple(
        MetricSeries(name, tuple(MetricPoint(rate(when), at) for when, at in zip(minutes, times, strict=True)))
        for name, rate in ((REQUESTS, total), (REQUESTS_FAILED, failed))
    )


def verdicts(
    total: Rate, failed: Rate, *, until: int = 20, settings: dict[str, Setting] | None = None
) -> list[Verdict]:
    """Poll once a minute; the memory goes through JSON as it does in the database."""
    memory: Memory = {}
    found = []
    for minute in range(1, until):
        at = START + timedelta(minutes=minute)
        observation = Observation(REF, at, job(), series=poll(minute, total, failed))
        verdict, memory = failed_requests(context("failed_requests", observation, settings or {}, memory))
        memory = json.loads(json.dumps(memory))
        found.append(verdict)
    return found


def between(first: float, last: float, value: float) -> Rate:
    return lambda minute: value if first <= minute < last else 0.0


def firing(found: list[Verdict]) -> list[int]:
    """The minutes in which it holds."""
    return [minute for minute, verdict in enumerate(found, 1) if isinstance(verdict, Finding)]


@pytest.mark.parametrize(
    ("total", "failed", "fires"),
    [
        (lambda _: 10.0, lambda _: 0.0, False),
        (lambda _: 10.0, lambda _: 0.9, False),
        (lambda _: 10.0, lambda _: 1.1, True),
        (lambda _: 0.05, lambda _: 0.05, False),  # fifteen requests in five minutes
        (lambda _: 0.0, lambda _: 0.0, False),
        (lambda _: 10.0, between(5, 5.2, 9.0), False),  # one bad step
        (lambda _: 10.0, between(5, 7, 10.0), True),
    ],
)
def test_a_share_of_the_requests_in_the_window_fires(total: Rate, failed: Rate, *, fires: bool) -> None:
    assert bool(firing(verdicts(total, failed))) is fires


def test_it_ends_below_the_recovery_and_names_the_beginning() -> None:
    found = verdicts(lambda _: 10.0, between(6, 9, 5.0))
    minutes = firing(found)
    assert minutes == list(range(minutes[0], minutes[-1] + 1))
    assert (minutes[0], minutes[-1]) == (7, 13)
    verdict = found[minutes[0] - 1]
    assert isinstance(verdict, Finding)
    assert verdict.evidence.first_at == START + timedelta(minutes=6)
    assert verdict.evidence.summary.endswith("of the requests in 5 min were answered with 5xx.")


def test_the_message_changes_only_when_the_share_doubles() -> None:
    found = verdicts(lambda _: 10.0, lambda minute: min(minute, 10.0) / 2)
    texts = [verdict.evidence.summary for verdict in found if isinstance(verdict, Finding)]
    assert 1 < len(set(texts)) <= 4


def test_polls_that_overlap_count_each_request_once() -> None:
    often = verdicts(lambda _: 10.0, between(6, 9, 5.0), until=12)
    assert firing(often) == [7, 8, 9, 10, 11]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ((), Clear),
        ((gpu([0.9] * 5),), Clear),  # a training job
        ((MetricSeries(REPLICAS, (MetricPoint(1.0, START),)),), Unknown),  # requests are not measured
        ((MetricSeries(REQUESTS, ()), MetricSeries(REQUESTS_FAILED, ())), Unknown),
    ],
)
def test_without_counts_nothing_fires(series: tuple[MetricSeries, ...], expected: type[Verdict]) -> None:
    observation = Observation(REF, START, job(), series=series)
    assert isinstance(failed_requests(context("failed_requests", observation))[0], expected)


def test_a_deployment_that_does_not_run_is_not_judged() -> None:
    series = poll(10, lambda _: 10.0, lambda _: 10.0, span=9)
    observation = Observation(REF, START + timedelta(minutes=10), job(JobState.UNHEALTHY), series=series)
    assert isinstance(failed_requests(context("failed_requests", observation))[0], Unknown)
