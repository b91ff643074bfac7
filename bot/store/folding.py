"""Fold the deliveries of incidents that a digest shows, and of runs that one message shows together."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.column_types import UtcDateTime
from bot.store.schema import boards, digests, incidents, runs

_UPDATE_AFTER = timedelta(seconds=1)
"""Changes within this time share an edit of the digest."""
_FIRST_AFTER, _EDIT_EVERY = timedelta(seconds=3), timedelta(minutes=1)
"""When a message about several runs is posted, and how often it is edited."""

_SHOWN = select(incidents.c.id, incidents.c.digest_id).where(
    incidents.c.id.in_(bindparam("ids", expanding=True)), incidents.c.digest_id.is_not(None)
)


async def change_digests(connection: AsyncConnection, incident_ids: Collection[str], now: datetime) -> dict[str, str]:
    """Have the digests that show these incidents planned again; return incident id → digest id."""
    if not incident_ids:
        return {}
    found = {row.id: row.digest_id for row in await connection.execute(_SHOWN, {"ids": list(incident_ids)})}
    if found:
        at = now + _UPDATE_AFTER
        is_later = or_(digests.c.due_at.is_(None), digests.c.due_at > at)
        due_at = case((is_later, at), else_=digests.c.due_at)
        changed = update(digests).where(digests.c.id.in_(sorted(set(found.values()))))
        await connection.execute(changed.values(due_at=due_at, changes=digests.c.changes + 1))
    return found


async def change_boards(connection: AsyncConnection, thread_ids: Collection[str], now: datetime) -> dict[str, str]:
    """Have the messages planned again that show these runs together; return run id → id of the message."""
    run_ids = [one for one in thread_ids if one.startswith("run-")]
    if not run_ids:
        return {}
    shown = select(runs.c.id, runs.c.board_id).where(runs.c.id.in_(run_ids), runs.c.board_id.is_not(None))
    found = {row.id: row.board_id for row in await connection.execute(shown)}
    if found:
        first_at, edit_at = (literal(now + wait, UtcDateTime) for wait in (_FIRST_AFTER, _EDIT_EVERY))
        at = case((boards.c.shown == "", first_at), else_=edit_at)
        due_at = case((boards.c.due_at.is_(None), at), (boards.c.due_at > at, at), else_=boards.c.due_at)
        changed = update(boards).where(boards.c.id.in_(sorted(set(found.values()))))
        await connection.execute(changed.values(due_at=due_at, changes=boards.c.changes + 1))
    return found
