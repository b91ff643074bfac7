"""Work that goes on after Slack was acknowledged: a bounded number, of which a few at a time, none lost track of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

Work = Callable[[], Awaitable[object]]
"""Begins when it is called, so that what is refused leaves nothing behind."""


class TaskSet:
    """Runs work in the background and holds on to it: asyncio itself forgets tasks nobody refers to.

    Work starts at once; what is expensive in it waits for its `turn`. So people hear of a wait while it lasts.
    """

    def __init__(self, *, at_once: int = 16, at_most: int = 200, refusals: int = 20) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._at_most, self._refusals = at_most, refusals
        self._work: set[asyncio.Task[None]] = set()
        self._refusing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._work) + len(self._refusing)

    def start(self, work: Work) -> bool:
        """Run this now; False when there is so much already that it is better refused."""
        return _start(work, self._work, self._at_most)

    def refuse(self, work: Work) -> bool:
        """Run this answer to someone whose work was refused, beside all other work; False: even these are too many."""
        return _start(work, self._refusing, self._refusals)

    def turn(self) -> AbstractAsyncContextManager[object]:
        """Entered when there is room for one more expensive thing."""
        return self._turns

    async def drain(self, timeout_s: float = 5.0) -> None:
        """Wait for what is running, then cancel what is left."""
        if running := (*self._work, *self._refusing):
            _, late = await asyncio.wait(running, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _start(work: Work, tasks: set[asyncio.Task[None]], at_most: int) -> bool:
    if len(tasks) >= at_most:
        return False
    task = asyncio.create_task(_run(work))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return True


async def _run(work: Work) -> None:
    await work()
