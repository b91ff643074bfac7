"""Processes that write to one SQLite file take turns, however busy one of them is."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import text

from bot.store.engine import Database
from bot.store.write_gate import WriteGate
from tests.support.waiting import LONGEST_S, eventually

WRITERS, WRITES = 20, 5
HELD_S = 0.02
"""How long each transaction keeps the write lock; the next one follows at once."""


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Database]:
    """The file as another process opens it: with its own connections, queue and gate."""
    database = Database(f"sqlite:///{folder}/x.db")
    try:
        yield database
    finally:
        await database.aclose()


@contextmanager
def probed(folder: Path) -> Iterator[int]:
    """A descriptor of the folder, to see whether a gate is held."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


async def write(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS t (x)"))
        await connection.execute(text("INSERT INTO t VALUES (1)"))
        await asyncio.sleep(HELD_S)


async def test_a_busy_process_does_not_keep_another_one_from_writing(tmp_path: Path) -> None:
    written = 0

    async def keep_writing(database: Database) -> None:
        nonlocal written
        while True:
            await write(database)
            written += 1

    async with opened(tmp_path) as busy, opened(tmp_path) as other:
        tasks = [asyncio.create_task(keep_writing(busy)) for _ in range(WRITERS)]
        try:
            passed = 0
            for _ in range(WRITES):
                before = written
                await write(other)
                passed += written - before
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert passed < 5 * WRITES


async def test_a_process_holds_the_gate_while_it_waits_and_gives_it_up_when_it_writes(tmp_path: Path) -> None:
    async with opened(tmp_path) as busy, opened(tmp_path) as other:
        with probed(tmp_path) as probe:
            async with busy.write():
                assert not is_held(probe)
                waiting = asyncio.create_task(write(other))
                await eventually(lambda: is_held(probe))
            await waiting
            assert not is_held(probe)


async def test_a_process_waits_at_the_gate_until_the_other_one_leaves_it(tmp_path: Path) -> None:
    first, second = (WriteGate(tmp_path, patience_s=LONGEST_S) for _ in range(2))
    await first.enter()
    waiting = asyncio.create_task(second.enter())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    first.leave()
    await waiting
    for one in (first, second):
        one.close()


async def test_a_process_that_holds_the_gate_for_too_long_stops_nobody(tmp_path: Path) -> None:
    stopped, gate = WriteGate(tmp_path), WriteGate(tmp_path, patience_s=0.01)
    await stopped.enter()
    await gate.enter()
    gate.leave()
    for one in (stopped, gate):
        one.close()


async def test_a_gate_without_its_folder_lets_everybody_through(tmp_path: Path) -> None:
    gate = WriteGate(tmp_path / "missing")
    await gate.enter()
    gate.leave()
    gate.close()
