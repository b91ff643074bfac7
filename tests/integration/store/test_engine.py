"""Databases that are busy, missing or broken: a clear error, never a hang and never a partial change."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.errors import StoreUnavailable
from bot.store.engine import Database
from bot.store.schema import heartbeats
from bot.store.store import Store, open_store
from tests.integration.store.building import watch_job


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


@pytest.fixture
def sqlite_file(sqlite_template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "busy.db"
    path.write_bytes(sqlite_template.read_bytes())
    return path


async def test_an_exception_rolls_the_transaction_back(database: Database, now: datetime) -> None:
    async def write_and_fail() -> None:
        async with database.write() as connection:
            await connection.execute(heartbeats.insert().values(name="poll", at=now))
            raise KeyError

    with pytest.raises(KeyError):
        await write_and_fail()

    async with database.read() as connection:
        assert (await connection.execute(heartbeats.select())).all() == []


async def test_a_cancelled_transaction_releases_its_lock(database_url: str, now: datetime) -> None:
    database = Database(database_url, busy_timeout_s=1)

    async def write(name: str) -> None:
        async with database.write() as connection:
            for number in range(3):
                insert = heartbeats.insert().values(name=f"{name} {number}", at=now).returning(heartbeats.c.name)
                stored = await connection.execute(insert)
                assert stored.scalar_one().startswith(name)

    kept: Sequence[BaseException | None] = ()  # whoever receives the error keeps the statements alive
    for turn in range(200):  # so that each statement is cancelled while its thread runs it
        writing = asyncio.create_task(write(f"cancelled {turn}"))
        await asyncio.sleep(turn / 50_000)
        writing.cancel()
        kept = await asyncio.gather(writing, return_exceptions=True)
        await write(f"next {turn}")

    async with database.read() as connection:
        names = (await connection.scalars(heartbeats.select().with_only_columns(heartbeats.c.name))).all()
    await database.aclose()
    assert len(kept) == 1
    assert sum(name.startswith("next") for name in names) == 200 * 3
    assert sum(name.startswith("cancelled") for name in names) % 3 == 0


async def test_times_are_stored_in_utc_to_the_microsecond(database: Database) -> None:
    moment = datetime(2026, 3, 13, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    async with database.write() as connection:
        await connection.execute(heartbeats.insert().values(name="poll", at=moment))
    async with database.read() as connection:
        stored = await connection.scalar(heartbeats.select().with_only_columns(heartbeats.c.at))

    assert stored is not None
    assert stored.isoformat() == "2026-03-13T10:00:00.123456+00:00"


async def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="naive"):
        async with database.write() as connection:
            await connection.execute(heartbeats.insert().values(name="poll", at=datetime(2026, 3, 13)))  # noqa: DTZ001


async def test_a_hanging_transaction_raises_an_error(database: Database, database_url: str) -> None:
    impatient = Database(database_url, transaction_timeout_s=0.05)

    with pytest.raises(StoreUnavailable):
        async with impatient.write():
            await asyncio.sleep(600)
    await impatient.aclose()
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_sqlite_waits_for_another_writer(sqlite_file: Path, now: datetime) -> None:
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = await open_store(f"sqlite:///{sqlite_file}")
    writing = asyncio.create_task(watch_job(store, now))
    await asyncio.sleep(0.3)

    assert not writing.done()
    other.execute("COMMIT")
    await writing

    assert len(await store.subscriptions.list("C1")) == 1
    await store.aclose()
    other.close()


async def test_sqlite_reads_while_another_process_writes(sqlite_file: Path) -> None:
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    store = await open_store(f"sqlite:///{sqlite_file}")
    assert await store.subscriptions.list("C1") == ()
    other.execute("BEGIN IMMEDIATE")

    assert await store.subscriptions.list("C1") == ()

    other.close()
    await store.aclose()


async def test_a_locked_database_raises_store_unavailable(sqlite_file: Path, now: datetime) -> None:
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store = Store(Database(f"sqlite:///{sqlite_file}", busy_timeout_s=0.1))

    with pytest.raises(StoreUnavailable, match="trainwatch check"):
        await watch_job(store, now)

    other.execute("ROLLBACK")
    await watch_job(store, now)
    await store.aclose()
    other.close()


@pytest.mark.parametrize(
    "url", ["sqlite:////no/such/directory/x.db", "postgresql://nobody:hunter2@127.0.0.1:1/trainwatch"]
)
async def test_a_missing_database_raises_store_unavailable(url: str) -> None:
    store = await open_store(url)

    with pytest.raises(StoreUnavailable):
        await store.subscriptions.list("C1")

    await store.aclose()
