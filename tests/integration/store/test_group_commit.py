"""Writes that come at once share a transaction; each caller gets its own result or error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreUnavailable
from bot.store.engine import Database
from bot.store.group_commit import GroupCommit


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


async def test_many_items_share_few_transactions(database: Database) -> None:
    transactions = set()

    async def write(connection: AsyncConnection, items: Sequence[int]) -> list[int]:
        transactions.add(id(connection.get_transaction()))
        return [item * 2 for item in items]

    group = GroupCommit(database, write)
    assert [item * 2 for item in range(500)] == await asyncio.gather(*(group.run(item) for item in range(500)))
    assert len(transactions) <= 4


async def test_a_failed_transaction_fails_its_callers_and_later_ones_succeed(database: Database) -> None:
    async def write(connection: AsyncConnection, items: Sequence[str]) -> Sequence[str]:
        for item in items:
            await connection.execute(text(item))
        return items

    group = GroupCommit(database, write)
    failed = await asyncio.gather(*(group.run("SELECT * FROM nowhere") for _ in range(3)), return_exceptions=True)
    assert [StoreUnavailable] * 3 == [type(one) for one in failed]
    assert "SELECT 1" == await group.run("SELECT 1")


async def test_a_caller_that_gives_up_does_not_disturb_the_others(database: Database) -> None:
    gate = asyncio.Event()

    async def write(connection: AsyncConnection, items: Sequence[int]) -> Sequence[int]:
        await gate.wait()
        return items

    group = GroupCommit(database, write)
    impatient, patient = asyncio.create_task(group.run(1)), asyncio.create_task(group.run(2))
    await asyncio.sleep(0)
    impatient.cancel()
    gate.set()
    assert 2 == await patient


async def test_an_unexpected_error_leaves_no_later_item_waiting(database: Database) -> None:
    async def write(connection: AsyncConnection, items: Sequence[int]) -> Sequence[int]:
        if 0 in items:
            raise ZeroDivisionError
        return items

    group = GroupCommit(database, write)
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    results = await asyncio.gather(*(group.run(item) for item in range(500)), return_exceptions=True)
    assert {type(one) for one in results[:200]} == {StoreUnavailable}
    assert results[200:] == list(range(200, 500))


async def test_items_that_come_one_after_the_other_share_one_task(database: Database) -> None:
    sizes = []

    async def write(connection: AsyncConnection, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    group = GroupCommit(database, write)

    async def many() -> list[int]:
        return [await group.run(item) for item in range(50)]

    assert [list(range(50))] * 4 == await asyncio.gather(*(many() for _ in range(4)))
    assert min(sizes) > 0
    assert sum(sizes) == 200
