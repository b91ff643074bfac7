"""Both Baseten providers meet the provider contract, against the emulator with all its quirks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from bot.domain.gaps import GapReason
from bot.domain.jobs import JobRef
from bot.domain.logs import Level, LogFilter, LogLine, LogQuery, Order
from bot.domain.metrics import GPU_UTILIZATION, MetricQuery
from bot.errors import BadRequest, ProtocolError, RateLimited, Unavailable
from bot.providers.base import Provider
from bot.providers.baseten.api import make_client
from bot.providers.baseten.deployments import BasetenDeployments
from bot.providers.baseten.training import BasetenTraining
from bot.providers.http.client import LimiterPool
from bot.providers.testing import ProviderContract, Subject
from emulator.faults import Fault
from emulator.hardware_metrics import Metrics, steady_node
from emulator.quirks import BasetenQuirks
from emulator.world import Status
from tests.fakes.cloud import KEYS, NOON, Cloud, as_read, running_cloud, some_lines
from tests.support.waiting import eventually

QUIRKS = {
    "as documented": BasetenQuirks(),
    "exclusive bounds": BasetenQuirks(start_inclusive=False, end_inclusive=False),
    "inclusive bounds, shuffled": BasetenQuirks(end_inclusive=True, shuffle_within_ms=True, shuffle_samples=True),
    "capped pages, unknown fields": BasetenQuirks(page_cap=37, extra_fields=True),
    "two-hour windows, GET only, POST 404": BasetenQuirks(
        max_window=timedelta(hours=2), training_methods="get", refused_status=404
    ),
    "POST only, GET 404": BasetenQuirks(training_methods="post", refused_status=404),
    "POST only, GET 501": BasetenQuirks(training_methods="post", refused_status=501),
}


TRAINING_JOB = JobRef("baseten", "qrj8y03/wp11ylw")
DEPLOYMENT = JobRef("baseten-model", "abc1d2ef/xyz123")
LINES = some_lines(300)
READ = tuple(as_read(line) for line in LINES)


@pytest.fixture
async def cloud(response_timeout_s: float) -> AsyncIterator[Cloud]:
    async with running_cloud(response_timeout_s) as cloud:
        long_ago = NOON - timedelta(days=9)
        since = NOON - timedelta(hours=9)
        world = cloud.world
        world.add_training_job("qrj8y03", "wp11ylw", lines=LINES, statuses=[Status(since, "TRAINING_JOB_RUNNING")])
        world.add_training_job("qrj8y03", "older", statuses=[Status(long_ago, "PONDERING")])
        world.add_deployment("abc1d2ef", "xyz123", lines=LINES, statuses=[Status(since, "ACTIVE")])
        world.add_deployment("abc1d2ef", "older", statuses=[Status(long_ago, "DREAMING")])
        yield cloud


@pytest.fixture
async def training(cloud: Cloud) -> AsyncIterator[BasetenTraining]:
    provider = BasetenTraining(make_client("baseten", cloud.config("baseten"), LimiterPool()), cloud.clock)
    yield provider
    await provider.aclose()


@pytest.fixture
async def deployments(cloud: Cloud) -> AsyncIterator[BasetenDeployments]:
    provider = BasetenDeployments(make_client("baseten-model", cloud.config("baseten"), LimiterPool()), cloud.clock)
    yield provider
    await provider.aclose()


class TestBasetenTraining(ProviderContract):
    @pytest.fixture
    async def subject(self, cloud: Cloud, training: BasetenTraining) -> Subject:
        missing = JobRef("baseten", "qrj8y03/nothere")
        return Subject(training, TRAINING_JOB, READ, missing, KEYS.baseten, cloud.failing)


class TestBasetenDeployments(ProviderContract):
    @pytest.fixture
    async def subject(self, cloud: Cloud, deployments: BasetenDeployments) -> Subject:
        missing = JobRef("baseten-model", "abc1d2ef/nothere")
        return Subject(deployments, DEPLOYMENT, READ, missing, KEYS.baseten, cloud.failing)


async def read_all(provider: Provider, query: LogQuery) -> list[LogLine]:
    lines: list[LogLine] = []
    while True:
        page = await provider.query_logs(query)
        lines += page.lines
        if not page.more:
            return lines
        query = replace(query, cursor=page.cursor)


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("quirk", list(QUIRKS))
async def test_quirks_neither_lose_nor_duplicate_lines(
    cloud: Cloud, training: BasetenTraining, deployments: BasetenDeployments, quirk: str, order: Order
) -> None:
    cloud.quirks.baseten = QUIRKS[quirk]
    for provider, job in ((training, TRAINING_JOB), (deployments, DEPLOYMENT)):
        lines = await read_all(provider, LogQuery(job, order=order, limit=150))
        assert Counter(READ) == Counter(lines)
        stamps = [line.timestamp_ns for line in lines]
        assert sorted(stamps, reverse=order is Order.DESC) == stamps


async def test_lines_of_the_oldest_api_version_are_read_exactly(cloud: Cloud, training: BasetenTraining) -> None:
    cloud.quirks.baseten = BasetenQuirks(oldest_fields_only=True, training_methods="post")
    expected = Counter(line._replace(level=None, request_id=None) for line in READ)
    assert expected == Counter(await read_all(training, LogQuery(TRAINING_JOB)))


async def test_compressed_responses_are_read(cloud: Cloud) -> None:
    async with running_cloud(compress=True) as other:
        other.world.add_training_job("p", "j", lines=LINES, statuses=[Status(NOON - timedelta(hours=9), "RUNNING")])
        provider = BasetenTraining(make_client("baseten", other.config("baseten"), LimiterPool()), other.clock)
        assert Counter(READ) == Counter(await read_all(provider, LogQuery(JobRef("baseten", "p/j"))))
        await provider.aclose()


async def test_pushed_down_names_the_filters_that_the_platform_applies(deployments: BasetenDeployments) -> None:
    wanted = LogFilter(Level.INFO, "^ *(step|indented)", ("e",), ("loss",), ("r1abc",), (), None)
    query = LogQuery(DEPLOYMENT, filter=wanted)
    expected = [
        line
        for line in READ
        if line.message.lstrip(" ").startswith(("step", "indented"))
        and "loss" not in line.message
        and line.replica == "r1abc"
    ]
    page = await deployments.query_logs(query)
    assert expected
    assert Counter(expected) == Counter(page.lines)
    assert {"grep", "includes", "excludes", "replicas"} == page.pushed_down


async def test_all_metrics_are_returned(cloud: Cloud, training: BasetenTraining) -> None:
    job = cloud.world.add_training_job("p", "j", metrics=Metrics({"n0": steady_node(2), "n1": steady_node(2)}))
    job.node_count = 2
    query = MetricQuery(JobRef("baseten", "p/j"), NOON - timedelta(minutes=10), NOON, timedelta(minutes=1))
    found = await training.query_metrics(query)
    assert {(GPU_UTILIZATION, node, gpu): 0.94 for node in ("n0", "n1") for gpu in (0, 1)} == {
        (one.name, one.node, one.gpu): one.points[-1].value for one in found if one.name == GPU_UTILIZATION
    }
    assert {"n0", "n1"} == {one.node for one in found}
    assert 2 * (2 + 2 + 1 + 1 + 2) == len(found)


async def test_metrics_of_a_long_window_take_several_requests(cloud: Cloud, training: BasetenTraining) -> None:
    began = Status(NOON - timedelta(days=16), "TRAINING_JOB_RUNNING")
    cloud.world.add_training_job("p", "long", metrics=Metrics({"n0": steady_node(1)}), statuses=[began])
    query = MetricQuery(JobRef("baseten", "p/long"), NOON - timedelta(days=300), NOON, timedelta(hours=1))
    found = {one.name: one for one in await training.query_metrics(query)}
    times = [point.at for point in found[GPU_UTILIZATION].points]
    assert times == [NOON - timedelta(hours=hour) for hour in range(16 * 24, -1, -1)]


async def test_a_long_window_before_the_job_has_no_metrics(cloud: Cloud, training: BasetenTraining) -> None:
    began = Status(NOON - timedelta(days=2), "TRAINING_JOB_RUNNING")
    cloud.world.add_training_job("p", "later", metrics=Metrics({"n0": steady_node(1)}), statuses=[began])
    query = MetricQuery(JobRef("baseten", "p/later"), NOON - timedelta(days=90), NOON - timedelta(days=30))
    assert [one for one in await training.query_metrics(query) if one.points] == []


async def test_metrics_of_years_are_refused_before_they_are_requested(cloud: Cloud, training: BasetenTraining) -> None:
    began = Status(NOON - timedelta(days=900), "TRAINING_JOB_RUNNING")
    cloud.world.add_training_job("p", "ancient", metrics=Metrics({"n0": steady_node(1)}), statuses=[began])
    query = MetricQuery(JobRef("baseten", "p/ancient"), NOON - timedelta(days=800), NOON)
    with pytest.raises(BadRequest, match=r"Metrics of 800 days .* at most 182 days"):
        await training.query_metrics(query)


async def test_a_bare_job_id_is_resolved_by_search(training: BasetenTraining) -> None:
    assert TRAINING_JOB == (await training.get_job(JobRef("baseten", "wp11ylw"))).ref


async def test_a_new_deployment_without_a_log_gives_an_empty_page(
    cloud: Cloud, deployments: BasetenDeployments
) -> None:
    cloud.world.add_deployment("abc1d2ef", "fresh", statuses=[Status(NOON - timedelta(seconds=5), "BUILDING")])
    cloud.quirks.baseten = BasetenQuirks(deployment_warmup=timedelta(minutes=1))
    page = await deployments.query_logs(LogQuery(JobRef("baseten-model", "abc1d2ef/fresh"), follow=True))
    assert ([], False, ()) == (list(page.lines), page.more, page.gaps)
    assert page.cursor is not None


async def test_a_log_that_disappears_during_a_read_raises_unavailable(
    cloud: Cloud, deployments: BasetenDeployments
) -> None:
    first = await deployments.query_logs(LogQuery(DEPLOYMENT, limit=10))
    cloud.quirks.baseten = BasetenQuirks(deployment_warmup=timedelta(days=99))
    with pytest.raises(Unavailable, match="not its log at the moment"):
        await deployments.query_logs(LogQuery(DEPLOYMENT, limit=10, cursor=first.cursor))


async def test_a_deleted_log_gives_a_gap(cloud: Cloud, deployments: BasetenDeployments) -> None:
    cloud.quirks.baseten = BasetenQuirks(deployment_warmup=timedelta(days=99))
    page = await deployments.query_logs(LogQuery(DEPLOYMENT))
    assert [GapReason.NOT_FOUND] == [gap.reason for gap in page.gaps]


async def test_a_stalled_job_does_not_delay_another(cloud: Cloud, training: BasetenTraining) -> None:
    cloud.faults.set([Fault("stall", path="/baseten/v1/training_projects/qrj8y03/jobs/older", delay_s=600)])
    slow = asyncio.create_task(training.get_job(JobRef("baseten", "qrj8y03/older")))
    await eventually(lambda: cloud.faults.struck["stall"] == 1)
    await training.get_job(TRAINING_JOB)
    assert not slow.done()
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)


@pytest.mark.parametrize("kind", ["truncate", "html"])
async def test_a_malformed_response_is_requested_again(
    cloud: Cloud, training: BasetenTraining, kind: Literal["truncate", "html"]
) -> None:
    query = LogQuery(TRAINING_JOB, start_ns=READ[0].timestamp_ns)
    cloud.faults.set([Fault(kind, status=200, times=1)])
    assert list(READ) == list((await training.query_logs(query)).lines)
    assert {kind: 1} == dict(cloud.faults.struck)


FAULTS = {
    "a storm of 429": [Fault("status", status=429, probability=0.3)],
    "429 with a date": [
        Fault("status", status=429, probability=0.1, retry_after_s=1, retry_after_as_date=True, times=2)
    ],
    "resets, cut and slow bodies, 5xx": [
        Fault("reset", probability=0.1),
        Fault("cut_off", probability=0.1, after_bytes=3_000),
        Fault("status", status=502, probability=0.1),
        Fault("slow", probability=0.1, delay_s=0.05),
    ],
    "truncated JSON and HTML": [
        Fault("truncate", probability=0.2, after_bytes=3_000),
        Fault("html", status=200, probability=0.1),
    ],
}


@pytest.mark.parametrize("faults", list(FAULTS))
async def test_faults_neither_lose_nor_duplicate_lines(cloud: Cloud, faults: str) -> None:
    cloud.quirks.baseten = BasetenQuirks(page_cap=23)
    cloud.faults.set(FAULTS[faults], seed=7)
    client = make_client("baseten", cloud.config("baseten", baseten_retry_budget_s="5"), LimiterPool())
    provider = BasetenTraining(client, cloud.clock)
    query, lines, more = LogQuery(TRAINING_JOB, limit=40), list[LogLine](), True
    while more:
        try:
            page = await provider.query_logs(query)
        except (RateLimited, Unavailable, ProtocolError):
            continue  # retry with the same cursor, like the watcher
        lines += page.lines
        query, more = replace(query, cursor=page.cursor), page.more
    assert list(READ) == lines
    await provider.aclose()


async def test_a_deployment_is_named_by_its_model_and_environment(
    cloud: Cloud, deployments: BasetenDeployments
) -> None:
    cloud.world.model_names["abc1d2ef"] = "support-assistant"
    cloud.world.deployments["abc1d2ef", "xyz123"].environment = "staging"
    job = await deployments.get_job(DEPLOYMENT)
    listed = await deployments.list_jobs(limit=9)
    assert job.name == "support-assistant · staging"
    assert job.name in [one.name for one in listed]
