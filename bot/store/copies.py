"""Recognize copies: messages of a delivery that was recorded with another receipt.

A copy appears when an attempt succeeded although its answer was lost, and the channel's history could not be read.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, exists, select

from bot.domain.alerts import DeliveryKind, Incident, Receipt
from bot.store.codec import from_json, to_json
from bot.store.deliveries import Deliveries
from bot.store.engine import Database
from bot.store.outbox import DeliveryState, is_queued
from bot.store.schema import deliveries, incidents

_EARLY, _LATE = timedelta(seconds=10), timedelta(minutes=2)
"""How much before its attempt and after the recorded message a copy may have been posted, by Slack's clock."""


class Copies:
    """Finds out whether a message is a copy."""

    def __init__(self, database: Database, outbox: Deliveries) -> None:
        self._database, self._outbox = database, outbox

    async def is_copy_of(self, incident_id: str, message: Receipt, now: datetime) -> bool:
        """Whether a message that shows this incident is a copy.

        If it is unknown whether the incident's root message arrived, then this message proves it and becomes the root.
        """
        root = select(incidents.c.root, incidents.c.value).where(incidents.c.id == incident_id)
        mine = deliveries.c.incident_id == incident_id
        known = select(deliveries.c.receipt).where(mine, deliveries.c.receipt.is_not(None))
        unknown = select(deliveries.c.id).where(
            mine, is_queued(), deliveries.c.kind == DeliveryKind.ROOT, deliveries.c.attempt_at.is_not(None)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(root)).one_or_none()
            receipts = set(await connection.scalars(known))
            unknown_id = await connection.scalar(unknown.limit(1))
        if row is None or to_json(message) in receipts or from_json(row.value, Incident).channel != message.channel:
            return False
        if row.root is None:
            if unknown_id is not None:
                await self._outbox.mark_sent(unknown_id, "", message, now)
            return False
        return row.root in receipts and row.root != to_json(message)  # else the receipts have been purged

    async def suspects(self, message: Receipt) -> list[frozenset[str]]:
        """Return the ids that a message would show if it were a copy, one set for each alert that may have a copy.

        Empty if the message is known, or if no alert of its channel and time may have a copy.
        """
        try:
            posted_at = datetime.fromtimestamp(float(message.ts), UTC)
        except ValueError:
            return []
        receipt = to_json(message)
        is_unsure = and_(
            deliveries.c.channel == message.channel,
            deliveries.c.state == DeliveryState.SENT,
            deliveries.c.unsure_since <= posted_at + _EARLY,
            deliveries.c.sent_at >= posted_at - _LATE,
        )
        others = deliveries.alias("others")
        is_known = exists().where(others.c.channel == message.channel, others.c.receipt == receipt)
        is_root = exists().where(incidents.c.channel == message.channel, incidents.c.root == receipt)
        about = deliveries.outerjoin(incidents, incidents.c.id == deliveries.c.incident_id)
        statement = select(incidents.c.value).select_from(about).where(is_unsure, ~is_known, ~is_root)
        async with self._database.read() as connection:
            values = (await connection.scalars(statement)).all()
        return [frozenset() if value is None else _shown_ids(from_json(value, Incident)) for value in values]


def _shown_ids(incident: Incident) -> frozenset[str]:
    return frozenset({incident.id, *(alert.id for alert in incident.alerts)})
