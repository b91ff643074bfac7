"""How work is claimed: a row belongs to whoever wrote its token into it, until `due_at`.

Claiming moves `due_at` to the end of the lease, so a claim that is never settled (the process died) falls due again by
itself. Settling writes only where the token still stands, so a process that comes back late writes nothing.

Whoever changes what a poll decides on (a subscription, an acknowledgement) takes the poll's claim away: the poll's
result is then not written, and the decision is made again on what is so now.
"""

from __future__ import annotations

import secrets

from sqlalchemy import ColumnElement, and_, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs import JobRef
from bot.store.schema import watches


def new_token() -> str:
    """A name for one claim that no other has."""
    return secrets.token_hex(8)


def watch_of(job: JobRef) -> ColumnElement[bool]:
    """The condition that a row of `watches` is this job's."""
    return and_(watches.c.provider == job.provider, watches.c.job_id == job.id)


async def reconsider(connection: AsyncConnection, job: JobRef) -> int | None:
    """Take the claim on a job's watch away and make it due at once; its id, None when it is not watched.

    Holds the row until the transaction ends, so that a settling poll comes either before or after, never between.
    """
    statement = (
        update(watches)
        .where(watch_of(job))
        .values(claim_token=None, due_at=func.coalesce(watches.c.seen_at, watches.c.created_at))
        .returning(watches.c.id)
    )
    watch_id: int | None = (await connection.execute(statement)).scalar_one_or_none()
    return watch_id
