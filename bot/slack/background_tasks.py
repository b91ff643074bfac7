"""Background work after Slack was acknowledged, with bounded numbers of tasks and of expensive steps.

No work is dropped silently: work that does not fit is refused with an answer, and at the end of the process work is
cancelled, which its owner answers (`bot.slack.answering.errors_answered`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine

from bot.errors import TooBusy

Work = Coroutine[object, None, object]


class TaskSet:
    """Runs coroutines in the background and keeps references to them, which asyncio itself does not.

    Work starts at once; its expensive steps wait for a `turn`. So people are notified of a wait while it lasts.
    """

    def __init__(
        self, *, concurrency: int = 16, limit: int = 1000, refusals: int = 20, turn_within_s: float = 60.0
    ) -> None:
        """Set the limits.

        Args:
            concurrency: expensive steps at once.
            limit: tasks at once; a task that waits costs some kilobytes.
            refusals: replies at once to people whose work was refused.
            turn_within_s: the longest wait for a turn.
        """
        self._turns, self._limit, self._turn_within_s = asyncio.Semaphore(concurrency), limit, turn_within_s
        self._refusing = asyncio.Semaphore(refusals)
        self._work: set[asyncio.Task[object]] = set()
        self._refusals: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        return len(self._work) + len(self._refusals)

    @property
    def has_room(self) -> bool:
        """Whether `start` accepts more work."""
        return len(self._work) < self._limit

    def start(self, work: Work) -> bool:
        """Run this now; False when the limit is reached, and then the coroutine is closed."""
        if not self.has_room:
            work.close()
            return False
        _run(work, self._work)
        return True

    def refuse(self, work: Work) -> None:
        """Run this reply to someone whose work was refused, as soon as earlier ones are through."""
        _run(self._refuse_in_turn(work), self._refusals)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until an expensive step may begin; held while it runs.

        Raises:
            TooBusy: the wait is too long.
        """
        try:
            async with asyncio.timeout(self._turn_within_s):
                await self._turns.acquire()
        except TimeoutError:
            raise TooBusy from None
        try:
            yield
        finally:
            self._turns.release()

    async def drain(self, finish_s: float = 3.0, answer_s: float = 4.0) -> None:
        """Wait for running tasks, then cancel the rest and wait for their last answers.

        Container platforms kill a process ten seconds after they ask it to stop.
        """
        if running := (*self._work, *self._refusals):
            _, late = await asyncio.wait(running, timeout=finish_s)
            for timeout_s in (answer_s, None):
                for task in late:
                    task.cancel()
                if late:
                    _, late = await asyncio.wait(late, timeout=timeout_s)

    async def _refuse_in_turn(self, work: Work) -> None:
        try:
            async with self._refusing:
                await work
        finally:
            work.close()


def _run(work: Work, tasks: set[asyncio.Task[object]]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
