"""Take deliveries out of the outbox: claim them, then mark them sent, failed or dead. `outbox.py` puts them in.

The deliveries of one incident go out one at a time and in order, so a reply never precedes its root and an older edit
never follows a newer one. Incidents do not wait for each other. `claims.py` explains claims.

    decided ──┬──▶ suppressed: silenced, or below the subscription's severity; a root's whole thread
              ▼
           queued ──claim──▶ sending ──┬─ mark_sent ─────▶ sent
              ▲  │                     ├─ mark_dead ─────▶ dead: refused permanently, or retried for too long
              │  └─▶ superseded        ├─ mark_failed ──┐
              │      by a later edit   ├─ replace_root ─┤ the root message was deleted
              │                        └─ lease expired ┤ the sender died
              └─────────────────────────────────────────┘

A reply or an edit whose incident has no root message, because it is dead or was deleted, becomes the new root.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, ScalarSelect, Select, Update, and_, exists, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind, Notification, Receipt
from bot.store.claims import new_token
from bot.store.codec import from_json, to_json
from bot.store.engine import AnyRow, Database
from bot.store.outbox import NO_PAYLOAD, DeliveryState, add_deliveries
from bot.store.schema import deliveries, incidents

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery to send, ours until the lease ends."""

    id: int
    token: str
    attempts: int
    """Including this one: 1 the first time."""
    channel: str
    notification: Notification
    root: Receipt | None
    """The incident's root message, to reply to or to edit."""
    created_at: datetime
    """When it was decided."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries that wait in the outbox."""

    count: int
    oldest: timedelta
    """How long the oldest has waited since it was decided; zero when none waits."""


