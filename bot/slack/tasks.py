"""Work that goes on after Slack was acknowledged: a bounded number at a time, none lost track of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Work = Callable[[], Awaitable[object]]
"""Begins when it is called, so that what never gets its turn leaves nothing behind."""


class TaskSet:
    """Runs work in the background and holds on to it: asyncio itself forgets tasks nobody refers to."""

    def __init__(self, *, at_once: int = 16, at_most: int = 200) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._at_most = at_most
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def is_full(self) -> bool:
        """Whether more work would wait for so long that it is better refused."""
        return len(self._tasks) >= self._at_most

    def start(self, work: Work) -> None:
        """Run this as soon as there is room."""
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, timeout_s: float = 5.0) -> None:
        """Wait for what is running, then cancel what is left."""
        if self._tasks:
            _, late = await asyncio.wait(tuple(self._tasks), timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, work: Work) -> None:
        async with self._slots:
            await work()
