"""Why an emulated Baseten job waits, as JSON and as the provider reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.jobs import JobRef
from bot.domain.runs import QueuePosition
from bot.errors import AuthFailed
from bot.providers.baseten.api import make_client
from bot.providers.baseten.training import BasetenTraining
from bot.providers.http.client import LimiterPool
from emulator.world import InstanceType, Status
from tests.fakes.cloud import NOON, Cloud

PENDING, RUNNING, FAILED = "TRAINING_JOB_PENDING", "TRAINING_JOB_RUNNING", "TRAINING_JOB_FAILED"
PATH = "/baseten/v1/training/jobs/mine/queue_context"


@pytest.fixture
async def provider(cloud: Cloud) -> AsyncIterator[BasetenTraining]:
    """Four jobs hold GPUs at the submission of `mine`, and one is ahead of it."""
    minute = timedelta(minutes=1)
    histories = {
        "large": [Status(NOON - 9 * minute, RUNNING)],
        "small": [Status(NOON - 9 * minute, RUNNING)],
        "failing": [Status(NOON - 9 * minute, RUNNING), Status(NOON + minute, FAILED)],
        "ahead": [Status(NOON - 2 * minute, PENDING), Status(NOON + 2 * minute, RUNNING)],
        "mine": [Status(NOON - minute, PENDING)],
        "later": [Status(NOON, PENDING)],
    }
    for name, statuses in histories.items():
        job = cloud.world.add_training_job("proj", name, statuses=statuses)
        job.name = f"{name}-run"
        job.node_count = 2 if name == "large" else 1
    cloud.world.projects["proj"].jobs["small"].instance_type = InstanceType(gpu_count=4)
    provider = BasetenTraining(make_client("baseten", cloud.config("baseten"), LimiterPool()), cloud.clock)
    yield provider
    await provider.aclose()


async def test_a_waiting_job_names_those_that_hold_gpus_and_those_ahead(
    cloud: Cloud, provider: BasetenTraining
) -> None:
    body = await cloud.get(PATH)
    assert [one["training_job_id"] for one in body["active_at_submit"]] == ["large", "small", "failing"]
    assert [one["training_job_id"] for one in body["pending_ahead_at_submit"]] == ["ahead"]

    mine = JobRef("baseten", "proj/mine")
    before = QueuePosition("H100", 8, 1, (("large-run", 16), ("failing-run", 8), ("small-run", 4)), 64)
    assert await provider.query_queue(mine) == before
    cloud.clock.advance(timedelta(minutes=5))
    after = QueuePosition("H100", 8, 0, (("large-run", 16), ("ahead-run", 8), ("small-run", 4)), 64)
    assert await provider.query_queue(mine) == after


async def test_only_administrators_may_ask(cloud: Cloud, provider: BasetenTraining) -> None:
    cloud.quirks.baseten = replace(cloud.quirks.baseten, org_admin=False)
    await cloud.get(PATH, expect=403)
    with pytest.raises(AuthFailed):
        await provider.query_queue(JobRef("baseten", "proj/mine"))
