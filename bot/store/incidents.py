"""Incidents: the threads of each channel. Their messages are in `deliveries.py`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind, Incident, Notification, NotifyReason, Receipt
from bot.domain.jobs import JobRef
from bot.domain.ownership import Acknowledgement, Closing, IncidentNote
from bot.store.claims import revoke_claim
from bot.store.codec import from_json, to_json
from bot.store.engine import Database
from bot.store.outbox import NO_PAYLOAD, DeliveryState, add_deliveries
from bot.store.schema import deliveries, incidents

_RECENT = 50
"""A channel's incidents among which `find_latest` searches."""


class Incidents:
    """The incidents of all channels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, incident_id: str) -> Incident | None:
        """Return the incident with this id, or None."""
        async with self._database.read() as connection:
            value = await connection.scalar(select(incidents.c.value).where(incidents.c.id == incident_id))
        return None if value is None else from_json(value, Incident)

    async def find_by_root(self, root: Receipt) -> Incident | None:
        """Return the incident that has this root message, or None."""
        statement = select(incidents.c.value).where(
            incidents.c.channel == root.channel, incidents.c.root == to_json(root), incidents.c.digest_id.is_(None)
        )
        async with self._database.read() as connection:
            value = await connection.scalar(statement)
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

    async def find_latest(self, channel: str, job: JobRef) -> Incident | None:
        """Return a channel's newest incident of a job, open or not; None if it has none."""
        statement = (
            select(incidents.c.value)
            .where(incidents.c.channel == channel)
            .order_by(incidents.c.opened_at.desc())
            .limit(_RECENT)
        )
        async with self._database.read() as connection:
            found = [from_json(value, Incident) for value in await connection.scalars(statement)]
        return next((incident for incident in found if incident.job.ref == job), None)

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
            if not incident.is_open or owner == user or owner not in (None, taken_from):
                return incident
            return replace(incident, acknowledgement=Acknowledgement(user, now, taken_from=owner))

        return await self.change(incident_id, take, f"acknowledged:{user}", now)

    async def add_note(self, incident_id: str, note: IncidentNote) -> Incident | None:
        """Add a note to an incident, take it if it is open and nobody has it, and edit the root.

        Returns:
            The incident with the note; None when it does not exist.
        """

        def write(incident: Incident) -> Incident:
            is_free = incident.is_open and incident.acknowledgement is None
            taken = Acknowledgement(note.by, note.at) if is_free else incident.acknowledgement
            return replace(incident, note=note, acknowledgement=taken)

        return await self.change(incident_id, write, f"noted:{note.by}", note.at)

    async def reopen(self, incident_id: str, closed_at: datetime | None, now: datetime) -> Incident | None:
        """Undo that a person closed an incident at this time (None: at any), and edit the root.

        Returns:
            The incident, which is open if it still needs a person; None when it does not exist.
        """

        def undo(incident: Incident) -> Incident:
            is_meant = incident.closing is not None and closed_at in (None, incident.closing.at)
            return replace(incident, closing=None) if is_meant else incident

        return await self.change(incident_id, undo, "reopened", now)

    async def close(self, incident_id: str, user: str, now: datetime) -> Incident | None:
        """Record that a person closes an open incident, and edit the root.

        Returns:
            The incident, whose closing says who closed it; None when it does not exist.
        """

        def end(incident: Incident) -> Incident:
            return replace(incident, closing=Closing(user, now)) if incident.is_open else incident

        return await self.change(incident_id, end, f"closed:{user}", now)

    async def change(
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
                await save_incidents(self._database, connection, [(row.watch_id, after)], now)
                edit = Notification(DeliveryKind.EDIT, NotifyReason.CHANGED, after.job, after)
                messages = [Delivery(f"{incident_id}:{key}:{now.isoformat()}", after.channel, edit)]
                for reason in _news(before, after):
                    reply = Notification(DeliveryKind.REPLY, reason, after.job, after)
                    messages.append(Delivery(f"{incident_id}:{reason}:{now.isoformat()}", after.channel, reply))
                await add_deliveries(self._database, connection, [(row.watch_id, one) for one in messages], now)
        return after


async def save_incidents(
    database: Database, connection: AsyncConnection, changed: Iterable[tuple[int, Incident]], now: datetime
) -> None:
    """Write incidents (each with its watch's id) and have their next reminder planned; other columns are kept.

    Reminders that are not sent yet are withdrawn from incidents that need nobody any more.
    """
    rows = [
        {
            "id": incident.id,
            "watch_id": watch_id,
            "channel": incident.channel,
            "opened_at": incident.opened_at,
            "resolved_at": incident.resolved_at,
            "value": to_json(incident),
            "group_key": incident.group,
            "is_open": incident.is_open,
            "remind_at": now if incident.is_open and incident.acknowledgement is None else None,
        }
        for watch_id, incident in changed
    ]
    if rows:
        await connection.execute(database.upsert(incidents, "resolved_at", "value", "is_open", "remind_at"), rows)
        await _drop_reminders(connection, [str(row["id"]) for row in rows if row["remind_at"] is None])


def _news(before: Incident, after: Incident) -> list[NotifyReason]:
    """What a person's change adds to the thread."""
    taken = after.acknowledgement
    is_taken_over = taken is not None and taken.taken_from is not None and taken != before.acknowledgement
    is_noted = after.note is not None and after.note != before.note
    news = ((NotifyReason.TAKEN_OVER, is_taken_over), (NotifyReason.NOTED, is_noted))
    return [reason for reason, is_new in news if is_new]


async def replan_reminders(connection: AsyncConnection, channel: str, now: datetime) -> None:
    """Have the reminders of a channel's open incidents planned again, because something they depend on changed."""
    is_due = and_(incidents.c.channel == channel, incidents.c.is_open)
    await connection.execute(update(incidents).where(is_due).values(remind_at=now))


async def _drop_reminders(connection: AsyncConnection, incident_ids: Sequence[str]) -> None:
    if not incident_ids:
        return
    unsent = and_(
        deliveries.c.incident_id.in_(incident_ids),
        deliveries.c.state == DeliveryState.QUEUED,
        deliveries.c.reason.in_((NotifyReason.REMINDER, NotifyReason.ESCALATED)),
        deliveries.c.claim_token.is_(None),
    )
    reason = "the incident was acknowledged, closed or resolved"
    dropped = update(deliveries).where(unsent)
    await connection.execute(dropped.values(state=DeliveryState.SUPERSEDED, reason=reason, notification=NO_PAYLOAD))
