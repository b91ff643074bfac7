"""Fold the deliveries of incidents that a digest shows."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.schema import digests, incidents

_UPDATE_AFTER = timedelta(seconds=1)
"""Changes within this time share an edit of the digest."""


async def change_digests(connection: AsyncConnection, incident_ids: Collection[str], now: datetime) -> dict[str, str]:
    """Have the digests that show these incidents planned again; return incident id → digest id."""
    if not incident_ids:
        return {}
    shown = select(incidents.c.id, incidents.c.digest_id).where(
        incidents.c.id.in_(incident_ids), incidents.c.digest_id.is_not(None)
    )
    found = {row.id: row.digest_id for row in await connection.execute(shown)}
    if found:
        at = now + _UPDATE_AFTER
        is_later = or_(digests.c.due_at.is_(None), digests.c.due_at > at)
        due_at = case((is_later, at), else_=digests.c.due_at)
        changed = update(digests).where(digests.c.id.in_(sorted(set(found.values()))))
        await connection.execute(changed.values(due_at=due_at, changes=digests.c.changes + 1))
    return found
