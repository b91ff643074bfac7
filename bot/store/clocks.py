"""The clocks of the running processes. `bot.watcher.clock_sync` makes them agree."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.engine import Database
from bot.store.schema import clocks


@dataclass(frozen=True, slots=True)
class ProcessClock:
    """What one process last wrote about its clock."""

    process: str
    beat: int
    """Counts the updates. Only a running process increases it, whatever its clock reads."""
    generation: int
    """Counts how often the processes' time was set; a higher generation has priority."""
    at: datetime
    wall_offset_s: float
    """How far the system clock is ahead of `at`."""


_ALL = select(clocks)
_OTHERS = _ALL.where(clocks.c.process != bindparam("own"))


class Clocks:
    """One row per process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, own: ProcessClock) -> list[ProcessClock]:
        """Write the clock of this process; return those of the others."""
        async with self._database.write() as connection:
            await write_clock(self._database, connection, own)
            rows = (await connection.execute(_OTHERS, {"own": own.process})).all()
        return [ProcessClock(*row) for row in rows]

    async def list_all(self) -> list[ProcessClock]:
        """Return every clock, of processes that run and that were killed."""
        async with self._database.read() as connection:
            return [ProcessClock(*row) for row in (await connection.execute(_ALL)).all()]

    async def remove(self, processes: Collection[str]) -> None:
        """Delete the clocks of processes that do not run."""
        async with self._database.write() as connection:
            await connection.execute(delete(clocks).where(clocks.c.process.in_(processes)))


async def write_clock(database: Database, connection: AsyncConnection, own: ProcessClock) -> None:
    """Write the clock of a process in a transaction that is open."""
    values = database.upsert(clocks, "beat", "generation", "at", "wall_offset_s")
    await connection.execute(values, asdict(own))
