"""Taking news out of the outbox: claim, then mark as sent, failed or dead. Putting it in: `bot.store.outbox`.

The news of one incident goes out one at a time and in order, so a reply never comes before its root and an older edit
never after a newer one. Incidents do not wait for each other. The claim is explained in `bot.store.claims`.

    decided ──┬──▶ suppressed: muted, or below the subscription's severity; a root takes its thread along
              ▼
           queued ──claim──▶ on its way ──┬─ mark_sent ────▶ sent
              ▲  │                        ├─ mark_dead ────▶ dead: refused for good, or tried for too long
              │  └─▶ superseded           ├─ mark_failed ──┐
              │      a later edit says it ├─ replace_root ─┤ the root message was deleted
              │                           └─ lease is over ┤ the sender died
              └────────────────────────────────────────────┘

A reply or an edit that is claimed while its incident has no root message, since that is dead or deleted, becomes a root
by itself: what follows goes below it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    Update,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind, Incident, Notification, NotifyReason, Receipt
from bot.domain.jobs import JobRef
from bot.store.claims import new_token, reconsider
from bot.store.codec import decode, encode
from bot.store.engine import AnyRow, Database
from bot.store.outbox import NO_PAYLOAD, DeliveryState, add_deliveries, save_incidents
from bot.store.schema import deliveries, incidents

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """One notification to send, ours until the lease ends."""

    id: int
    token: str
    attempts: int
    """Counts this one: 1 the first time."""
    channel: str
    notification: Notification
    root: Receipt | None
    """The incident's root message: what to reply to or to edit."""
    created_at: datetime
    """When it was decided."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the outbox."""

    count: int
    oldest: timedelta
    """How long the oldest has been waiting since it was decided; zero when none waits."""


class Deliveries:
    """The outbox, and the incidents it speaks of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, now: datetime, *, lease: timedelta, limit: int = 100, per_channel: int = 100, busy: Collection[str] = ()
    ) -> list[ClaimedDelivery]:
        """Take the deliveries that are due, in the order they were decided; no one else gets them during the lease.

        Edits that a later edit makes needless are put aside, and so is what belongs to a suppressed root. News whose
        incident has no root message, because that died or was deleted, becomes its root. One that cannot be read is
        marked dead and logged: it does not keep others waiting.

        Args:
            now: the time.
            lease: how long they are ours.
            limit: at most this many.
            per_channel: at most this many of one channel, so that a crowded one leaves room for others.
            busy: channels to leave out.
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

    async def mark_sent(self, delivery_id: int, token: str, receipt: Receipt, now: datetime) -> bool:
        """It is in the channel. False: the claim was lost meanwhile, so it may be sent once more."""
        statement = _held(delivery_id, token).values(
            state=DeliveryState.SENT,
            claim_token=None,
            receipt=encode(receipt),
            sent_at=now,
            last_error=None,
            notification=NO_PAYLOAD,
        )
        async with self._database.write() as connection:
            row = (
                await connection.execute(statement.returning(deliveries.c.kind, deliveries.c.incident_id))
            ).one_or_none()
            if row is not None and row.kind == DeliveryKind.ROOT:
                await connection.execute(
                    update(incidents).where(incidents.c.id == row.incident_id).values(root=encode(receipt))
                )
        return row is not None

    async def mark_failed(self, delivery_id: int, token: str, error: str, retry_at: datetime) -> bool:
        """It did not arrive; try again at `retry_at`. False: the claim was lost meanwhile."""
        return await self._mark(delivery_id, token, {"last_error": error, "due_at": retry_at})

    async def mark_dead(self, delivery_id: int, token: str, reason: str) -> bool:
        """It will never arrive; after a dead root the next news opens the thread. False: the claim was lost."""
        return await self._mark(delivery_id, token, {"state": DeliveryState.DEAD, "reason": reason})

    async def replace_root(self, delivery_id: int, token: str, gone: Receipt, now: datetime) -> bool:
        """The root message `gone` was deleted: this delivery, due again at once, becomes the new one.

        False: the claim was lost meanwhile.
        """
        statement = _held(delivery_id, token).values(claim_token=None, due_at=now)
        async with self._database.write() as connection:
            incident_id = await connection.scalar(statement.returning(deliveries.c.incident_id))
            await connection.execute(
                update(incidents)
                .where(incidents.c.id == incident_id, incidents.c.root == encode(gone))
                .values(root=None)
            )
        return incident_id is not None

    async def postpone(self, delivery_id: int, token: str, until: datetime) -> bool:
        """Give it back untried, due at `until`. False: the claim was lost meanwhile."""
        return await self._mark(delivery_id, token, {"due_at": until, "attempts": deliveries.c.attempts - 1})

    async def retry_now(self, channel: str, now: datetime) -> int:
        """Make what waits for a channel due now, but for what is on its way; how many deliveries.

        For when what they waited for has come, such as an invitation.
        """
        waiting = and_(_queued, deliveries.c.channel == channel, deliveries.c.claim_token.is_(None))
        async with self._database.write() as connection:
            hurried = await connection.execute(
                update(deliveries).where(waiting, deliveries.c.due_at > now).values(due_at=now)
            )
        return hurried.rowcount

    async def backlog(self, now: datetime) -> Backlog:
        """How much waits, and how long the oldest has waited."""
        statement = select(func.count(), func.min(deliveries.c.created_at)).where(
            deliveries.c.state == DeliveryState.QUEUED
        )
        async with self._database.read() as connection:
            count, oldest = (await connection.execute(statement)).one()
        return Backlog(count, timedelta(0) if oldest is None else now - oldest)

    async def incident(self, incident_id: str) -> Incident | None:
        """An incident as it stands; None when there is none of this id."""
        async with self._database.read() as connection:
            value = await connection.scalar(select(incidents.c.value).where(incidents.c.id == incident_id))
        return None if value is None else decode(value, Incident)

    async def open_incidents(self, channel: str, job: JobRef | None = None) -> tuple[Incident, ...]:
        """A channel's incidents that are not over, oldest first; of one job when it is given."""
        statement = (
            select(incidents.c.value)
            .where(incidents.c.channel == channel, incidents.c.resolved_at.is_(None))
            .order_by(incidents.c.opened_at, incidents.c.id)
        )
        async with self._database.read() as connection:
            found = [decode(value, Incident) for value in await connection.scalars(statement)]
        return tuple(incident for incident in found if job is None or incident.job.ref == job)

    async def acknowledge(self, incident_id: str, user: str, now: datetime) -> Incident | None:
        """Note that a person has the incident's firing alerts, and have its root message say so.

        Returns:
            The incident as it is now; None when there is none of this id. Again by the same person changes nothing.
        """
        known = await self.incident(incident_id)
        if known is None:
            return None
        async with self._database.write() as connection:
            await reconsider(connection, known.job.ref)  # first, in the order in which a settling poll locks
            row = (
                await connection.execute(select(incidents).where(incidents.c.id == incident_id).with_for_update())
            ).one()
            before = decode(row.value, Incident)
            after = _acknowledged(before, user)
            if after != before:
                await save_incidents(self._database, connection, [(row.watch_id, after)])
                edit = Delivery(
                    dedupe_key=f"{incident_id}:acknowledged:{user}:{now.isoformat()}",
                    channel=after.channel,
                    notification=Notification(DeliveryKind.EDIT, NotifyReason.CHANGED, after.job, after),
                )
                await add_deliveries(self._database, connection, [(row.watch_id, edit)], now)
        return after

    async def _mark(self, delivery_id: int, token: str, values: dict[str, object]) -> bool:
        async with self._database.write() as connection:
            marked = await connection.execute(_held(delivery_id, token).values(claim_token=None, **values))
        return marked.rowcount > 0


