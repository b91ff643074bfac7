"""Write deliveries into the outbox, in the transaction that decided them. `deliveries.py` takes them out."""

import enum
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind
from bot.domain.destinations import event_thread
from bot.domain.priorities import DeliveryPriority, priority_of
from bot.store.codec import to_json
from bot.store.engine import Database
from bot.store.folding import change_boards, change_digests
from bot.store.routes import add_events
from bot.store.schema import deliveries

NO_PAYLOAD = ""
"""Replaces a notification that needs no sending any more, because each contains a whole incident."""


OVERTAKEN = 5
"""A page waits for up to this number of replies of its incident, about as many seconds; it overtakes more."""


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
    FOLDED = "folded"
    """Shown by a digest instead."""


def is_queued(table: FromClause = deliveries) -> ColumnElement[bool]:
    """Return the condition that a delivery waits; a literal, because bound parameters prevent partial indexes."""
    state: ColumnElement[str] = table.c.state
    return state == literal_column(f"'{DeliveryState.QUEUED}'")


async def add_deliveries(
    database: Database, connection: AsyncConnection, new: Iterable[tuple[int, Delivery]], now: datetime
) -> None:
    """Add deliveries (each with its watch's id), due now; those already in the outbox are not touched.

    A new edit supersedes waiting edits of its incident. What waits in front of something more urgent in the same
    incident becomes as urgent, because the order within an incident stays; a page overtakes many replies. Those of an
    incident that a digest shows are folded.
    """
    routed = await add_events(connection, new, database.webhooks)
    rows = [_row(watch_id, delivery, now) for watch_id, delivery in routed]
    if not rows:
        return
    await _fold(connection, rows, now)
    await connection.execute(database.insert_new(deliveries, "watch_id", "dedupe_key"), rows)
    if edited := [str(row["incident_id"]) for row in rows if row["kind"] == DeliveryKind.EDIT and row["incident_id"]]:
        await supersede_edits(connection, edited, now)
    for priority in (DeliveryPriority.PAGE, DeliveryPriority.WARNING):
        if urgent := {str(row["incident_id"]) for row in rows if row["priority"] == priority and row["incident_id"]}:
            await _hurry(connection, urgent, priority)


async def repeat_edit(
    database: Database, connection: AsyncConnection, watch_id: int, edit: Delivery, now: datetime, at: datetime
) -> None:
    """Add an edit again, due at `at`; a later edit supersedes it, and a digest that shows the incident folds it."""
    row = _row(watch_id, edit, now) | {"due_at": at}
    await _fold(connection, [row], now)
    await connection.execute(database.insert_new(deliveries, "watch_id", "dedupe_key"), [row])


async def _hurry(connection: AsyncConnection, incident_ids: Collection[str], priority: DeliveryPriority) -> None:
    """Make what waits in front of urgent deliveries as urgent, or let a page overtake it if that is too much."""
    in_front = _in_front_of(priority).where(deliveries.c.incident_id.in_(incident_ids))
    if priority is DeliveryPriority.PAGE:
        rows = await connection.scalars(in_front.with_only_columns(deliveries.c.incident_id))
        crowded = [name for name, count in Counter(rows).items() if count > OVERTAKEN]
        if crowded:
            pages = select(deliveries.c.id).where(
                deliveries.c.incident_id.in_(crowded),
                is_queued(),
                deliveries.c.priority == priority,
                deliveries.c.kind == DeliveryKind.REPLY,
                deliveries.c.attempts == 0,
            )
            await connection.execute(update_free(pages).values(priority=DeliveryPriority.OVERTAKING_PAGE))
            in_front = in_front.where(deliveries.c.incident_id.not_in(crowded))
    await connection.execute(update_free(in_front).values(priority=priority))


async def _fold(connection: AsyncConnection, rows: Iterable[dict[str, object]], now: datetime) -> None:
    """Mark the deliveries of incidents that a digest shows; the digest is edited instead."""
    in_threads = [row for row in rows if row["incident_id"] and row["state"] == DeliveryState.QUEUED]
    ids = {str(row["incident_id"]) for row in in_threads}
    shown_by = await change_digests(connection, ids, now) | await change_boards(connection, ids, now)
    for row in in_threads:
        if (digest_id := shown_by.get(str(row["incident_id"]))) is not None:
            row |= {"state": DeliveryState.FOLDED, "reason": f"shown by {digest_id}", "notification": NO_PAYLOAD}


