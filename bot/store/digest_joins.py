"""Let new incidents join digests, in the transaction that decides them. `bot.domain.storms` decides which."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind, Incident, stable_id
from bot.domain.digests import DigestState
from bot.domain.downtime import DOWNTIME
from bot.domain.grouping import Grouping
from bot.domain.storms import ChannelQueue, Joined, NewIncident, join_digests
from bot.store.codec import to_json
from bot.store.engine import Database
from bot.store.outbox import NO_PAYLOAD, DeliveryState, is_queued
from bot.store.schema import deliveries, digests, incidents

_is_unsent = and_(
    is_queued(),
    deliveries.c.claim_token.is_(None),
    deliveries.c.attempt_at.is_(None),
    deliveries.c.unsure_since.is_(None),
)
"""Nobody is sending the delivery, and no attempt may have succeeded: nothing would update its message."""


async def join_new(
    database: Database, connection: AsyncConnection, new: Iterable[Delivery], grouping: Grouping, now: datetime
) -> None:
    """Let the incidents of new root messages join digests. Call it before the deliveries are added."""
    by_channel: dict[str, list[Incident]] = {}
    for delivery in new:
        incident = delivery.notification.incident
        is_root = delivery.notification.kind is DeliveryKind.ROOT and delivery.suppressed_by is None
        if incident is not None and is_root:
            by_channel.setdefault(delivery.channel, []).append(incident)
    # In one order, digests before their incidents: two processes that settle one storm must not wait for each other.
    for channel, opened in sorted(by_channel.items()):
        queue = await _read_queue(connection, channel, opened, grouping, now)
        for joined in sorted(join_digests(queue, grouping), key=lambda one: one.key):
            await _join(database, connection, channel, joined, grouping, now)


async def _read_queue(
    connection: AsyncConnection, channel: str, opened: Sequence[Incident], grouping: Grouping, now: datetime
) -> ChannelQueue:
    roots = (
        select(incidents.c.id, incidents.c.group_key, deliveries.c.state, _is_unsent.label("is_unsent"))
        .join(incidents, incidents.c.id == deliveries.c.incident_id)
        .where(
            deliveries.c.channel == channel,
            deliveries.c.kind == DeliveryKind.ROOT,
            incidents.c.digest_id.is_(None),
            or_(
                is_queued(),
                and_(deliveries.c.created_at > now - grouping.storm_window, deliveries.c.state == DeliveryState.SENT),
            ),
        )
    )
    rows = (await connection.execute(roots)).all()
    waiting = [one for one in rows if one.is_unsent]
    groups = {one.group for one in opened if one.group}
    return ChannelQueue(
        new=[NewIncident(one.id, one.group) for one in opened],
        waiting=[NewIncident(one.id, one.group_key) for one in waiting],
        sent=len(rows) - len(waiting),
        digests=await _open_digests(connection, channel),
        grouped=await _grouped(connection, channel, groups, {one.id for one in opened}) if groups else {},
    )


async def _open_digests(connection: AsyncConnection, channel: str) -> dict[str, str]:
    statement = select(digests.c.key, digests.c.id).where(digests.c.channel == channel, digests.c.closed_at.is_(None))
    return {row.key: row.id for row in await connection.execute(statement)}


async def _grouped(connection: AsyncConnection, channel: str, groups: set[str], new: set[str]) -> dict[str, list[str]]:
    """Return the unresolved incidents of these groups that have separate messages."""
    statement = select(incidents.c.id, incidents.c.group_key).where(
        incidents.c.channel == channel,
        incidents.c.resolved_at.is_(None),
        incidents.c.group_key.in_(groups),
        incidents.c.digest_id.is_(None),
    )
    found: dict[str, list[str]] = {}
    for row in await connection.execute(statement.order_by(incidents.c.opened_at)):
        if row.id not in new:
            found.setdefault(row.group_key, []).append(row.id)
    return found


async def _join(
    database: Database, connection: AsyncConnection, channel: str, joined: Joined, grouping: Grouping, now: datetime
) -> None:
    digest_id = joined.digest_id or await _open(database, connection, channel, joined.key, grouping, now)
    await connection.execute(update(digests).where(digests.c.id == digest_id).values(joined_at=now))
    members = incidents.c.id.in_(joined.incident_ids)
    await connection.execute(update(incidents).where(members).values(digest_id=digest_id, remind_at=None))
    unsent = and_(deliveries.c.incident_id.in_(joined.incident_ids), _is_unsent)
    folded = {"state": DeliveryState.FOLDED, "reason": f"shown by {digest_id}", "notification": NO_PAYLOAD}
    await connection.execute(update(deliveries).where(unsent).values(folded))


async def _open(
    database: Database, connection: AsyncConnection, channel: str, key: str, grouping: Grouping, now: datetime
) -> str:
    """Open a digest; return the id of the one that is open, which another process may have opened."""
    row = {
        "id": stable_id("dig", f"{channel}|{key}|{now.isoformat()}"),
        "channel": channel,
        "key": key,
        "opened_at": now,
        "joined_at": now,
        "value": to_json(DigestState()),
        "due_at": now + (grouping.downtime_wait if key.startswith(DOWNTIME) else grouping.group_wait),
    }
    await connection.execute(database.insert(digests).values(row).on_conflict_do_nothing())
    is_open = and_(digests.c.channel == channel, digests.c.key == key, digests.c.closed_at.is_(None))
    digest_id = await connection.scalar(select(digests.c.id).where(is_open))
    assert digest_id is not None
    return str(digest_id)