_queued = deliveries.c.state == DeliveryState.QUEUED


def _due(now: datetime, limit: int, per_channel: int, busy: Collection[str]) -> Select[int]:
    """The deliveries whose turn it is."""
    earlier = deliveries.alias("earlier")
    waits_its_turn = exists().where(
        earlier.c.incident_id == deliveries.c.incident_id,
        earlier.c.state == DeliveryState.QUEUED,
        earlier.c.id < deliveries.c.id,
    )
    is_due = and_(_queued, deliveries.c.due_at <= now)
    place = func.row_number().over(partition_by=deliveries.c.channel, order_by=deliveries.c.id)
    candidates = (
        select(deliveries.c.id, place.label("place"))
        .where(is_due, ~waits_its_turn, deliveries.c.channel.not_in(busy))
        .subquery("candidates")
    )
    chosen = select(candidates.c.id).where(candidates.c.place <= per_channel)
    # `is_due` once more: PostgreSQL looks only at these conditions again when another claim was faster.
    return select(deliveries.c.id).where(is_due, deliveries.c.id.in_(chosen)).order_by(deliveries.c.id).limit(limit)


def _claim(due: Select[int], lease_ends_at: datetime) -> Update:
    return (
        _update_free(due)
        .values(due_at=lease_ends_at, claim_token=new_token(), attempts=deliveries.c.attempts + 1)
        .returning(*deliveries.c)
    )


def _supersede(now: datetime) -> Update:
    """Put aside the edits that a later edit of the same message makes needless, but none that is on its way."""
    later = deliveries.alias("later")
    needless = select(deliveries.c.id).where(
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
    return _update_free(needless).values(
        state=DeliveryState.SUPERSEDED, claim_token=None, reason="a later edit says it", notification=NO_PAYLOAD
    )


def _abandon() -> Update:
    """End what belongs to a root message that was suppressed, as that was."""
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
    """An UPDATE of these rows, less those that another transaction holds.

    A CTE that locks rows is run once; as a plain IN (SELECT … LIMIT) PostgreSQL may run it again and take too many.
    SQLite leaves the lock out: it has one writer.
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
    """Whether there is no root message to answer or to edit."""
    return row.kind in (DeliveryKind.REPLY, DeliveryKind.EDIT) and roots.get(row.incident_id) is None


def _read_delivery(row: AnyRow, kind: DeliveryKind, root: str | None) -> ClaimedDelivery:
    return ClaimedDelivery(
        id=row.id,
        token=row.claim_token,
        attempts=row.attempts,
        channel=row.channel,
        notification=replace(decode(row.notification, Notification), kind=kind),
        root=None if root is None else decode(root, Receipt),
        created_at=row.created_at,
    )


def _acknowledged(incident: Incident, user: str) -> Incident:
    return replace(
        incident,
        alerts=tuple(
            replace(alert, acknowledged_by=user) if alert.resolved_at is None else alert for alert in incident.alerts
        ),
    )
