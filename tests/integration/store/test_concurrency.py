"""Several tasks, several processes, and processes that die: each poll counts once, and no delivery is lost."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.store.engine import Database
from bot.store.store import Store, open_store
from tests.integration.store.building import JOB, LEASE, add_to_outbox, delivery
from tests.integration.store.worker import work


async def watch_many(store: Store, count: int, now: datetime) -> None:
    for number in range(count):
        await store.subscriptions.add("C1", None, JobRef("baseten", f"p/{number}"), "U1", RuleSettings(), now)


async def start_worker(url: str, rounds: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.store.worker", url, str(rounds), stdout=asyncio.subprocess.PIPE
    )


async def state_and_deliveries(url: str) -> tuple[dict[int, str], dict[int, int]]:
    """The state of each watch, and its number of deliveries."""
    database = Database(url)
    async with database.read() as connection:
        memories = (await connection.execute(text("SELECT id, memory FROM watches"))).all()
        news = (await connection.execute(text("SELECT watch_id, count(*) FROM deliveries GROUP BY watch_id"))).all()
    await database.aclose()
    return {row[0]: row[1] for row in memories}, {row[0]: row[1] for row in news}


async def test_concurrent_claims_give_each_job_to_one_process(database_url: str, store: Store, now: datetime) -> None:
    await watch_many(store, 40, now)
    stores = [await open_store(database_url) for _ in range(4)]

    batches = await asyncio.gather(
        *(one.watches.claim_due(now, lease=LEASE, limit=4) for one in stores for _ in range(5))
    )

    claimed = [watch.id for batch in batches for watch in batch]
    assert len(claimed) == len(set(claimed))
    rest = await store.watches.claim_due(now, lease=LEASE)
    assert len(claimed) + len(rest) == 40
    await asyncio.gather(*(one.aclose() for one in stores))


async def test_concurrent_claims_give_each_delivery_to_one_sender(
    database_url: str, store: Store, now: datetime
) -> None:
    await add_to_outbox(store, now, *(delivery(f"note {number}") for number in range(30)))
    stores = [await open_store(database_url) for _ in range(4)]

    batches = await asyncio.gather(
        *(one.deliveries.claim(now, lease=LEASE, limit=3) for one in stores for _ in range(5))
    )

    claimed = [one.id for batch in batches for one in batch]
    assert len(claimed) == len(set(claimed))
    rest = await store.deliveries.claim(now, lease=LEASE)
    assert len(claimed) + len(rest) == 30
    await asyncio.gather(*(one.aclose() for one in stores))


async def test_channels_may_subscribe_to_one_job_concurrently(store: Store, now: datetime) -> None:
    added = await asyncio.gather(
        *(store.subscriptions.add(f"C{n % 5}", None, JOB, "U1", RuleSettings(), now) for n in range(20))
    )

    assert len({subscription.id for subscription, _ in added}) == 5
    assert sum(is_new for _, is_new in added) == 5
    assert len(await store.subscriptions.for_job(JOB)) == 5


async def test_two_processes_share_the_work_and_repeat_nothing(database_url: str, store: Store) -> None:
    await watch_many(store, 60, datetime.now(UTC))
    workers = [await start_worker(database_url, 3) for _ in range(2)]

    outputs = [(await worker.communicate())[0].decode().split() for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0]
    settled = [watch_id for output in outputs for watch_id in output]
    assert {settled.count(watch_id) for watch_id in settled} == {3}
    memories, news = await state_and_deliveries(database_url)
    assert set(memories.values()) == {'{"polls":3}'}
    assert set(news.values()) == {3}
    assert len(news) == 60


async def test_a_process_killed_at_any_time_leaves_state_and_outbox_consistent(database_url: str, store: Store) -> None:
    rounds = 20
    await watch_many(store, 40, datetime.now(UTC))
    for moment_s in (0.0, 0.011, 0.037, 0.073):
        worker = await start_worker(database_url, rounds)
        assert worker.stdout is not None
        await worker.stdout.readline()  # it has begun
        await asyncio.sleep(moment_s)
        with suppress(ProcessLookupError):  # a fast machine may be done
            worker.kill()
        await worker.wait()
        memories, news = await state_and_deliveries(database_url)
        assert memories == {
            watch_id: f'{{"polls":{news[watch_id]}}}' if watch_id in news else "{}" for watch_id in memories
        }

    await asyncio.sleep(1.1)  # the dead process's lease
    await work(database_url, rounds, lease=timedelta(minutes=1))

    memories, news = await state_and_deliveries(database_url)
    assert set(memories.values()) == {f'{{"polls":{rounds}}}'}
    assert set(news.values()) == {rounds}
