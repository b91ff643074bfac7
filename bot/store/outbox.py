"""Write deliveries into the outbox, in the transaction that decided them. `deliveries.py` takes them out."""

import enum
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind, Notification
from bot.store.codec import to_json
from bot.store.engine import Database
from bot.store.schema import deliveries

NO_PAYLOAD = ""
"""Replaces a notification that needs no sending any more, because each contains a whole incident."""


class DeliveryState(enum.StrEnum):
    """The state of a delivery; every state but the first is final."""

    QUEUED = "queued"
    """To be sent at its `due_at`."""
    SENT = "sent"
    DEAD = "dead"
    """Will not be sent: the channel refuses it, or it was retried for too long."""
    SUPPRESSED = "suppressed"
    """Deliberately not sent, because of a silence or a severity below the subscription's."""
    SUPERSEDED = "superseded"
    """An edit replaced by a later edit of the same message."""


async def add_deliveries(
    database: Database, connection: AsyncConnection, new: Iterable[tuple[int, Delivery]], now: datetime
) -> None:
    """Add deliveries (each with its watch's id), due now; those already in the outbox are not touched."""
    rows = [
        {
            "watch_id": watch_id,
            "dedupe_key": delivery.dedupe_key,
            "channel": delivery.channel,
            "kind": delivery.notification.kind.value,
            "incident_id": _thread_of(delivery.notification),
            "state": DeliveryState.QUEUED if delivery.suppressed_by is None else DeliveryState.SUPPRESSED,
            "reason": delivery.suppressed_by or delivery.notification.reason.value,
            "due_at": now,
            "attempts": 0,
            "notification": NO_PAYLOAD if delivery.suppressed_by else to_json(delivery.notification),
            "created_at": now,
        }
        for watch_id, delivery in new
    ]
    if rows:
        insert = database.insert(deliveries)
        await connection.execute(
            insert.on_conflict_do_nothing(index_elements=[deliveries.c.watch_id, deliveries.c.dedupe_key]), rows
        )


def _thread_of(notification: Notification) -> str | None:
    """The incident in whose order a delivery is sent; a direct message delays no other."""
    if notification.incident is None or notification.kind is DeliveryKind.DIRECT:
        return None
    return notification.incident.id
