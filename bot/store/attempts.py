"""Attempts whose outcome is unknown: the answer was lost, or the sender died before it marked the result.

`delivery_queue.take` records the start of each attempt. A delivery with an attempt of unknown outcome is not sent
again before somebody has looked for its message (`bot.watcher.reconcile`). A message that was sent after such an
attempt is verified once later, because Slack may have accepted the first attempt late.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import and_, func, select, update

from bot.domain.alerts import DeliveryKind, Receipt
from bot.store.claimed_deliveries import ClaimedDelivery, SentDelivery, delivery_id, read_delivery
from bot.store.claims import new_token
from bot.store.codec import from_json
from bot.store.delivery_queue import roots_of
from bot.store.engine import AnyRow, Database
from bot.store.outbox import DeliveryState, is_queued, update_free
from bot.store.schema import deliveries

log = logging.getLogger(__name__)

UNREADABLE = "cannot be read: written by another version"


class Attempts:
    """The attempts whose outcome is unknown, and the messages of which copies may exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, now: datetime, *, lease: timedelta, limit: int = 200, busy: Collection[str] = ()
    ) -> list[ClaimedDelivery]:
        """Claim deliveries whose last attempt has ended with an unknown outcome; skip `busy` channels.

        A row that cannot be decoded is marked dead and logged.
        """
        has_ended = and_(deliveries.c.attempt_at.is_not(None), is_queued(), deliveries.c.due_at <= now)
        unknown = (
            select(deliveries.c.id)
            .where(has_ended, deliveries.c.channel.not_in(busy))
            .order_by(deliveries.c.attempt_at)
            .limit(limit)
        )
        async with self._database.read() as connection:
            ids = (await connection.scalars(unknown)).all()
        if not ids:
            return []
        statement = update_free(unknown.where(deliveries.c.id.in_(ids))).values(
            due_at=now + lease,
            claim_token=new_token(),
            unsure_since=func.coalesce(deliveries.c.unsure_since, deliveries.c.attempt_at),
        )
        async with self._database.write() as connection:
            rows = (await connection.execute(statement.returning(*deliveries.c))).all()
            roots = await roots_of(connection, rows)
        claimed: list[ClaimedDelivery] = []
        for row in sorted(rows, key=lambda one: one.id):
            try:
                claimed.append(read_delivery(row, roots.get(row.incident_id)))
            except msgspec.MsgspecError:
                log.exception("delivery cannot be read", extra={"delivery": row.id})
                await self._give_up(row)
        return claimed

    async def mark_absent(self, claimed: ClaimedDelivery, now: datetime) -> bool:
        """Record that no message was found, so the delivery may be sent. Returns False if the claim was lost."""
        return await self._update(claimed, claim_token=None, attempt_at=None, due_at=now)

    async def postpone(self, claimed: ClaimedDelivery, until: datetime) -> bool:
        """Look for the message later. Returns False if the claim was lost."""
        return await self._update(claimed, claim_token=None, due_at=until)

    async def _give_up(self, row: AnyRow) -> None:
        values = {"state": DeliveryState.DEAD, "reason": UNREADABLE, "claim_token": None, "attempt_at": None}
        is_held = and_(deliveries.c.id == row.id, deliveries.c.claim_token == row.claim_token, is_queued())
        async with self._database.write() as connection:
            await connection.execute(update(deliveries).where(is_held).values(values))

    async def _update(self, claimed: ClaimedDelivery, **values: object) -> bool:
        is_held = and_(deliveries.c.id == claimed.id, deliveries.c.claim_token == claimed.token, is_queued())
        async with self._database.write() as connection:
            return (await connection.execute(update(deliveries).where(is_held).values(values))).rowcount > 0

    async def claim_sent(self, now: datetime, *, lease: timedelta, limit: int = 200) -> list[SentDelivery]:
        """Claim the sent messages whose copies are to be looked for now."""
        due = select(deliveries.c.id).where(deliveries.c.verify_at <= now).order_by(deliveries.c.verify_at).limit(limit)
        async with self._database.read() as connection:
            ids = (await connection.scalars(due)).all()
        if not ids:
            return []
        statement = update_free(due.where(deliveries.c.id.in_(ids))).values(verify_at=now + lease)
        async with self._database.write() as connection:
            rows = (await connection.execute(statement.returning(*deliveries.c))).all()
            roots = await roots_of(connection, rows)
        is_sent = [row for row in rows if row.state == DeliveryState.SENT and row.receipt and row.unsure_since]
        return [_read_sent(row, roots.get(row.incident_id)) for row in is_sent]

    async def mark_verified(self, ids: Sequence[int], *, is_single: bool) -> None:
        """Record that these messages need no more verification; `is_single` if no copy can exist any more."""
        values: dict[str, object] = {"verify_at": None}
        if is_single:
            values["unsure_since"] = None
        async with self._database.write() as connection:
            await connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(values))

    async def verify_later(self, ids: Sequence[int], at: datetime) -> None:
        """Look for the copies of these messages at this time."""
        async with self._database.write() as connection:
            await connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(verify_at=at))


def _read_sent(row: AnyRow, root: str | None) -> SentDelivery:
    is_reply = row.kind == DeliveryKind.REPLY
    return SentDelivery(
        id=row.id,
        delivery_id=delivery_id(row.watch_id, row.dedupe_key),
        channel=row.channel,
        receipt=from_json(row.receipt, Receipt),
        root=from_json(root, Receipt) if is_reply and root is not None else None,
        unsure_since=row.unsure_since,
    )
