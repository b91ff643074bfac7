"""Incidents: the threads of each channel. Their messages are in `deliveries.py`."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import (
    Acknowledgement,
    Closing,
    Delivery,
    DeliveryKind,
    Incident,
    Notification,
    NotifyReason,
)
from bot.domain.jobs import JobRef
from bot.store.claims import revoke_claim
from bot.store.codec import from_json, to_json
from bot.store.engine import Database
from bot.store.outbox import add_deliveries
from bot.store.schema import incidents


class Incidents:
    """The incidents of all channels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, incident_id: str) -> Incident | None:
        """Return the incident with this id, or None."""
        async with self._database.read() as connection:
            value = await connection.scalar(select(incidents.c.value).where(incidents.c.id == incident_id))
        return None if value is None else from_json(value, Incident)

    async def list_open(self, channel: str, job: JobRef | None = None) -> tuple[Incident, ...]:
        """Return a channel's unresolved incidents, oldest first; only those of `job` when it is given."""
        statement = (
            select(incidents.c.value)
            .where(incidents.c.channel == channel, incidents.c.resolved_at.is_(None))
            .order_by(incidents.c.opened_at, incidents.c.id)
        )
        async with self._database.read() as connection:
            found = [from_json(value, Incident) for value in await connection.scalars(statement)]
        return tuple(incident for incident in found if job is None or incident.job.ref == job)

    async def acknowledge(
        self, incident_id: str, user: str, now: datetime, *, taken_from: str | None = None
    ) -> Incident | None:
        """Record that a person takes an open incident from `taken_from` (None: nobody had it), and edit the root.

        Of several people at once, one takes it; for the others nothing changes.

        Returns:
            The incident, whose acknowledgement says who has it now; None when it does not exist.
        """

        def take(incident: Incident) -> Incident:
            owner = incident.acknowledgement.by if incident.acknowledgement else None
            if not incident.is_open or owner != taken_from or owner == user:
                return incident
            return replace(incident, acknowledgement=Acknowledgement(user, now, taken_from))

        return await self._change(incident_id, take, f"acknowledged:{user}", now)

    async def close(self, incident_id: str, user: str, now: datetime) -> Incident | None:
        """Record that a person closes an open incident, and edit the root.

        Returns:
            The incident, whose closing says who closed it; None when it does not exist.
        """

        def end(incident: Incident) -> Incident:
            return replace(incident, closing=Closing(user, now)) if incident.is_open else incident

        return await self._change(incident_id, end, f"closed:{user}", now)

    async def _change(
        self, incident_id: str, change: Callable[[Incident], Incident], key: str, now: datetime
    ) -> Incident | None:
        """Apply a person's change, and queue an edit of the root message if it changed anything."""
        known = await self.find(incident_id)
        if known is None:
            return None
        async with self._database.write() as connection:
            await revoke_claim(connection, known.job.ref)  # first, because a settling poll locks in this order
            statement = select(incidents).where(incidents.c.id == incident_id).with_for_update()
            row = (await connection.execute(statement)).one_or_none()
            if row is None:
                return None
            before = from_json(row.value, Incident)
            after = change(before)
            if after != before:
                await save_incidents(self._database, connection, [(row.watch_id, after)])
                edit = Notification(DeliveryKind.EDIT, NotifyReason.CHANGED, after.job, after)
                delivery = Delivery(f"{incident_id}:{key}:{now.isoformat()}", after.channel, edit)
                await add_deliveries(self._database, connection, [(row.watch_id, delivery)], now)
        return after


async def save_incidents(
    database: Database, connection: AsyncConnection, changed: Iterable[tuple[int, Incident]]
) -> None:
    """Write incidents (each with its watch's id); the root message they have is kept."""
    rows = [
        {
            "id": incident.id,
            "watch_id": watch_id,
            "channel": incident.channel,
            "opened_at": incident.opened_at,
            "resolved_at": incident.resolved_at,
            "value": to_json(incident),
        }
        for watch_id, incident in changed
    ]
    if rows:
        await connection.execute(database.upsert(incidents, "resolved_at", "value"), rows)
