"""The loops: rests, heartbeats, crashes and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from bot.errors import StoreUnavailable
from bot.store.store import Store, open_store
from bot.watcher.schedule import LoopBeats, LoopSettings, PurgeJob, run_loop
from tests.support.virtual_time import in_virtual_time
from tests.support.waiting import eventually

QUICK = LoopSettings(shortest_rest_s=0.01, longest_rest_s=0.02, longest_backoff_s=0.01, crashes=3)


class Script:
    """A worker whose ticks return or raise these outcomes, and then are idle."""

    def __init__(self, *ticks: int | Exception, stop: Exception | None = None) -> None:
        self.ticks = list(ticks)
        self.count = 0
        self.ticked_at: list[float] = []
        """Seconds of the event loop's clock."""
        self.stopped = 0
        self._stop = stop

    async def tick(self) -> int:
        self.count += 1
        self.ticked_at.append(asyncio.get_running_loop().time())
        outcome = self.ticks.pop(0) if self.ticks else 0
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def stop(self) -> None:
        self.stopped += 1
        if self._stop is not None:
            raise self._stop


class HeartbeatStore(Store):
    """A store without a database that accepts heartbeats."""

    def __init__(self) -> None:
        pass

    async def heartbeat(self, name: str, now: datetime) -> None:
        pass


async def run_until_ticked(count: int, worker: Script, running: Coroutine[object, object, None]) -> None:
    """Run a loop until its worker has ticked `count` times, then cancel it."""
    task = asyncio.create_task(running)
    await eventually(lambda: worker.count >= count or task.done())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@in_virtual_time
async def test_only_an_idle_loop_rests(now: datetime) -> None:
    worker = Script(1, 1, 1)
    settings = LoopSettings(shortest_rest_s=10, longest_rest_s=30)

    await run_until_ticked(7, worker, run_loop("poll", worker, HeartbeatStore(), lambda: now, settings))

    rests = [round(later - earlier) for earlier, later in pairwise(worker.ticked_at[:7])]
    assert rests == [0, 0, 0, 20, 30, 30]


async def test_a_crashed_tick_does_not_end_the_loop(store: Store, now: datetime) -> None:
    worker = Script(KeyError("x"), StoreUnavailable(), 1, KeyError("x"), KeyError("x"), 1)

    await run_until_ticked(7, worker, run_loop("poll", worker, store, lambda: now, QUICK))

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

    await run_until_ticked(2, worker, run_loop("poll", worker, store, lambda: now, QUICK))

    assert worker.stopped == 1


async def test_the_current_tick_finishes_before_the_worker_stops(store: Store, now: datetime) -> None:
    """Otherwise the worker would not know what to release, and it would stay claimed until its lease ends."""
    order: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        async def tick(self) -> int:
            begun.set()
            await go_on.wait()
            order.append("tick")
            return 0

        async def stop(self) -> None:
            order.append("stop")

    running = asyncio.create_task(run_loop("poll", Slow(), store, lambda: now, QUICK))
    await begun.wait()
    running.cancel()
    await asyncio.sleep(0)
    assert order == []
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert order == ["tick", "stop"]


async def test_a_loop_waits_out_a_database_outage(
    store: Store, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    worker, beats = Script(*[StoreUnavailable()] * 5, 1), LoopBeats()

    await run_until_ticked(3, worker, run_loop("poll", worker, store, lambda: now, QUICK, beats))
    assert {"poll"} == set(beats.ages_s()), "a loop that waits for the database is alive"
    caplog.clear()
    worker = Script(*[StoreUnavailable()] * 5, 1)
    await run_until_ticked(7, worker, run_loop("poll", worker, store, lambda: now, QUICK))

    assert caplog.messages == ["database unavailable", "database available again"]
    assert await store.last_heartbeat("poll") == now


async def test_an_outage_is_explained(tmp_path: Path, now: datetime, caplog: pytest.LogCaptureFixture) -> None:
    store = await open_store(f"sqlite:///{tmp_path}/no/such/directory/x.db")
    worker = Script()

    await run_until_ticked(2, worker, run_loop("poll", worker, store, lambda: now, QUICK))

    first = vars(caplog.records[0])
    assert "unable to open database file" in first["reason"]
    assert "DATABASE_URL" in first["remedy"]
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
