"""Writing news into the outbox, inside the transaction that decided it. Taking it out again: `bot.store.deliveries`."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, Incident
from bot.store.codec import encode
from bot.store.engine import Database
from bot.store.schema import deliveries, incidents

NO_PAYLOAD = ""
"""A notification that needs no sending any more: it holds a whole incident, and there are thousands of them."""


class DeliveryState(enum.StrEnum):
    """Where a delivery stands; all but the first are ends."""

    QUEUED = "queued"
    """To be sent, now or at its `due_at`."""
    SENT = "sent"
    DEAD = "dead"
    """Will not be sent: the channel refuses it, or it has been tried for too long."""
    SUPPRESSED = "suppressed"
    """Decided, and deliberately not sent: a silence, a severity below the subscription's."""
    SUPERSEDED = "superseded"
    """An edit that a later edit of the same message made needless."""


async def save_incidents(
    database: Database, connection: AsyncConnection, changed: Iterable[tuple[int, Incident]]
) -> None:
    """Write incidents (with their watch's id) as they now stand. Keeps the root message they have."""
    rows = [
        {
            "id": incident.id,
            "watch_id": watch_id,
            "channel": incident.channel,
            "opened_at": incident.opened_at,
            "resolved_at": incident.resolved_at,
            "value": encode(incident),
        }
        for watch_id, incident in changed
    ]
    if rows:
        insert = database.insert(incidents)
        await connection.execute(
            insert.on_conflict_do_update(
                index_elements=[incidents.c.id],
                set_={name: insert.excluded[name] for name in ("resolved_at", "value")},
            ),
            rows,
        )


async def add_deliveries(
    database: Database, connection: AsyncConnection, news: Iterable[tuple[int, Delivery]], now: datetime
) -> None:
    """Put news (with their watch's id) into the outbox, due now; those that were put there before are left alone."""
    rows = [
        {
            "watch_id": watch_id,
            "dedupe_key": delivery.dedupe_key,
            "channel": delivery.channel,
            "kind": delivery.notification.kind.value,
            "incident_id": None if delivery.notification.incident is None else delivery.notification.incident.id,
            "state": DeliveryState.QUEUED if delivery.suppressed_by is None else DeliveryState.SUPPRESSED,
            "reason": delivery.suppressed_by or delivery.notification.reason.value,
            "due_at": now,
            "attempts": 0,
            "notification": NO_PAYLOAD if delivery.suppressed_by else encode(delivery.notification),
            "created_at": now,
        }
        for watch_id, delivery in news
    ]
    if rows:
        insert = database.insert(deliveries)
        await connection.execute(
            insert.on_conflict_do_nothing(index_elements=[deliveries.c.watch_id, deliveries.c.dedupe_key]), rows
        )
