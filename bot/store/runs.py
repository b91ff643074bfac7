"""The messages that follow runs: the row of each thread, which keeps its root message. The watch keeps the rest."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, Receipt
from bot.store.codec import to_json
from bot.store.engine import Database
from bot.store.schema import runs


class RunMessages:
    """The runs that channels follow."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_job(self, root: Receipt) -> str | None:
        """Return the reference of the run that has this root message, or None."""
        statement = select(runs.c.job).where(runs.c.channel == root.channel, runs.c.root == to_json(root))
        async with self._database.read() as connection:
            job: str | None = await connection.scalar(statement)
        return job


async def touch_runs(database: Database, connection: AsyncConnection, new: Iterable[Delivery], now: datetime) -> None:
    """Add the rows of new messages about runs; lock those that exist until the transaction ends."""
    reports = {one.notification.run.id: one.notification.run for one in new if one.notification.run is not None}
    rows = [
        {
            "id": one.id,
            "channel": one.channel,
            "job": str(one.job.ref),
            "created_at": now,
            "changed_at": now,
            "value": to_json(one),
        }
        for _, one in sorted(reports.items())
    ]
    if rows:
        await connection.execute(database.upsert(runs, "changed_at", "value"), rows)
