"""Baseten's two providers keep the provider contract, against the emulator and all its oddities."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.jobs import JobRef
from bot.domain.logs import LogQuery
from bot.providers.baseten import create_deployments, create_training
from bot.providers.baseten.deployments import BasetenDeployments
from bot.providers.baseten.training import BasetenTraining
from bot.providers.testing import ProviderContract, Subject
from emulator.hazards import BasetenHazards
from emulator.world import Status
from tests.support.clouds import KEYS, NOON, Cloud, as_read, running_cloud, some_lines

ODDITIES = {
    "as documented": BasetenHazards(),
    "exclusive bounds": BasetenHazards(start_inclusive=False, end_inclusive=False),
    "inclusive bounds, shuffled": BasetenHazards(end_inclusive=True, shuffle_within_ms=True, shuffle_samples=True),
    "capped pages, unknown fields": BasetenHazards(page_cap=37, extra_fields=True),
    "two-hour windows, GET only, POST 404": BasetenHazards(
        max_window=timedelta(hours=2), training_methods="get", refused_status=404
    ),
    "POST only, GET 404": BasetenHazards(training_methods="post", refused_status=404),
    "POST only, GET 501": BasetenHazards(training_methods="post", refused_status=501),
}


@pytest.fixture(params=list(ODDITIES))
async def cloud(request: pytest.FixtureRequest) -> AsyncIterator[Cloud]:
    async with running_cloud(compress="unknown" in request.param) as cloud:
        cloud.hazards.baseten = ODDITIES[request.param]
        yield cloud


class TestBasetenTraining(ProviderContract):
    @pytest.fixture
    async def subject(self, cloud: Cloud) -> AsyncIterator[Subject]:
        lines = some_lines(300)
        since = [Status(NOON - timedelta(hours=9), "TRAINING_JOB_RUNNING")]
        cloud.world.add_training_job("qrj8y03", "wp11ylw", lines=lines, statuses=since)
        cloud.world.add_training_job("qrj8y03", "older", statuses=[Status(NOON - timedelta(days=9), "WHATEVER")])
        client = create_training(cloud.config("baseten"))
        provider = BasetenTraining(client._client, cloud.clock)
        yield Subject(
            provider,
            JobRef("baseten", "qrj8y03/wp11ylw"),
            tuple(as_read(line) for line in lines),
            JobRef("baseten", "qrj8y03/nothere"),
            KEYS.baseten,
            cloud.suffer,
        )
        await provider.aclose()

    async def test_a_bare_job_id_is_resolved_by_search(self, subject: Subject) -> None:
        assert subject.job == (await subject.provider.get_job(JobRef("baseten", "wp11ylw"))).ref


class TestBasetenDeployments(ProviderContract):
    @pytest.fixture
    async def subject(self, cloud: Cloud) -> AsyncIterator[Subject]:
        lines = some_lines(300)
        since = [Status(NOON - timedelta(hours=9), "ACTIVE")]
        cloud.world.add_deployment("abc1d2ef", "xyz123", lines=lines, statuses=since)
        cloud.world.add_deployment("abc1d2ef", "older", statuses=[Status(NOON - timedelta(days=9), "WHATEVER")])
        client = create_deployments(cloud.config("baseten"))
        provider = BasetenDeployments(client._client, cloud.clock)
        yield Subject(
            provider,
            JobRef("baseten-model", "abc1d2ef/xyz123"),
            tuple(as_read(line) for line in lines),
            JobRef("baseten-model", "abc1d2ef/nothere"),
            KEYS.baseten,
            cloud.suffer,
        )
        await provider.aclose()

    async def test_a_new_deployment_without_a_log_yet_is_an_empty_page(self, subject: Subject, cloud: Cloud) -> None:
        cloud.world.add_deployment("abc1d2ef", "fresh", statuses=[Status(NOON - timedelta(seconds=5), "BUILDING")])
        cloud.hazards.baseten = replace(cloud.hazards.baseten, deployment_warmup=timedelta(minutes=1))
        page = await subject.provider.query_logs(LogQuery(JobRef("baseten-model", "abc1d2ef/fresh")))
        assert ([], False, ()) == (list(page.lines), page.more, page.gaps)
