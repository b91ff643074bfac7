"""Facade over the persistence layer. `engine.py` has connections and transactions."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, and_, delete, select

from bot.domain.checks import CheckResult
from bot.store.check import check_database
from bot.store.deliveries import Deliveries
from bot.store.engine import Database
from bot.store.incidents import Incidents
from bot.store.outbox import DeliveryState
from bot.store.schema import deliveries, heartbeats, incidents, silences
from bot.store.silences import Silences
from bot.store.subscriptions import Subscriptions
from bot.store.watches import Watches

KEEP_FOR = timedelta(days=30)
"""How long finished rows are kept."""
_BATCH = 1000
"""Rows deleted in one transaction, so that polls and deliveries do not wait long."""


async def open_store(url: str) -> Store:
    """Return the store of a DATABASE_URL, without connecting or migrating (`migrate.py`).

    Raises:
        ConfigError: the URL is invalid or names an unsupported database.
    """
    return Store(Database(url))


class Store:
    """Everything that trainwatch stores."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.subscriptions = Subscriptions(database)
        self.silences = Silences(database)
        self.watches = Watches(database)
        self.deliveries = Deliveries(database)
        self.incidents = Incidents(database)

    async def check(self) -> list[CheckResult]:
        """Check that the database can be reached, has our schema and is writable."""
        return await check_database(self._database)

    async def heartbeat(self, name: str, now: datetime) -> None:
        """Record that the loop of this name is alive."""
        insert = self._database.insert(heartbeats).values(name=name, at=now)
        async with self._database.write() as connection:
            await connection.execute(
                insert.on_conflict_do_update(index_elements=[heartbeats.c.name], set_={"at": insert.excluded.at})
            )

    async def last_heartbeat(self, name: str) -> datetime | None:
        """Return when the loop of this name was last alive; None: never."""
        async with self._database.read() as connection:
            return (
                await connection.execute(select(heartbeats.c.at).where(heartbeats.c.name == name))
            ).scalar_one_or_none()

    async def purge_expired(self, now: datetime) -> int:
        """Delete deliveries, incidents and silences that ended 30 days ago; return the number of rows."""
        before = now - KEEP_FOR
        finished = and_(deliveries.c.created_at < before, deliveries.c.state != DeliveryState.QUEUED)
        return (
            await self._delete(deliveries, finished)
            + await self._delete(incidents, incidents.c.resolved_at < before)
            + await self._delete(silences, silences.c.ends_at < before)
        )

    async def _delete(self, table: Table, expired: ColumnElement[bool]) -> int:
        """Delete in batches until no row is left."""
        batch = delete(table).where(table.c.id.in_(select(table.c.id).where(expired).limit(_BATCH)))
        total = 0
        while True:
            async with self._database.write() as connection:
                deleted = (await connection.execute(batch)).rowcount
            total += deleted
            if deleted < _BATCH:
                return total

    async def aclose(self) -> None:
        """Close every connection."""
        await self._database.aclose()
