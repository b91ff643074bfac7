"""Polls against a real store: what is fetched, saved, and put into the outbox."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from datetime import timedelta
from itertools import repeat
from pathlib import Path

import pytest

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import LogLine
from bot.errors import StoreUnavailable, Unavailable
from bot.metrics import REGISTRY
from bot.redaction.redactor import Redactor
from bot.store.store import Store
from bot.watcher.poll import Poller
from tests.fakes.clock import ManualClock
from tests.fakes.provider import NOW, FakeProvider
from tests.integration.polling import (
    SETTINGS,
    create_poller,
    deliver_all,
    poll_until_idle,
    unavailable_database,
    watch,
    watch_unknown,
)

SECRET = "tr41n-0nly-4-test-s3cret-value-9f8e7d6c"


async def test_one_poll_serves_every_channel(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    for channel in ("C1", "C2", "C3"):
        await watch(store, provider, "a", channel=channel)
    provider.log("a", "ERROR: disk")

    await poll_until_idle(poller)

    assert provider.job_queries == ["a"]
    assert sorted(await deliver_all(store, clock)) == ["reply"] * 3 + ["root"] * 3


async def test_a_line_alerts_once_and_the_next_poll_waits_for_the_interval(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    await watch(store, provider, "a")
    provider.log("a", "ERROR: disk")
    await poll_until_idle(poller)
    await deliver_all(store, clock)

    clock.advance(timedelta(seconds=5))
    await poll_until_idle(poller)
    clock.advance(timedelta(seconds=6))
    await poll_until_idle(poller)

    assert provider.job_queries == ["a", "a"]
    assert await deliver_all(store, clock) == []


async def test_a_long_log_is_read_in_one_go_and_alerts_once(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    await watch(store, provider, "a")
    provider.log("a", *(f"ERROR: number {number}" for number in range(25_000)))

    await poll_until_idle(poller)
    (listed,) = await store.subscriptions.list("C1")

    assert listed.firing == 1
    assert await deliver_all(store, clock) == ["root", "edit", "reply"]


async def test_a_hanging_job_does_not_delay_others(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    await watch(store, provider, "slow", "quick")
    provider.hanging_jobs.add("slow")
    provider.log("quick", "ERROR: disk")

    await poll_until_idle(poller)

    assert await deliver_all(store, clock) == ["root", "reply"]


async def test_a_clock_that_is_set_back_during_a_poll_does_not_delay_the_next(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    provider.gate = asyncio.Event()
    await watch(store, provider, "slow")
    await poller.tick()
    clock.advance(timedelta(hours=-2))
    provider.gate.set()
    await poll_until_idle(poller)

    clock.advance(SETTINGS.intervals.running)
    (again,) = await store.watches.claim_due(clock(), lease=timedelta(minutes=1))
    assert (again.job.id, again.fails) == ("slow", 0)


async def test_stop_releases_unfinished_jobs(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    await watch(store, provider, "slow")
    provider.hanging_jobs.add("slow")
    await poller.tick()

    await poller.stop()

    assert [one.job.id for one in await store.watches.claim_due(clock(), lease=timedelta(minutes=1))] == ["slow"]


async def test_a_poll_is_saved_once_the_database_is_back(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller, tmp_path: Path
) -> None:
    """The next tick saves it; the job does not wait for its lease to end."""
    await watch(store, provider, "a")
    provider.log("a", "ERROR: disk")
    counts = {"platform": "mem", "outcome": "read"}
    counted = REGISTRY.get_sample_value("trainwatch_polls_total", counts) or 0
    await poller.tick()

    for _ in range(2):
        with unavailable_database(tmp_path), pytest.raises(StoreUnavailable):
            await poller.tick()
    await poll_until_idle(poller)

    assert counted + 1 == REGISTRY.get_sample_value("trainwatch_polls_total", counts)
    assert await deliver_all(store, clock) == ["root", "reply"]
    assert provider.job_queries == ["a"]


async def test_stop_cancels_polls_even_if_earlier_ones_cannot_be_saved(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller, tmp_path: Path
) -> None:
    await watch(store, provider, "slow", "quick")
    provider.hanging_jobs.add("slow")
    await poller.tick()

    before = len(asyncio.all_tasks())
    with unavailable_database(tmp_path), pytest.raises(StoreUnavailable):
        await poller.stop()

    assert before - 1 == len(asyncio.all_tasks())


async def test_the_metrics_window_does_not_grow_after_an_absence(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    """Eight days of metrics in one response would be too large, and larger at each retry."""
    await watch(store, provider, "a")
    provider.series = ()
    for absence in (timedelta(days=8), timedelta(0)):
        await poll_until_idle(poller)
        clock.now += absence

    first, long_after = ((query.end or NOW) - (query.start or NOW) for query in provider.metric_queries)
    assert first == long_after
    assert [query.step for query in provider.metric_queries] == [None, None]


@pytest.mark.parametrize(
    ("status_error", "log_error"),
    [(Unavailable("mem is down."), Unavailable("mem is down.")), (ZeroDivisionError(), None), (CancelledError(), None)],
)
async def test_channel_is_notified_when_polls_fail_and_when_they_recover(
    store: Store,
    provider: FakeProvider,
    clock: ManualClock,
    poller: Poller,
    status_error: BaseException,
    log_error: BaseException | None,
) -> None:
    """Whether the platform fails, trainwatch has a bug, or a library raises CancelledError."""
    await watch(store, provider, "a")
    provider.status_error, provider.log_errors = status_error, repeat(log_error)
    kinds: list[str] = []
    for _ in range(20):
        await poll_until_idle(poller)
        kinds += await deliver_all(store, clock)
        clock.advance(timedelta(minutes=1))
    provider.status_error = provider.log_errors = None
    clock.advance(timedelta(minutes=10))
    await poll_until_idle(poller)

    assert kinds == ["root"]
    assert await deliver_all(store, clock) == ["edit"]
    clock.advance(timedelta(minutes=1))
    await poll_until_idle(poller)
    assert await deliver_all(store, clock) == ["edit", "reply"]


async def test_a_finished_job_is_unsubscribed_after_its_final_note(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    await watch(store, provider, "a")
    provider.add_job("a", JobState.SUCCEEDED)
    for _ in range(4):
        await poll_until_idle(poller)
        clock.advance(timedelta(seconds=15))

    assert await deliver_all(store, clock) == ["note"]
    assert list(await store.subscriptions.list("C1")) == []


async def test_a_platform_that_is_not_configured_does_not_stop_the_others(
    store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller
) -> None:
    await watch_unknown(store, JobRef("gone", "x"))
    await watch(store, provider, "a")
    provider.log("a", "ERROR: disk")

    await poll_until_idle(poller)

    assert await deliver_all(store, clock) == ["root", "reply"]


async def test_secrets_are_redacted_before_text_is_truncated_stored_or_sent(
    store: Store, provider: FakeProvider, clock: ManualClock, tmp_path: Path
) -> None:
    """Also a secret that truncation would halve, one in a replica's name, and one in the job's name."""
    poller = create_poller(store, clock, provider, redactor=Redactor([SECRET]))
    await watch(store, provider, "a")
    provider.add_job("a", name=f"run {SECRET}")
    stamp = ns_from_datetime(NOW)
    provider.logs["a"] = [
        LogLine(stamp, f"ERROR: {'x' * 180} {SECRET} refused", replica=f"replica-{SECRET}"),
        LogLine(stamp, f"Traceback (most recent call last):\n  {SECRET}\nValueError: {SECRET}"),
    ]

    await poll_until_idle(poller)
    await poller.stop()
    claimed = await store.deliveries.claim(clock(), lease=timedelta(minutes=1), limit=50)
    await store.aclose()

    assert claimed
    stored = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.glob("bot.db*")))
    assert [size for size in (len(SECRET), 20, 12) if SECRET[:size].encode() in stored] == []
    assert SECRET[:12] not in repr(claimed)
