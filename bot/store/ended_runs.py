"""Runs that succeeded or failed, one row per job, for verdicts on later failures. Each question reads one index."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs import JobRef
from bot.domain.run_history import EndedRun, RunHistory
from bot.store.codec import from_json, to_json
from bot.store.engine import Database
from bot.store.schema import ended_runs

MAX_KEY = 200
"""Characters of a text in an index: PostgreSQL refuses long ones."""
KEEP_ENDED_RUNS_FOR = timedelta(days=90)
"""How long a run is compared with later ones."""


class EndedRuns:
    """The runs that ended, or failed and may go on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def history_of(
        self, run: EndedRun, node_categories: Sequence[str], node_window: timedelta, same_window: timedelta
    ) -> RunHistory:
        """Return what earlier runs show about a failed one.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        table, now = ended_runs.c, run.at
        is_other = or_(table.provider != run.job.provider, table.job_id != run.job.id)
        on_node = and_(table.node == run.node[:MAX_KEY], table.at > now - node_window, table.at <= now)
        in_scope = and_(table.provider == run.job.provider, table.scope == run.scope[:MAX_KEY], table.at <= now)
        is_same = and_(in_scope, table.fingerprint == run.fingerprint, table.at > now - same_window)
        newest = select(table.value).order_by(table.at.desc()).limit(1)
        async with self._database.read() as connection:
            count = 0
            if run.node:
                failed = and_(on_node, table.category.in_(node_categories), is_other)
                count = await connection.scalar(select(func.count()).select_from(ended_runs).where(failed)) or 0
            same = await connection.scalar(newest.where(is_same, is_other, table.category != ""))
            good = await connection.scalar(newest.where(in_scope, table.category == "", is_other))
        same = same if run.fingerprint else None
        return RunHistory(count, *(None if one is None else from_json(one, EndedRun) for one in (same, good)))

    async def find(self, job: JobRef) -> EndedRun | None:
        """Return the run of a job; None if it was not watched, or neither failed nor succeeded."""
        is_job = and_(ended_runs.c.provider == job.provider, ended_runs.c.job_id == job.id)
        async with self._database.read() as connection:
            value = await connection.scalar(select(ended_runs.c.value).where(is_job))
        return None if value is None else from_json(value, EndedRun)

    async def purge(self, now: datetime) -> int:
        """Delete runs that ended long ago; return their number."""
        async with self._database.write() as connection:
            old = delete(ended_runs).where(ended_runs.c.at < now - KEEP_ENDED_RUNS_FOR)
            return (await connection.execute(old)).rowcount


async def save_ended_runs(database: Database, connection: AsyncConnection, runs: Iterable[EndedRun]) -> None:
    """Record runs within a transaction; a later end of the same job replaces the earlier one."""
    rows = [
        {
            "provider": run.job.provider,
            "job_id": run.job.id,
            "scope": run.scope[:MAX_KEY],
            "at": run.at,
            "category": run.category,
            "fingerprint": run.fingerprint,
            "node": run.node[:MAX_KEY],
            "value": to_json(run),
        }
        for run in sorted(runs, key=lambda one: one.job)
    ]
    if rows:
        columns = ("scope", "at", "category", "fingerprint", "node", "value")
        await connection.execute(database.upsert(ended_runs, *columns), rows)
