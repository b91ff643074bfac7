"""Background work after Slack was acknowledged, with bounded numbers of tasks and of expensive steps."""

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager

Work = Coroutine[object, None, object]


class TaskSet:
    """Runs coroutines in the background and keeps references to them, which asyncio itself does not.

    Work starts at once; its expensive steps wait for a `turn`. So people are notified of a wait while it lasts.
    """

    def __init__(self, *, concurrency: int = 16, limit: int = 200, refusal_limit: int = 20) -> None:
        """Set the limits: expensive steps at once, tasks at once, and replies at once to people who were refused."""
        self._turns = asyncio.Semaphore(concurrency)
        self._limit, self._refusal_limit = limit, refusal_limit
        self._work: set[asyncio.Task[object]] = set()
        self._refusals: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        return len(self._work) + len(self._refusals)

    def start(self, work: Work) -> bool:
        """Run this now; False when the limit is reached, and then the coroutine is closed."""
        return _start(work, self._work, self._limit)

    def refuse(self, work: Work) -> bool:
        """Run this reply to someone whose work was refused; it has its own limit."""
        return _start(work, self._refusals, self._refusal_limit)

    def turn(self) -> AbstractAsyncContextManager[object]:
        """Wait until an expensive step may begin; held while it runs."""
        return self._turns

    async def drain(self, timeout_s: float = 5.0) -> None:
        """Wait for running tasks, then cancel the rest."""
        if running := (*self._work, *self._refusals):
            _, late = await asyncio.wait(running, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _start(work: Work, tasks: set[asyncio.Task[object]], limit: int) -> bool:
    if len(tasks) >= limit:
        work.close()
        return False
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return True
