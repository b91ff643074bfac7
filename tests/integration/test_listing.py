"""The listing loop on a real store and the fake platform."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.job_matching import parse_matchers
from bot.domain.jobs import JobState
from bot.domain.subscriptions import PatternSubscription
from bot.errors import Unavailable
from bot.redaction.redactor import Redactor
from bot.store.store import Store
from bot.watcher.listing import JobLister, ListingSettings
from tests.fakes.clock import ManualClock
from tests.fakes.provider import NOW, FakeProvider, registry_of

SETTINGS = ListingSettings(poll_interval=timedelta(seconds=20))


class ListingHarness:
    """Two processes that list one platform, and three channels with patterns."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.provider = store, ManualClock(NOW), FakeProvider()
        registry, redactor = registry_of(self.provider), Redactor(["s3cret"])
        self.processes = [JobLister(registry, store, self.clock, redactor, SETTINGS) for _ in range(2)]

    async def watch(self, *channels: str) -> None:
        for channel in channels:
            wanted = PatternSubscription(0, channel, parse_matchers(["mem:*"]), "U1", NOW)
            await self.store.patterns.add(wanted, (), NOW)

    async def run(self) -> None:
        """Tick both processes until neither has anything to do."""
        while sum([await process.tick() for process in self.processes]):
            pass

    async def watched(self, channel: str = "C1") -> list[str]:
        return [str(one.subscription.job) for one in await self.store.subscriptions.list(channel)]


@pytest.fixture
def harness(store: Store) -> ListingHarness:
    return ListingHarness(store)


async def test_a_platform_is_listed_once_an_interval_however_many_channels_want_it(harness: ListingHarness) -> None:
    await harness.run()
    assert harness.provider.lists == 0

    await harness.watch("C1", "C2", "C3")
    for _ in range(4):
        await harness.run()
        harness.clock.advance(SETTINGS.interval)

    assert harness.provider.lists == 4
    assert [await harness.watched(channel) for channel in ("C1", "C2", "C3")] == [["mem:run/1"]] * 3


async def test_a_new_job_is_watched_with_the_next_listing(harness: ListingHarness) -> None:
    await harness.watch("C1")
    await harness.run()
    harness.provider.add_job("run/2", name="key s3cret")
    harness.provider.add_job("run/3", JobState.SUCCEEDED)
    harness.clock.advance(SETTINGS.interval)
    await harness.run()

    assert await harness.watched() == ["mem:run/1", "mem:run/2"]
    (hidden,) = await harness.store.known_jobs.search("run/2")
    assert "s3cret" not in (hidden.name or "")


@pytest.mark.parametrize("error", [Unavailable("HTTP 503.", provider="mem"), KeyError("bug"), asyncio.CancelledError()])
async def test_a_failed_listing_is_tried_again_and_keeps_what_is_known(
    harness: ListingHarness, error: BaseException
) -> None:
    await harness.watch("C1")
    await harness.run()
    harness.provider.list_error = error
    for _ in range(3):
        harness.clock.advance(timedelta(minutes=1))
        await harness.run()
    state = (await harness.store.listings.states())["mem"]
    assert (state.fails, state.failing_since, state.jobs) == (3, NOW + timedelta(minutes=1), 1)
    assert len(await harness.store.known_jobs.search("")) == 1

    harness.provider.list_error = None
    harness.clock.advance(timedelta(minutes=1))
    await harness.run()

    assert (await harness.store.listings.states())["mem"].fails == 0


async def test_a_slow_listing_keeps_its_claim_and_a_stopped_one_gives_it_up(harness: ListingHarness) -> None:
    await harness.watch("C1")
    harness.provider.list_s = 30.0
    slow, other = harness.processes
    await slow.tick()
    for _ in range(4):
        harness.clock.advance(SETTINGS.lease * 0.6)
        await slow.tick()
        await other.tick()
    assert harness.provider.lists == 1

    await slow.stop()
    harness.provider.list_s = 0.0
    await harness.run()

    assert harness.provider.lists == 2
    assert await harness.watched() == ["mem:run/1"]


async def test_a_killed_process_delays_a_listing_by_its_lease(harness: ListingHarness) -> None:
    await harness.watch("C1")
    killed, other = harness.processes
    harness.provider.list_s = 30.0
    await killed.tick()
    harness.provider.list_s = 0.0
    harness.clock.advance(SETTINGS.lease)

    for _ in range(3):
        await other.tick()

    assert await harness.watched() == ["mem:run/1"]
    assert SETTINGS.interval + SETTINGS.lease < SETTINGS.poll_interval
    await killed.stop()