def _in_front_of(priority: DeliveryPriority) -> Select[int]:
    """Select what waits in front of a delivery of this priority in the same incident, and is less urgent."""
    urgent = deliveries.alias("urgent")
    has_urgent = exists().where(
        urgent.c.incident_id == deliveries.c.incident_id,
        is_queued(urgent),
        urgent.c.priority == priority,
        urgent.c.id > deliveries.c.id,
    )
    is_less_urgent = and_(deliveries.c.priority > priority, deliveries.c.kind != DeliveryKind.EDIT)
    return select(deliveries.c.id).where(is_queued(), is_less_urgent, has_urgent)


async def supersede_edits(connection: AsyncConnection, incident_ids: Collection[str], now: datetime) -> None:
    """Supersede waiting edits of these incidents that have a later edit or root message, except those being sent.

    An edit whose claim expired may have arrived or may still arrive, so it counts as sent with an unknown outcome.
    """
    await connection.execute(_supersede_edits(), {"incidents": list(incident_ids), "now": now})


@cache
def _supersede_edits() -> Update:
    later = deliveries.alias("later")
    has_later = exists().where(
        later.c.incident_id == deliveries.c.incident_id,
        later.c.id > deliveries.c.id,
        later.c.kind.in_((DeliveryKind.EDIT, DeliveryKind.ROOT)),
        later.c.state.in_((DeliveryState.QUEUED, DeliveryState.SENT)),
    )
    outdated = select(deliveries.c.id).where(
        deliveries.c.incident_id.in_(bindparam("incidents", expanding=True)),
        is_queued(),
        deliveries.c.kind == DeliveryKind.EDIT,
        or_(deliveries.c.claim_token.is_(None), deliveries.c.due_at <= bindparam("now")),
        has_later,
    )
    values = {"state": DeliveryState.SUPERSEDED, "reason": "a later edit replaces it", "notification": NO_PAYLOAD}
    return update_free(outdated).values(claim_token=None, unsure_since=unsure_after_expiry(), **values)


def unsure_after_expiry() -> ColumnElement[datetime | None]:
    """Return since when the outcome of an edit is unknown: at the latest since its claim expired, if it has one.

    Edits record no attempt, because they may be repeated. For use in an UPDATE of edits that nobody sends now.
    """
    has_expired = and_(deliveries.c.kind == DeliveryKind.EDIT, deliveries.c.claim_token.is_not(None))
    since: ColumnElement[datetime | None] = func.coalesce(
        deliveries.c.unsure_since, case((has_expired, deliveries.c.due_at))
    )
    return since


def update_free(ids: Select[int]) -> Update:
    """Return an UPDATE of these rows, without rows that another transaction locks.

    A CTE that locks rows runs once; PostgreSQL may run a plain IN (SELECT … LIMIT) again and take too many rows.
    SQLite omits the lock, because it has one writer.
    """
    free = ids.with_for_update(skip_locked=True, of=deliveries).cte("free")
    return update(deliveries).where(deliveries.c.id.in_(select(free.c.id)))


def _row(watch_id: int, delivery: Delivery, now: datetime) -> dict[str, object]:
    notification = delivery.notification
    return {
        "watch_id": watch_id,
        "dedupe_key": delivery.dedupe_key,
        "channel": delivery.channel,
        "kind": notification.kind.value,
        "incident_id": _thread_of(delivery),
        "state": DeliveryState.QUEUED if delivery.suppressed_by is None else DeliveryState.SUPPRESSED,
        "reason": delivery.suppressed_by or notification.reason.value,
        "due_at": now,
        "priority": int(priority_of(notification)),
        "attempts": 0,
        "notification": NO_PAYLOAD if delivery.suppressed_by else to_json(notification),
        "created_at": now,
    }


def _thread_of(delivery: Delivery) -> str | None:
    """The incident, digest or run in whose order a delivery is sent; direct messages and pictures delay no other."""
    notification = delivery.notification
    if notification.kind is DeliveryKind.PICTURE:
        return None
    if notification.kind is DeliveryKind.EVENT and notification.incident is not None:
        return event_thread(notification.incident.id, delivery.channel)
    if notification.run is not None:
        return notification.run.id
    if notification.board is not None:
        return notification.board.id if notification.kind is not DeliveryKind.NOTE else None
    if notification.digest is not None and notification.kind is not DeliveryKind.DIRECT:
        return notification.digest.id
    if notification.incident is None or notification.kind is DeliveryKind.DIRECT:
        return None
    return notification.incident.id
