"""Commands that come at once share the request for the status of their job."""

from __future__ import annotations

import asyncio

from bot.commands.handlers.recent_jobs import RecentJobs
from bot.domain.jobs import JobRef
from tests.fakes.provider import FakeProvider
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_commands_at_once_need_one_request() -> None:
    provider, recent = FakeProvider(), RecentJobs()
    job = provider.add_job("a")
    found = await asyncio.gather(*(recent.find(provider, job.ref) for _ in range(50)))
    assert {one.ref for one in found if one} == {job.ref}
    assert provider.job_queries == ["a"]


@in_virtual_time
async def test_a_status_is_requested_again_after_a_moment() -> None:
    provider, recent = FakeProvider(), RecentJobs()
    job = provider.add_job("a")
    for _ in range(3):
        await recent.find(provider, job.ref)
        await asyncio.sleep(1.5)
    assert provider.job_queries == ["a", "a"]


@in_virtual_time
async def test_a_command_that_ends_early_does_not_end_the_request_of_others() -> None:
    provider, recent = FakeProvider(), RecentJobs()
    job = provider.add_job("a")
    first, second = (asyncio.create_task(recent.find(provider, job.ref)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None


@in_virtual_time
async def test_a_job_that_does_not_exist_is_none() -> None:
    provider = FakeProvider()
    assert await RecentJobs().find(provider, JobRef(provider.name, "missing")) is None