class Deliveries:
    """The outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, now: datetime, *, lease: timedelta, limit: int = 100, per_channel: int = 100, busy: Collection[str] = ()
    ) -> list[ClaimedDelivery]:
        """Claim the deliveries that are due, in the order of decision, until the lease ends; skip `busy` channels.

        Edits with a later edit are superseded, and the thread of a suppressed root is suppressed. A delivery whose
        incident lost its root message becomes the root. A row that cannot be decoded is marked dead and logged.
        At most `per_channel` belong to one channel, so that a busy channel leaves room for others.
        """
        async with self._database.write() as connection:
            await connection.execute(_supersede(now))
            await connection.execute(_abandon())
            rows = (await connection.execute(_claim(_due(now, limit, per_channel, busy), now + lease))).all()
            roots = await _roots(connection, [row.incident_id for row in rows if row.incident_id is not None])
            if orphans := [row.id for row in rows if _is_orphan(row, roots)]:
                await connection.execute(
                    update(deliveries).where(deliveries.c.id.in_(orphans)).values(kind=DeliveryKind.ROOT)
                )
        claimed: list[ClaimedDelivery] = []
        for row in sorted(rows, key=lambda one: one.id):
            try:
                kind = DeliveryKind.ROOT if _is_orphan(row, roots) else DeliveryKind(row.kind)
                claimed.append(_read_delivery(row, kind, roots.get(row.incident_id)))
            except msgspec.MsgspecError:
                log.exception("delivery cannot be read", extra={"delivery": row.id})
                await self.mark_dead(row.id, row.claim_token, "cannot be read: written by another version")
        return claimed

    async def mark_sent(
        self, delivery_id: int, token: str, receipt: Receipt, now: datetime, follow_ups: Sequence[Delivery] = ()
    ) -> bool:
        """Mark a delivery sent and add its follow-ups. Returns False if the claim was lost, so it may be sent again."""
        statement = _held(delivery_id, token).values(
            state=DeliveryState.SENT,
            claim_token=None,
            receipt=to_json(receipt),
            sent_at=now,
            last_error=None,
            notification=NO_PAYLOAD,
        )
        async with self._database.write() as connection:
            row = (
                await connection.execute(
                    statement.returning(deliveries.c.kind, deliveries.c.incident_id, deliveries.c.watch_id)
                )
            ).one_or_none()
            if row is not None and follow_ups:
                await add_deliveries(self._database, connection, [(row.watch_id, one) for one in follow_ups], now)
            if row is not None and row.kind == DeliveryKind.ROOT:
                await connection.execute(
                    update(incidents).where(incidents.c.id == row.incident_id).values(root=to_json(receipt))
                )
        return row is not None

    async def mark_failed(self, delivery_id: int, token: str, error: str, retry_at: datetime) -> bool:
        """Schedule a retry at `retry_at`. Returns False if the claim was lost."""
        return await self._mark(delivery_id, token, {"last_error": error, "due_at": retry_at})

    async def mark_dead(self, delivery_id: int, token: str, reason: str) -> bool:
        """Give up; after a dead root the next delivery opens the thread. Returns False if the claim was lost."""
        return await self._mark(delivery_id, token, {"state": DeliveryState.DEAD, "reason": reason})

    async def replace_root(self, delivery_id: int, token: str, gone: Receipt, now: datetime) -> bool:
        """Forget the root message `gone`, which was deleted. This delivery is due at once and becomes the new root.

        Returns False if the claim was lost.
        """
        statement = _held(delivery_id, token).values(claim_token=None, due_at=now)
        async with self._database.write() as connection:
            incident_id = await connection.scalar(statement.returning(deliveries.c.incident_id))
            await connection.execute(
                update(incidents)
                .where(incidents.c.id == incident_id, incidents.c.root == to_json(gone))
                .values(root=None)
            )
        return incident_id is not None

    async def postpone(self, delivery_id: int, token: str, until: datetime) -> bool:
        """Release a delivery unsent, due at `until`. Returns False if the claim was lost."""
        return await self._mark(delivery_id, token, {"due_at": until, "attempts": deliveries.c.attempts - 1})

    async def retry_now(self, channel: str, now: datetime) -> int:
        """Make a channel's waiting deliveries due now, except those being sent; return their number.

        For when the reason for waiting is gone, as after an invitation to the channel.
        """
        waiting = and_(_queued, deliveries.c.channel == channel, deliveries.c.claim_token.is_(None))
        async with self._database.write() as connection:
            retried = await connection.execute(
                update(deliveries).where(waiting, deliveries.c.due_at > now).values(due_at=now)
            )
        return retried.rowcount

    async def backlog(self, now: datetime) -> Backlog:
        """Return how many deliveries wait, and how long the oldest has waited."""
        statement = select(func.count(), func.min(deliveries.c.created_at)).where(
            deliveries.c.state == DeliveryState.QUEUED
        )
        async with self._database.read() as connection:
            count, oldest = (await connection.execute(statement)).one()
        return Backlog(count, timedelta(0) if oldest is None else now - oldest)

    async def _mark(self, delivery_id: int, token: str, values: dict[str, object]) -> bool:
        async with self._database.write() as connection:
            marked = await connection.execute(_held(delivery_id, token).values(claim_token=None, **values))
        return marked.rowcount > 0


_queued = deliveries.c.state == DeliveryState.QUEUED


def _due(now: datetime, limit: int, per_channel: int, busy: Collection[str]) -> Select[int]:
    """Select deliveries that are due and the first of their incident."""
    earlier = deliveries.alias("earlier")
    has_earlier = exists().where(
        earlier.c.incident_id == deliveries.c.incident_id,
        earlier.c.state == DeliveryState.QUEUED,
        earlier.c.id < deliveries.c.id,
    )
    is_due = and_(_queued, deliveries.c.due_at <= now)
    position = func.row_number().over(partition_by=deliveries.c.channel, order_by=deliveries.c.id)
    candidates = (
        select(deliveries.c.id, position.label("position"))
        .where(is_due, ~has_earlier, deliveries.c.channel.not_in(busy))
        .subquery("candidates")
    )
    chosen = select(candidates.c.id).where(candidates.c.position <= per_channel)
    # `is_due` again: PostgreSQL rechecks only these conditions when another claim was faster.
    return select(deliveries.c.id).where(is_due, deliveries.c.id.in_(chosen)).order_by(deliveries.c.id).limit(limit)


def _claim(due: Select[int], lease_ends_at: datetime) -> Update:
    return (
        _update_free(due)
        .values(due_at=lease_ends_at, claim_token=new_token(), attempts=deliveries.c.attempts + 1)
        .returning(*deliveries.c)
    )


def _supersede(now: datetime) -> Update:
    """Supersede edits that have a later edit of the same message, except those being sent."""
    later = deliveries.alias("later")
    superseded = select(deliveries.c.id).where(
        _queued,
        deliveries.c.kind == DeliveryKind.EDIT,
        or_(deliveries.c.claim_token.is_(None), deliveries.c.due_at <= now),
        exists().where(
            later.c.incident_id == deliveries.c.incident_id,
            later.c.state == DeliveryState.QUEUED,
            later.c.kind == DeliveryKind.EDIT,
            later.c.id > deliveries.c.id,
        ),
    )
    return _update_free(superseded).values(
        state=DeliveryState.SUPERSEDED, claim_token=None, reason="a later edit replaces it", notification=NO_PAYLOAD
    )


def _abandon() -> Update:
    """Suppress the replies and edits of a root message that was suppressed."""
    root = deliveries.alias("root")
    is_its_root = and_(
        root.c.incident_id == deliveries.c.incident_id, root.c.kind == DeliveryKind.ROOT, root.c.id < deliveries.c.id
    )
    rootless = select(deliveries.c.id).where(
        _queued,
        deliveries.c.kind.in_((DeliveryKind.REPLY, DeliveryKind.EDIT)),
        ~exists().where(incidents.c.id == deliveries.c.incident_id, incidents.c.root.is_not(None)),
        exists().where(is_its_root),
        ~exists().where(is_its_root, root.c.state != DeliveryState.SUPPRESSED),
    )

    def of_root(column: ColumnElement[str]) -> ScalarSelect[str]:
        return select(column).where(is_its_root).order_by(root.c.id.desc()).limit(1).scalar_subquery()

    return _update_free(rootless).values(
        state=of_root(root.c.state),
        claim_token=None,
        reason=literal("the incident's first message was not sent: ") + of_root(root.c.reason),
        notification=NO_PAYLOAD,
    )


def _update_free(ids: Select[int]) -> Update:
    """Return an UPDATE of these rows, without rows that another transaction locks.

    A CTE that locks rows runs once; PostgreSQL may run a plain IN (SELECT … LIMIT) again and take too many rows.
    SQLite omits the lock, because it has one writer.
    """
    free = ids.with_for_update(skip_locked=True, of=deliveries).cte("free")
    return update(deliveries).where(deliveries.c.id.in_(select(free.c.id)))


def _held(delivery_id: int, token: str) -> Update:
    return update(deliveries).where(deliveries.c.id == delivery_id, deliveries.c.claim_token == token, _queued)


async def _roots(connection: AsyncConnection, incident_ids: Sequence[str]) -> dict[str, str | None]:
    if not incident_ids:
        return {}
    rows = await connection.execute(select(incidents.c.id, incidents.c.root).where(incidents.c.id.in_(incident_ids)))
    return {row.id: row.root for row in rows}


def _is_orphan(row: AnyRow, roots: Mapping[str, str | None]) -> bool:
    """Whether a reply or an edit has no root message."""
    return row.kind in (DeliveryKind.REPLY, DeliveryKind.EDIT) and roots.get(row.incident_id) is None


def _read_delivery(row: AnyRow, kind: DeliveryKind, root: str | None) -> ClaimedDelivery:
    return ClaimedDelivery(
        id=row.id,
        token=row.claim_token,
        attempts=row.attempts,
        channel=row.channel,
        notification=replace(from_json(row.notification, Notification), kind=kind),
        root=None if root is None else from_json(root, Receipt),
        created_at=row.created_at,
    )
