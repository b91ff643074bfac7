"""Take deliveries out of the outbox: claim them, then mark them sent, failed or dead. `outbox.py` puts them in.

`delivery_queue.py` chooses what is next; `attempts.py` has the attempts whose outcome is unknown. `claims.py` explains
claims.

    decided ──┬──▶ suppressed: silenced, or below the subscription's severity; a root's whole thread
              ├──▶ folded: a digest shows the incident
              ▼
           queued ──claim──▶ sending ──┬─ mark_sent ─────▶ sent
              ▲  │                     ├─ mark_dead ─────▶ dead: refused permanently, or retried for too long
              │  └─▶ superseded        ├─ mark_failed ──┐
              │      by a later edit   ├─ replace_root ─┤ the root message was deleted
              │                        └─ outcome unknown: no answer, or the sender died
              │                               │
              └───── not found ──────── look for the message ── found ──▶ sent

A reply or an edit whose incident has no root message, because it is dead or was deleted, becomes the new root.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import msgspec
from sqlalchemy import ColumnElement, Update, and_, bindparam, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from bot.domain.alerts import Delivery, DeliveryKind, Incident, Notification, Receipt
from bot.errors import WaitsFor
from bot.store.attempts import UNREADABLE, Attempts
from bot.store.claimed_deliveries import Backlog, ClaimedDelivery, read_delivery
from bot.store.codec import from_json, to_json
from bot.store.column_types import UtcDateTime
from bot.store.delivery_queue import Room, Taken, find_ready, take
from bot.store.engine import AnyRow, Database
from bot.store.outbox import NO_PAYLOAD, DeliveryState, add_deliveries, is_queued, repeat_edit
from bot.store.roots import forget_root, set_root
from bot.store.schema import boards, deliveries, digests, incidents, runs

log = logging.getLogger(__name__)

VERIFY_AFTER = timedelta(minutes=1)
"""When to look for copies of a message that was sent after an attempt with an unknown outcome."""
UNSURE_EDIT_FOR = 2 * VERIFY_AFTER
"""How long an edit whose outcome is unknown may still replace what later edits show."""
AGAIN = ":again"
"""Ends the key of an edit that shows the newest state once more, when Slack accepts no earlier one any more."""
_EDIT = (
    select(deliveries.c.id)
    .where(deliveries.c.incident_id == bindparam("thread"), deliveries.c.kind == DeliveryKind.EDIT)
    .limit(1)
)
_UNSURE_EDIT = _EDIT.where(deliveries.c.unsure_since > bindparam("since"))
_WAITING_EDIT = _EDIT.where(is_queued())
_CLAIMS = 10
"""Claims in a row that yield nothing to send, for example because a whole thread is suppressed."""


class Deliveries:
    """The outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.attempts = Attempts(database)

    async def claim(
        self,
        now: datetime,
        *,
        lease: timedelta,
        limit: int = 100,
        room: Room = lambda _channel: 100,
        with_edits: bool = True,
        least_tried_first: bool = False,
    ) -> list[ClaimedDelivery]:
        """Claim the deliveries to send next until the lease ends, most urgent first.

        `room` says how many a channel accepts now. With `least_tried_first`, urgency decides only among those that
        were tried equally often, because a message that always fails must not be the only one that is tried. Edits
        with a later edit are superseded, and the thread of a suppressed root is suppressed. A delivery whose incident
        lost its root message becomes the root. A row that cannot be decoded is marked dead and logged.
        """
        for _ in range(_CLAIMS):
            async with self._database.read() as connection:
                ids = await find_ready(
                    connection, now, room, limit, with_edits=with_edits, least_tried_first=least_tried_first
                )
            if not ids:
                return []
            async with self._database.write() as connection:
                taken = await take(connection, ids, now, now + lease)
            claimed = await self._read(taken)
            if claimed or not taken.discarded:
                return claimed
        return []

    async def _read(self, taken: Taken) -> list[ClaimedDelivery]:
        claimed: list[ClaimedDelivery] = []
        for row in taken.rows:
            try:
                root = taken.roots.get(row.incident_id)
                claimed.append(read_delivery(row, root, as_root=row.id in taken.new_roots))
            except msgspec.MsgspecError:
                log.exception("delivery cannot be read", extra={"delivery": row.id})
                await self.mark_dead(row.id, row.claim_token, UNREADABLE)
        return claimed

    async def mark_sent(
        self,
        delivery_id: int,
        token: str,
        receipt: Receipt,
        now: datetime,
        follow_ups: Sequence[Delivery] = (),
        edit: Notification | None = None,
    ) -> bool:
        """Mark a delivery sent and add its follow-ups.

        The first receipt counts, also after the claim was lost. If an earlier attempt had an unknown outcome, copies
        of the message are looked for later. If an earlier edit of the message had one, `edit` is sent again later,
        because Slack may accept the earlier one late.

        Returns:
            False if another message counts: this one is a copy. True also if this receipt was recorded before, as when
            somebody who looked for the message was faster than its sender.
        """
        parameters = {"delivery": delivery_id, "token": token, "new_receipt": to_json(receipt), "now": now}
        parameters |= {"to_verify_at": now + VERIFY_AFTER}
        async with self._database.write() as connection:
            row = (await connection.execute(_mark_sent(), parameters)).one_or_none()
            if row is not None and edit is not None and row.kind == DeliveryKind.EDIT:
                await self._repeat_edit(connection, row, receipt.channel, edit, now)
            if row is not None and follow_ups:
                await add_deliveries(self._database, connection, [(row.watch_id, one) for one in follow_ups], now)
            if row is not None and row.kind == DeliveryKind.ROOT:
                await set_root(connection, row.incident_id, receipt)
            recorded = select(deliveries.c.receipt).where(deliveries.c.id == delivery_id)
            return row is not None or await connection.scalar(recorded) == to_json(receipt)

    async def _repeat_edit(
        self, connection: AsyncConnection, row: AnyRow, channel: str, edit: Notification, now: datetime
    ) -> None:
        """Show the state of an incident or digest once more later if a recent edit's outcome is unknown."""
        recent = {"thread": row.incident_id, "since": now - UNSURE_EDIT_FOR}
        if row.dedupe_key.endswith(AGAIN) or await connection.scalar(_UNSURE_EDIT, recent) is None:
            return
        current = (
            select(incidents.c.value)
            .where(incidents.c.id == row.incident_id, incidents.c.digest_id.is_(None))
            .with_for_update()
        )
        value = await connection.scalar(current)
        for table in (digests, runs, boards):  # who adds an edit meanwhile waits
            await connection.execute(select(table.c.id).where(table.c.id == row.incident_id).with_for_update())
        waiting = await connection.scalar(_WAITING_EDIT, {"thread": row.incident_id})
        if waiting is None:
            shown = edit if value is None else replace(edit, incident=from_json(value, Incident))
            again = Delivery(f"{row.dedupe_key}{AGAIN}", channel, shown)
            await repeat_edit(self._database, connection, row.watch_id, again, now, now + VERIFY_AFTER)

    async def mark_failed(
        self,
        delivery_id: int,
        token: str,
        error: str,
        retry_at: datetime,
        *,
        is_unknown: bool = False,
        waits_for: WaitsFor | None = None,
    ) -> bool:
        """Schedule a retry at `retry_at`; if the attempt may have succeeded, its message is looked for first.

        Returns False if the claim was lost.
        """
        unsure_since = func.coalesce(deliveries.c.unsure_since, deliveries.c.attempt_at, retry_at)
        attempt = {"unsure_since": unsure_since} if is_unknown else {"attempt_at": None}
        return await self._mark(
            delivery_id, token, {"last_error": error, "due_at": retry_at, "waits_for": waits_for, **attempt}
        )

    async def mark_dead(self, delivery_id: int, token: str, reason: str) -> bool:
        """Give up; after a dead root the next delivery opens the thread. Returns False if the claim was lost."""
        return await self._mark(delivery_id, token, {"state": DeliveryState.DEAD, "reason": reason, "attempt_at": None})

    async def replace_root(self, delivery_id: int, token: str, gone: Receipt, now: datetime) -> bool:
        """Forget the root message `gone`, which was deleted. This delivery is due at once and becomes the new root.

        Returns False if the claim was lost.
        """
        statement = update(deliveries).where(_is_held(delivery_id, token))
        statement = statement.values(claim_token=None, due_at=now, attempt_at=None)
        async with self._database.write() as connection:
            incident_id = await connection.scalar(statement.returning(deliveries.c.incident_id))
            await forget_root(connection, incident_id, gone)
        return incident_id is not None

    async def postpone(self, delivery_id: int, token: str, until: datetime) -> bool:
        """Release a delivery unsent, due at `until`. Returns False if the claim was lost."""
        attempts = deliveries.c.attempts - 1
        return await self._mark(delivery_id, token, {"due_at": until, "attempts": attempts, "attempt_at": None})

    async def retry_now(self, now: datetime, *, channel: str | None = None, waits_for: WaitsFor | None = None) -> int:
        """Make waiting deliveries due now, except those being sent; return their number.

        For when the reason for waiting is gone, as after an invitation to a channel or at the end of an outage.
        """
        statement = _retry_now(in_channel=channel is not None, with_reason=waits_for is not None)
        async with self._database.write() as connection:
            retried = await connection.execute(statement, {"now": now, "of_channel": channel, "awaited": waits_for})
        return retried.rowcount

    async def backlog(self, now: datetime) -> Backlog:
        """Return how many deliveries wait, and how long the oldest has waited."""
        statement = select(func.count(), func.min(deliveries.c.created_at)).where(is_queued())
        async with self._database.read() as connection:
            count, oldest = (await connection.execute(statement)).one()
        return Backlog(count, timedelta(0) if oldest is None else now - oldest)

    async def _mark(self, delivery_id: int, token: str, values: dict[str, object]) -> bool:
        statement = update(deliveries).where(_is_held(delivery_id, token)).values(claim_token=None, **values)
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount > 0


