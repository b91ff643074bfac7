"""After an outage of a platform its jobs are polled within one interval of its return, whatever their backoff."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import AuthFailed, Unavailable
from bot.store.store import Store
from bot.watcher.poll import Poller
from tests.fakes.clock import ManualClock
from tests.fakes.provider import FakeProvider
from tests.integration.polling import create_poller, poll_until_idle, watch

SECOND = timedelta(seconds=1)
INTERVAL = 10
"""Of the poller, in seconds."""


def fail_all(provider: FakeProvider, error: Exception) -> None:
    def errors() -> object:
        while True:
            yield error

    provider.status_error, provider.log_errors = error, errors()  # type: ignore[assignment]


async def run(poller: Poller, clock: ManualClock, seconds: int, step: int = 5) -> None:
    for _ in range(0, seconds, step):
        clock.advance(SECOND * step)
        await poll_until_idle(poller)


@pytest.mark.parametrize("jobs", [1, 6])
@pytest.mark.parametrize("error", [Unavailable("gone", provider="mem"), AuthFailed("no key", provider="mem")])
async def test_every_job_is_polled_within_an_interval_of_the_return(
    store: Store, provider: FakeProvider, clock: ManualClock, jobs: int, error: Exception
) -> None:
    await watch(store, provider, *(f"job{index}" for index in range(jobs)))
    poller = create_poller(store, clock, provider)
    await poll_until_idle(poller)
    fail_all(provider, error)
    await run(poller, clock, 300, step=10)
    provider.status_error, provider.log_errors = None, None
    provider.job_queries.clear()

    await run(poller, clock, INTERVAL + 2, step=2)

    assert {f"job{index}" for index in range(jobs)} == set(provider.job_queries)


async def test_an_unreachable_platform_is_probed_once_per_interval(
    store: Store, provider: FakeProvider, clock: ManualClock
) -> None:
    await watch(store, provider, *(f"job{index}" for index in range(6)))
    poller = create_poller(store, clock, provider)
    fail_all(provider, Unavailable("gone", provider="mem"))
    await run(poller, clock, 300)
    provider.job_queries.clear()

    await run(poller, clock, 200)

    assert 200 / INTERVAL - 1 <= len(provider.job_queries) <= 200 / INTERVAL + 6


async def test_a_job_that_fails_alone_keeps_its_backoff(
    store: Store, provider: FakeProvider, clock: ManualClock
) -> None:
    await watch(store, provider, "good", "gone")
    poller = create_poller(store, clock, provider)
    del provider.jobs["gone"]
    provider.logs.pop("gone", None)
    await run(poller, clock, 200)
    provider.job_queries.clear()

    await run(poller, clock, 200)

    assert provider.job_queries.count("gone") <= 3
    assert provider.job_queries.count("good") >= 8
