"""Select what to send next: of each channel its most urgent deliveries, in the order of each incident.

Within an incident the root message goes first and replies keep their order. An edit shows the newest state, so it may
overtake replies; so does a page that would wait for many. The cost grows with the number of channels that have a
backlog, hardly with the size of a backlog.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Update,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import DeliveryKind
from bot.domain.priorities import DeliveryPriority
from bot.store.claims import new_token
from bot.store.engine import AnyRow
from bot.store.outbox import (
    NO_PAYLOAD,
    DeliveryState,
    is_queued,
    supersede_edits,
    unsure_after_expiry,
    update_free,
)
from bot.store.roots import find_roots, table_of
from bot.store.schema import deliveries

Room = Callable[[str], int]
"""How many deliveries may be claimed for a channel."""
_CHANNELS = 256
"""Channels considered for one claim, those with the most urgent deliveries first."""
_START_ATTEMPTS = update(deliveries).where(deliveries.c.id.in_(bindparam("ids", expanding=True)))
_IN_THREAD = (DeliveryKind.REPLY, DeliveryKind.EDIT)
_REPEATABLE = (DeliveryKind.EDIT, DeliveryKind.EVENT)


@dataclass(frozen=True, slots=True)
class Taken:
    """The rows that a claim took."""

    rows: Sequence[AnyRow]
    """To send, most urgent first."""
    new_roots: frozenset[int]
    """Ids of replies and edits that become the root message, because their incident has none."""
    roots: Mapping[str, str | None]
    """The receipts of root messages by incident or digest, as JSON; None without one."""
    discarded: bool
    """Whether rows were taken that need not be sent."""


async def find_ready(
    connection: AsyncConnection,
    now: datetime,
    room: Room,
    limit: int,
    *,
    with_edits: bool = True,
    least_tried_first: bool = False,
) -> list[int]:
    """Return the ids of the deliveries to send next, most urgent first, at most `limit`."""
    rooms = [(name, room(name)) for name in await connection.scalars(_channels())]
    wanted = [(name, count) for name, count in rooms if count > 0][:_CHANNELS]
    if not wanted:
        return []
    padding = (1 << (len(wanted) - 1).bit_length()) - len(wanted)
    parameters: dict[str, object] = {"now": now}
    for index, (name, count) in enumerate([*wanted, *[("", 0)] * padding]):
        parameters |= {f"channel_{index}": name, f"count_{index}": count}
    rows = (await connection.execute(_ready(len(wanted) + padding, with_edits=with_edits), parameters)).all()
    ordered = sorted(rows, key=lambda row: (row.attempts if least_tried_first else 0, row.priority, row.id))
    return [row.id for row in ordered[:limit]]


async def take(connection: AsyncConnection, ids: Sequence[int], now: datetime, lease_ends_at: datetime) -> Taken:
    """Claim these deliveries, except those that another process claimed meanwhile.

    Records the start of an attempt for all but edits and events, which may be repeated; the outcome of an edit whose
    claim expired is recorded as unknown.
    """
    parameters = {"ids": ids, "now": now, "lease_ends_at": lease_ends_at, "token": new_token()}
    rows = (await connection.execute(_claim(), parameters)).all()
    roots = await roots_of(connection, rows)
    orphans = [row for row in rows if row.kind in _IN_THREAD and roots[row.incident_id] is None]
    dropped, new_roots = await _settle_orphans(connection, orphans, now) if orphans else ((), ())
    kept = sorted((row for row in rows if row.id not in dropped), key=lambda row: (row.priority, row.id))
    if posts := [row.id for row in kept if row.kind not in _REPEATABLE or row.id in new_roots]:
        await connection.execute(_START_ATTEMPTS, {"ids": posts, "attempt_at": now})
    if edited := [row.incident_id for row in kept if row.kind == DeliveryKind.EDIT]:
        await supersede_edits(connection, edited, now)
    return Taken(kept, frozenset(new_roots), roots, bool(dropped))


async def roots_of(connection: AsyncConnection, rows: Sequence[AnyRow]) -> Mapping[str, str | None]:
    """Return the receipt of the root message of each row's incident or digest; None without one."""
    ids = {row.incident_id for row in rows if row.incident_id is not None}
    if not ids:
        return {}
    return dict.fromkeys(ids) | await find_roots(connection, ids)


@cache
def _channels() -> Select[str]:
    """Select the channels with a backlog, most urgent first, by skipping from one to the next in the index."""
    one, other, top = (deliveries.alias(name) for name in ("one", "other", "top"))
    first = select(func.min(one.c.channel).label("channel")).where(is_queued(one)).cte("channels", recursive=True)
    following = select(func.min(other.c.channel)).where(is_queued(other), other.c.channel > first.c.channel)
    channels = first.union_all(select(following.scalar_subquery()).where(first.c.channel.is_not(None)))
    urgency = select(func.min(top.c.priority)).where(is_queued(top), top.c.channel == channels.c.channel)
    return select(channels.c.channel).where(channels.c.channel.is_not(None)).order_by(urgency.scalar_subquery())


