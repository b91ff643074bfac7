"""Synthetic incidents, which test the way of an alert through the database and the outbox."""

from datetime import datetime

from sqlalchemy import delete

from bot.domain.alerts import Delivery, Incident
from bot.store.engine import Database
from bot.store.incidents import save_incidents
from bot.store.outbox import add_deliveries
from bot.store.schema import deliveries, incidents
from bot.store.statistics import CANARY_WATCH


class Canaries:
    """At most one synthetic incident at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, incident: Incident, delivery: Delivery, now: datetime) -> None:
        """Delete the last one and write a new one with its message, in one transaction like a decision."""
        async with self._database.write() as connection:
            for table in (deliveries, incidents):
                await connection.execute(delete(table).where(table.c.watch_id == CANARY_WATCH))
            await save_incidents(self._database, connection, [(CANARY_WATCH, incident)], now)
            await add_deliveries(self._database, connection, [(CANARY_WATCH, delivery)], now)
