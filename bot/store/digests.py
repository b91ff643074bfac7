"""Digests: messages about many incidents of a channel.

An incident joins a digest in the transaction that decides it (`digest_joins.py`). From then on its deliveries are
folded: they are rows that name the digest. The digest is planned later from its incidents (`bot.rules.digest`), and a
plan is written only if nothing changed meanwhile, so that of several processes that plan it one succeeds.
"""

import logging
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Integer, and_, bindparam, case, false, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind, Incident, Notification, NotifyReason, Receipt
from bot.domain.digest_plans import DigestPlan, DueDigest, StoredDigest
from bot.domain.digests import STORM, DigestState
from bot.store.codec import from_json, to_json
from bot.store.column_types import UtcDateTime
from bot.store.engine import AnyRow, Database
from bot.store.outbox import add_deliveries, is_queued
from bot.store.schema import deliveries, digests, incidents

NO_WATCH = 0
"""The watch id of deliveries about several jobs."""
_ROOT_WAIT = _AGAIN_AFTER = timedelta(seconds=1)
_LATE_AFTER = timedelta(seconds=2)
_SHOWN = (DeliveryKind.ROOT, DeliveryKind.EDIT)
"""An edit that is being sent when its incident joins would replace what the digest shows."""
_DUE = (
    select(digests)
    .where(digests.c.due_at <= bindparam("now"))
    .order_by(digests.c.due_at)
    .limit(bindparam("limit", type_=Integer))
)

log = logging.getLogger(__name__)


class Digests:
    """The digests of all channels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_due(self, now: datetime, *, limit: int = 20) -> list[DueDigest]:
        """Return the digests to plan, longest overdue first.

        A digest takes over the root message of an incident that was posted before others joined; while that message is
        being sent, it waits.
        """
        async with self._database.read() as connection:
            rows = (await connection.execute(_DUE, {"now": now, "limit": limit})).all()
        due = []
        for row in rows:
            if row.root is not None or row.key == STORM or await self._adopt_root(row, now):
                due.append(await self._read(row.id))
        return due

    async def save(self, due: DueDigest, plan: DigestPlan, now: datetime) -> bool:
        """Write a plan and its messages; return False if the digest changed or another process was faster.

        In a flood, incidents change all the time. A digest that is overdue is shown as it was, and planned again soon.
        """
        is_current = digests.c.changes == due.changes
        next_at, again_at = (literal(at, UtcDateTime) for at in (plan.next_at, now + _AGAIN_AFTER))
        values = {
            "value": to_json(plan.state),
            "closed_at": plan.closed_at,
            "due_at": case((is_current, next_at), else_=again_at),
            "changes": digests.c.changes + 1,
        }
        may_be_late = not plan.leaving and plan.closed_at == due.stored.closed_at
        is_late = digests.c.due_at <= now - _LATE_AFTER if may_be_late else false()
        is_mine = and_(digests.c.id == due.stored.id, digests.c.value == due.planned, or_(is_current, is_late))
        statement = update(digests).where(is_mine).values(values)
        leaving = select(incidents.c.id).where(incidents.c.id.in_([one.id for one in plan.leaving])).with_for_update()
        async with self._database.write() as connection:
            if plan.leaving:  # first, because a change of an incident locks in this order
                await connection.execute(leaving)
            if not (await connection.execute(statement)).rowcount:
                return False
            for one in plan.leaving:
                await self._leave(connection, one, now)
            new = [(NO_WATCH, one) for one in plan.deliveries]
            await add_deliveries(self._database, connection, new, now)
        return True

    async def members(self, digest_id: str) -> tuple[Incident, ...]:
        """Return the incidents of a digest in the order in which they joined."""
        async with self._database.read() as connection:
            return await _members(connection, digest_id)

    async def _read(self, digest_id: str) -> DueDigest:
        async with self._database.read() as connection:
            row = (await connection.execute(select(digests).where(digests.c.id == digest_id))).one()
            return DueDigest(_stored(row), await _members(connection, digest_id), row.changes, row.value)

    async def _adopt_root(self, row: AnyRow, now: datetime) -> bool:
        """Take over the root message of the first incident that has one; return False while one is being sent."""
        being_sent = (
            select(func.count())
            .select_from(deliveries.join(incidents, incidents.c.id == deliveries.c.incident_id))
            .where(incidents.c.digest_id == row.id, is_queued(), deliveries.c.kind.in_(_SHOWN))
        )
        posted = select(incidents.c.root).where(incidents.c.digest_id == row.id, incidents.c.root.is_not(None))
        async with self._database.write() as connection:
            if await connection.scalar(being_sent):
                await connection.execute(update(digests).where(digests.c.id == row.id).values(due_at=now + _ROOT_WAIT))
                return False
            root = await connection.scalar(posted.order_by(incidents.c.opened_at, incidents.c.id).limit(1))
            if root is not None:
                is_rootless = and_(digests.c.id == row.id, digests.c.root.is_(None))
                await connection.execute(update(digests).where(is_rootless).values(root=root))
        return True

    async def _leave(self, connection: AsyncConnection, incident: Incident, now: datetime) -> None:
        values = {"digest_id": None, "root": None, "remind_at": now}
        statement = update(incidents).where(incidents.c.id == incident.id).values(values)
        watch_id = await connection.scalar(statement.returning(incidents.c.watch_id))
        root = Notification(DeliveryKind.ROOT, NotifyReason.FIRST, incident.job, incident, mention=incident.severity)
        delivery = Delivery(f"{incident.id}:root:{now.isoformat()}", incident.channel, root)
        if watch_id is not None:
            await add_deliveries(self._database, connection, [(watch_id, delivery)], now)


async def _members(connection: AsyncConnection, digest_id: str) -> tuple[Incident, ...]:
    """Return the incidents of a digest without those that cannot be read, because it hides the messages of all."""
    statement = select(incidents.c.id, incidents.c.value).where(incidents.c.digest_id == digest_id)
    found = []
    for row in await connection.execute(statement.order_by(incidents.c.opened_at, incidents.c.id)):
        try:
            found.append(from_json(row.value, Incident))
        except msgspec.MsgspecError:
            log.exception("incident cannot be read", extra={"incident": row.id})
    return tuple(found)


def _read_state(row: AnyRow) -> DigestState:
    """Return what the channel was shown; nothing if that cannot be read, because then the digest is shown again."""
    try:
        return from_json(row.value, DigestState)
    except msgspec.MsgspecError:
        log.exception("digest cannot be read", extra={"digest": row.id})
        return DigestState()


def _stored(row: AnyRow) -> StoredDigest:
    return StoredDigest(
        id=row.id,
        channel=row.channel,
        key=row.key,
        opened_at=row.opened_at,
        joined_at=row.joined_at,
        closed_at=row.closed_at,
        state=_read_state(row),
        has_root=row.root is not None,
        root=None if row.root is None else from_json(row.root, Receipt),
    )