@cache
def _mark_sent() -> ReturningUpdate[str, str | None, int, str]:
    is_held = deliveries.c.claim_token == bindparam("token")
    is_unsure = or_(deliveries.c.unsure_since.is_not(None), ~func.coalesce(is_held, False))
    is_unsent = deliveries.c.state.in_((DeliveryState.QUEUED, DeliveryState.DEAD))
    return (
        update(deliveries)
        .where(deliveries.c.id == bindparam("delivery"), is_unsent)
        .values(
            state=DeliveryState.SENT,
            claim_token=None,
            receipt=bindparam("new_receipt"),
            sent_at=bindparam("now"),
            last_error=None,
            notification=NO_PAYLOAD,
            attempt_at=None,
            waits_for=None,
            unsure_since=case((is_unsure, func.coalesce(deliveries.c.unsure_since, deliveries.c.attempt_at))),
            verify_at=case(
                (and_(is_unsure, deliveries.c.kind != DeliveryKind.EDIT), bindparam("to_verify_at", type_=UtcDateTime))
            ),
        )
        .returning(deliveries.c.kind, deliveries.c.incident_id, deliveries.c.watch_id, deliveries.c.dedupe_key)
    )


@cache
def _retry_now(*, in_channel: bool, with_reason: bool) -> Update:
    now = bindparam("now", type_=UtcDateTime)
    conditions = [is_queued(), deliveries.c.claim_token.is_(None), deliveries.c.due_at > now]
    if in_channel:
        conditions.append(deliveries.c.channel == bindparam("of_channel"))
    if with_reason:
        conditions.append(deliveries.c.waits_for == bindparam("awaited"))
    return update(deliveries).where(*conditions).values(due_at=now, waits_for=None)


def _is_held(delivery_id: int, token: str) -> ColumnElement[bool]:
    return and_(deliveries.c.id == delivery_id, deliveries.c.claim_token == token, is_queued())