@cache
def _ready(channels: int, *, with_edits: bool) -> CompoundSelect[int, int, int]:
    """Select the next deliveries of this number of channels, a power of two so that few statements are prepared."""
    kinds = () if with_edits else (deliveries.c.kind != DeliveryKind.EDIT,)
    of_channels = (
        select(deliveries.c.id, deliveries.c.priority, deliveries.c.attempts)
        .where(deliveries.c.channel == bindparam(f"channel_{index}"), _is_ready(), ~_is_blocked(), *kinds)
        .order_by(deliveries.c.priority, deliveries.c.id)
        .limit(bindparam(f"count_{index}", type_=Integer))
        for index in range(channels)
    )
    return union_all(*(select(one.subquery()) for one in of_channels))


@cache
def _claim() -> Update:
    is_wanted = deliveries.c.id.in_(bindparam("ids", expanding=True))
    return (
        update_free(select(deliveries.c.id).where(is_wanted, _is_ready(), ~_is_blocked()))
        .values(
            due_at=bindparam("lease_ends_at"),
            claim_token=bindparam("token"),
            attempts=deliveries.c.attempts + 1,
            waits_for=None,
            unsure_since=unsure_after_expiry(),
        )
        .returning(*deliveries.c)
    )


def _is_ready() -> ColumnElement[bool]:
    """Due, and no earlier attempt has an unknown outcome (`bot.store.attempts` finds that out)."""
    return and_(is_queued(), deliveries.c.due_at <= bindparam("now"), deliveries.c.attempt_at.is_(None))


def _is_blocked() -> ColumnElement[bool]:
    """Whether another delivery of the same incident has to go first."""
    other = deliveries.alias("other")
    is_edit, is_root = deliveries.c.kind == DeliveryKind.EDIT, other.c.kind == DeliveryKind.ROOT
    is_other_edit = other.c.kind == DeliveryKind.EDIT
    is_overtaken = and_(
        deliveries.c.priority == DeliveryPriority.OVERTAKING_PAGE,
        other.c.kind == DeliveryKind.REPLY,
        other.c.priority > DeliveryPriority.PAGE,
    )
    is_earlier = and_(other.c.id < deliveries.c.id, ~is_overtaken)
    before_a_post = or_(is_earlier, and_(is_root, other.c.claim_token.is_not(None)))
    is_being_sent = and_(other.c.claim_token.is_not(None), other.c.due_at > bindparam("now"))
    before_an_edit = or_(is_root, and_(is_other_edit, or_(other.c.id > deliveries.c.id, is_being_sent)))
    return exists().where(
        other.c.incident_id == deliveries.c.incident_id,
        is_queued(other),
        other.c.id != deliveries.c.id,
        or_(and_(~is_edit, ~is_other_edit, before_a_post), and_(is_edit, before_an_edit)),
    )


async def _settle_orphans(
    connection: AsyncConnection, orphans: Sequence[AnyRow], now: datetime
) -> tuple[frozenset[int], frozenset[int]]:
    """Decide about replies and edits whose incident, digest or run has no root message.

    The first of an incident becomes its root. They are suppressed if the root was suppressed, and wait if another
    delivery is becoming the root.

    Returns:
        The ids of those that are not sent now, and of those that become the root.
    """
    ids = sorted({row.incident_id for row in orphans})
    for table in {table_of(one): None for one in ids}:
        await connection.execute(select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id).with_for_update())
    of_incident = select(deliveries).where(deliveries.c.incident_id.in_(ids), deliveries.c.kind == DeliveryKind.ROOT)
    roots = (await connection.execute(of_incident.order_by(deliveries.c.id))).all()
    chosen: dict[str, int] = {}
    dropped: set[int] = set()
    for row in sorted(orphans, key=lambda one: one.id):
        mine = [root for root in roots if root.incident_id == row.incident_id]
        earlier = [root for root in mine if root.id < row.id]
        if earlier and all(root.state == DeliveryState.SUPPRESSED for root in earlier):
            await _suppress(connection, row.id, earlier[-1].reason)
            dropped.add(row.id)
        elif row.incident_id in chosen or any(root.state == DeliveryState.QUEUED and root.claim_token for root in mine):
            await _release(connection, row.id, now)
            dropped.add(row.id)
        else:
            chosen[row.incident_id] = row.id
    promoted = update(deliveries).where(deliveries.c.id.in_(chosen.values()))
    await connection.execute(promoted.values(kind=DeliveryKind.ROOT))
    return frozenset(dropped), frozenset(chosen.values())


async def _suppress(connection: AsyncConnection, delivery_id: int, reason: str) -> None:
    values = {
        "state": DeliveryState.SUPPRESSED,
        "claim_token": None,
        "reason": f"the incident's first message was not sent: {reason}",
        "notification": NO_PAYLOAD,
    }
    await connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))


async def _release(connection: AsyncConnection, delivery_id: int, now: datetime) -> None:
    values = {"claim_token": None, "due_at": now, "attempts": deliveries.c.attempts - 1}
    await connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(values))
