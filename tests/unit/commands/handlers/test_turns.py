"""Long work on many items lets other tasks run."""

from __future__ import annotations

import asyncio

from bot.commands.handlers.turns import take_turns


async def test_other_tasks_run_while_many_items_are_worked_on() -> None:
    turns, done = 0, False

    async def other() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(other())
        assert list(range(5_000)) == [one async for one in take_turns(range(5_000))]
        done = True
    assert turns >= 5_000 // 100
