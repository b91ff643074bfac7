"""Attempts whose outcome is unknown: the answer was lost, or the sender died before it marked the result.

`delivery_queue.take` records the start of each attempt. A delivery with an attempt of unknown outcome is not sent
again before somebody has looked for its message (`bot.watcher.reconcile`). A message that was sent after such an
attempt is verified once later, because Slack may have accepted the first attempt late.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Integer, and_, bindparam, func, select, update

from bot.domain.alerts import DeliveryKind, Receipt
from bot.store.claimed_deliveries import ClaimedDelivery, SentDelivery, delivery_id, read_delivery
from bot.store.claims import new_token
from bot.store.codec import from_json
from bot.store.column_types import UtcDateTime
from bot.store.delivery_queue import roots_of
from bot.store.engine import AnyRow, Database
from bot.store.outbox import DeliveryState, is_queued, update_free
from bot.store.schema import deliveries

log = logging.getLogger(__name__)

UNREADABLE = "cannot be read: written by another version"

_LIMIT, _LEASE_ENDS_AT = bindparam("limit", type_=Integer), bindparam("lease_ends_at", type_=UtcDateTime)
_CLAIMED_IDS = deliveries.c.id.in_(bindparam("ids", expanding=True))
_HAS_ENDED = and_(deliveries.c.attempt_at.is_not(None), is_queued(), deliveries.c.due_at <= bindparam("now"))
_IS_FREE = deliveries.c.channel.not_in(bindparam("busy", expanding=True))
_UNKNOWN = select(deliveries.c.id).where(_HAS_ENDED, _IS_FREE).order_by(deliveries.c.attempt_at).limit(_LIMIT)
_CLAIM_UNKNOWN = (
    update_free(_UNKNOWN.where(_CLAIMED_IDS))
    .values(
        due_at=_LEASE_ENDS_AT,
        claim_token=bindparam("token"),
        unsure_since=func.coalesce(deliveries.c.unsure_since, deliveries.c.attempt_at),
    )
    .returning(*deliveries.c)
)
_NEEDS_VERIFYING = deliveries.c.verify_at <= bindparam("now")
_UNVERIFIED = select(deliveries.c.id).where(_NEEDS_VERIFYING).order_by(deliveries.c.verify_at).limit(_LIMIT)
_CLAIM_UNVERIFIED = (
    update_free(_UNVERIFIED.where(_CLAIMED_IDS)).values(verify_at=_LEASE_ENDS_AT).returning(*deliveries.c)
)


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
        parameters = {"now": now, "busy": list(busy), "limit": limit}
        async with self._database.read() as connection:
            ids = (await connection.scalars(_UNKNOWN, parameters)).all()
        if not ids:
            return []
        parameters |= {"ids": ids, "lease_ends_at": now + lease, "token": new_token()}
        async with self._database.write() as connection:
            rows = (await connection.execute(_CLAIM_UNKNOWN, parameters)).all()
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
        parameters = {"now": now, "limit": limit}
        async with self._database.read() as connection:
            ids = (await connection.scalars(_UNVERIFIED, parameters)).all()
        if not ids:
            return []
        parameters |= {"ids": ids, "lease_ends_at": now + lease}
        async with self._database.write() as connection:
            rows = (await connection.execute(_CLAIM_UNVERIFIED, parameters)).all()
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
