"""Recognize copies: messages of a delivery that was recorded with another receipt.

A copy appears when an attempt succeeded although its answer was lost, and the channel's history could not be read.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, exists, select

from bot.domain.alerts import DeliveryKind, Incident, Receipt
from bot.store.codec import from_json, to_json
from bot.store.deliveries import Deliveries
from bot.store.engine import AnyRow, Database
from bot.store.outbox import DeliveryState, is_queued
from bot.store.roots import find_roots
from bot.store.schema import deliveries, incidents

_EARLY, _LATE = timedelta(seconds=10), timedelta(minutes=2)
"""How much before its attempt and after the recorded message a copy may have been posted, by Slack's clock."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A recorded message of which a copy may exist."""

    ids: frozenset[str]
    """The ids that the copy may show; empty for a note or a message about runs, which show none."""
    receipt: Receipt


class Copies:
    """Finds out whether a message is a copy."""

    def __init__(self, database: Database, outbox: Deliveries) -> None:
        self._database, self._outbox = database, outbox

    async def is_copy_of(self, thread_id: str, message: Receipt, now: datetime) -> bool:
        """Whether a message that shows this incident or digest is a copy.

        If it is unknown whether the root message arrived, then this message proves it and becomes the root.
        """
        mine = and_(deliveries.c.incident_id == thread_id, deliveries.c.channel == message.channel)
        known = select(deliveries.c.receipt).where(mine, deliveries.c.receipt.is_not(None))
        unknown = select(deliveries.c.id).where(
            mine, is_queued(), deliveries.c.kind == DeliveryKind.ROOT, deliveries.c.attempt_at.is_not(None)
        )
        async with self._database.read() as connection:
            root = (await find_roots(connection, [thread_id])).get(thread_id)
            receipts = set(await connection.scalars(known))
            unknown_id = await connection.scalar(unknown.limit(1))
        if root is None and unknown_id is not None:
            await self._outbox.mark_sent(unknown_id, "", message, now)
        # If the root's own receipt is unknown, the receipts have been purged, or this is another channel.
        return root in receipts and to_json(message) not in receipts

    async def suspects(self, message: Receipt) -> list[Suspect]:
        """Return the recorded messages of which this one may be a copy.

        Empty if the message is known, or if no message of its channel and time may have a copy.
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
        columns = (deliveries.c.kind, deliveries.c.incident_id, deliveries.c.receipt, incidents.c.value)
        statement = select(*columns).select_from(about).where(is_unsure, ~is_known, ~is_root)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return [Suspect(_shown_ids(row), from_json(row.receipt, Receipt)) for row in rows]


def _shown_ids(row: AnyRow) -> frozenset[str]:
    thread_id: str | None = row.incident_id
    if row.kind == DeliveryKind.NOTE or thread_id is None or thread_id.startswith(("run-", "brd-")):
        return frozenset()
    alerts = () if row.value is None else from_json(row.value, Incident).alerts
    return frozenset({thread_id, *(alert.id for alert in alerts)})
