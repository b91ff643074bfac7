"""Write what comes at once in one transaction: in a burst of commands, transactions would queue for seconds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreUnavailable
from bot.store.engine import Database

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
_MAX_ITEMS = 200


class GroupCommit(Generic[ItemT, ResultT]):
    """Collects items while another transaction runs, then writes them together."""

    def __init__(
        self,
        database: Database,
        write: Callable[[AsyncConnection, Sequence[ItemT]], Awaitable[Sequence[ResultT]]],
    ) -> None:
        # `write` writes items in one statement and returns a result for each. If it fails, it fails for all of them.
        self._database, self._write = database, write
        self._pending: list[tuple[ItemT, asyncio.Future[ResultT]]] = []
        self._task: asyncio.Task[None] | None = None

    async def run(self, item: ItemT) -> ResultT:
        """Write an item and return its result.

        Raises:
            StoreUnavailable: the transaction failed; nothing was written.
        """
        result: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._pending.append((item, result))
        if self._task is None or self._task.done():
            self._start()
        return await result

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run_all())
        self._task.add_done_callback(self._go_on)

    def _go_on(self, task: asyncio.Task[None]) -> None:
        """Write the items that an unexpected error has left; fail them if this is the end of the process."""
        if task is not self._task:  # the next one has started already
            return
        if not task.cancelled():
            if self._pending:
                self._start()
            return
        for _, waiting in self._pending:
            waiting.cancel()
        self._pending.clear()

    async def _run_all(self) -> None:
        while self._pending:
            await self._run_batch()

    async def _run_batch(self) -> None:
        batch: list[tuple[ItemT, asyncio.Future[ResultT]]] = []
        written: Sequence[ResultT] = ()
        problem: Exception = StoreUnavailable()
        try:
            async with self._database.write() as connection:
                batch = self._take()  # late, because more items come while the transaction waits for its turn
                results = await self._write(connection, [item for item, _ in batch])
            written = results
        except (StoreUnavailable, SQLAlchemyError) as error:
            problem = error
        finally:
            batch = batch or self._take()
            for index, (_, waiting) in enumerate(batch):
                if waiting.done():  # its caller gave up
                    continue
                if index < len(written):
                    waiting.set_result(written[index])
                else:
                    waiting.set_exception(problem)

    def _take(self) -> list[tuple[ItemT, asyncio.Future[ResultT]]]:
        taken, self._pending = self._pending[:_MAX_ITEMS], self._pending[_MAX_ITEMS:]
        return taken
