"""Claims: a row belongs to the process whose token it has, until `due_at`.

Claiming moves `due_at` to the end of the lease, so a claim that is never settled (the process died) becomes due again.
Settling writes only to rows that still have the token, so a late process writes nothing.

A change to what a poll decides on (a subscription, an acknowledgement) revokes the poll's claim. The poll's result is
then discarded, and the next poll decides on the new state.
"""

import secrets

from sqlalchemy import ColumnElement, and_, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs import JobRef
from bot.store.schema import watches


def new_token() -> str:
    """Return a token for one claim."""
    return secrets.token_hex(8)


def watch_of(job: JobRef) -> ColumnElement[bool]:
    """Return the condition that a row of `watches` belongs to this job."""
    return and_(watches.c.provider == job.provider, watches.c.job_id == job.id)


async def revoke_claim(connection: AsyncConnection, job: JobRef) -> int | None:
    """Revoke the claim on a job's watch and make it due at once; return its id, None when it is not watched.

    Locks the row until the transaction ends, so that a poll settles either before or after it.
    """
    statement = (
        update(watches)
        .where(watch_of(job))
        .values(claim_token=None, due_at=func.coalesce(watches.c.seen_at, watches.c.created_at))
        .returning(watches.c.id)
    )
    watch_id: int | None = await connection.scalar(statement)
    return watch_id
