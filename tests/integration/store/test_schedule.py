"""The loops: rests, heartbeats, crashes and stops."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from bot.errors import StoreUnavailable
from bot.store.store import Store, open_store
from bot.watcher.schedule import LoopSettings, PurgeJob, run_loop

QUICK = LoopSettings(shortest_rest_s=0.01, longest_rest_s=0.02, longest_backoff_s=0.01, crashes=3)


class Script:
    """A worker whose ticks return or raise these outcomes, and then are idle."""

    def __init__(self, *ticks: int | Exception, stop: Exception | None = None) -> None:
        self.ticks = list(ticks)
        self.count = 0
        self.stopped = 0
        self._stop = stop

    async def tick(self) -> int:
        self.count += 1
        outcome = self.ticks.pop(0) if self.ticks else 0
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def stop(self) -> None:
        self.stopped += 1
        if self._stop is not None:
            raise self._stop


async def run_for(seconds: float, worker: Script, store: Store, now: datetime) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await run_loop("poll", worker, store, lambda: now, QUICK)


async def test_only_an_idle_loop_rests(store: Store, now: datetime) -> None:
    busy, idle = Script(*[1] * 50), Script()

    await run_for(0.3, busy, store, now)
    await run_for(0.3, idle, store, now)

    assert busy.count > 50
    assert 2 <= idle.count < 50


async def test_a_crashed_tick_does_not_end_the_loop(store: Store, now: datetime) -> None:
    worker = Script(KeyError("x"), StoreUnavailable(), 1, KeyError("x"), KeyError("x"), 1)

    await run_for(0.5, worker, store, now)

    assert worker.count > 6
    assert await store.last_heartbeat("poll") == now


async def test_too_many_consecutive_crashes_end_the_loop(
    store: Store, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Script(*[KeyError("x")] * 3)

    with pytest.raises(KeyError):
        await run_loop("poll", worker, store, lambda: now, QUICK)

    assert (worker.count, worker.stopped) == (3, 1)
    assert [(one.message, vars(one)["crashes"]) for one in caplog.records] == [
        ("tick crashed", count) for count in (1, 2, 3)
    ]
    assert await store.last_heartbeat("poll") is None


async def test_a_cancelled_loop_stops_its_worker(store: Store, now: datetime) -> None:
    worker = Script(stop=KeyError("a stop that crashes is logged"))

    await run_for(0.05, worker, store, now)

    assert worker.stopped == 1


async def test_the_current_tick_finishes_before_the_worker_stops(store: Store, now: datetime) -> None:
    """Otherwise the worker would not know what to release, and it would stay claimed until its lease ends."""
    order: list[str] = []

    class Slow:
        async def tick(self) -> int:
            await asyncio.sleep(0.1)
            order.append("tick")
            return 0

        async def stop(self) -> None:
            order.append("stop")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await run_loop("poll", Slow(), store, lambda: now, QUICK)

    assert order == ["tick", "stop"]


async def test_a_database_outage_ends_the_loop_after_several_crashes(now: datetime) -> None:
    store = await open_store("sqlite:////no/such/directory/x.db")

    with pytest.raises(StoreUnavailable):
        await run_loop("poll", Script(), store, lambda: now, QUICK)

    await store.aclose()


async def test_a_failed_purge_is_logged_and_retried(now: datetime, caplog: pytest.LogCaptureFixture) -> None:
    store = await open_store("sqlite:////no/such/directory/x.db")
    clock = [now]
    housekeeper = PurgeJob(store, lambda: clock[0])

    for _ in range(3):
        assert await housekeeper.tick() == 0
    assert caplog.messages == ["purge failed"]
    clock[0] += timedelta(hours=1)
    assert await housekeeper.tick() == 0

    assert caplog.messages == ["purge failed"] * 2
    await store.aclose()


async def test_expired_rows_are_purged_hourly(store: Store, now: datetime) -> None:
    clock = [now]
    housekeeper = PurgeJob(store, lambda: clock[0])
    old = now - timedelta(days=31)
    await store.silences.add("C1", (), "U1", old, old)
    assert await housekeeper.tick() == 0
    assert await store.purge_expired(now) == 0

    await store.silences.add("C1", (), "U1", old, old)
    await housekeeper.tick()
    clock[0] += timedelta(hours=1)
    await housekeeper.tick()
    assert await store.purge_expired(now) == 0
    await housekeeper.stop()
