"""The index of listed jobs: what every listing of a platform returned, for pickers, Home and patterns.

A row is written when its job changed, and otherwise once an hour. Jobs that ended long ago, or that no listing had for
long, are purged.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef, JobState
from bot.domain.listings import ListingResult
from bot.store.codec import clean_text
from bot.store.engine import AnyRow, AnySelect, Database
from bot.store.schema import known_jobs

KEEP_JOBS_FOR = timedelta(days=30)
"""How long a job is kept after its end, or after the last listing that had it."""
_SEEN_EVERY = timedelta(hours=1)
"""How old `seen_at` may be."""
_BATCH = 1_000
_FEW = 500
"""Up to this number of jobs are looked up by their ids, instead of reading all jobs of their platforms."""
_STORED = select(
    *(known_jobs.c[name] for name in ("provider", "job_id", "seen_at", "changed_at")),
    *(known_jobs.c[name] for name in ("name", "owner", "state", "url", "created_at", "started_at", "ended_at")),
)
_RUNNING = (JobState.RUNNING, JobState.UNHEALTHY)


class KnownJobs:
    """The listed jobs of all platforms."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, jobs: Sequence[KnownJob], now: datetime) -> int:
        """Record one page of a listing, or several; return the number of rows written. Redact the jobs first."""
        async with self._database.read() as connection:
            rows = await _changed_rows(connection, jobs, now)
        if rows:
            async with self._database.write() as connection:
                await _write(self._database, connection, rows)
        return len(rows)

    async def search(self, text: str, *, limit: int = 100) -> tuple[KnownJob, ...]:
        """Return the jobs whose reference, name or owner has every word: running first, newest first."""
        words = clean_text(text).casefold().split()
        return await self._find(
            *(known_jobs.c.search_text.contains(word, autoescape=True) for word in words), limit=limit
        )

    async def find(self, ref: str) -> KnownJob | None:
        """Return a job by its reference; None if no listing had it."""
        provider, _, job_id = ref.partition(":")
        found = await self._find(known_jobs.c.provider == provider, known_jobs.c.job_id == clean_text(job_id), limit=1)
        return found[0] if found else None

    async def purge(self, now: datetime) -> int:
        """Delete the jobs that ended long ago or were not seen for long; return their number."""
        before = now - KEEP_JOBS_FOR
        is_old = or_(known_jobs.c.seen_at < before, known_jobs.c.is_ended & (known_jobs.c.changed_at < before))
        async with self._database.write() as connection:
            return (await connection.execute(delete(known_jobs).where(is_old))).rowcount

    async def _find(self, *conditions: ColumnElement[bool], limit: int) -> tuple[KnownJob, ...]:
        async with self._database.read() as connection:
            rows = (await connection.execute(_select(*conditions).limit(limit))).all()
        return tuple(read_known_job(row) for row in rows)


async def save_listing(database: Database, connection: AsyncConnection, result: ListingResult, now: datetime) -> None:
    """Record a whole listing within a transaction; a job that a complete one does not have is deleted."""
    jobs, provider = result.jobs or (), result.claimed.provider
    await _write(database, connection, await _changed_rows(connection, jobs, now))
    if not result.state.is_cut:
        stored = await connection.scalars(select(known_jobs.c.job_id).where(known_jobs.c.provider == provider))
        gone = sorted(set(stored) - {clean_text(job.ref.id) for job in jobs})
        for start in range(0, len(gone), _BATCH):
            is_gone = known_jobs.c.job_id.in_(gone[start : start + _BATCH])
            await connection.execute(delete(known_jobs).where(known_jobs.c.provider == provider, is_gone))


def read_known_job(row: AnyRow) -> KnownJob:
    """Read a job from a row of the table."""
    return KnownJob(
        JobRef(row.provider, row.job_id),
        row.name,
        JobState(row.state),
        row.owner,
        row.url,
        row.created_at,
        row.started_at,
        row.ended_at,
        row.seen_at,
    )


def _select(*conditions: ColumnElement[bool]) -> AnySelect:
    rank = case((known_jobs.c.state.in_(_RUNNING), 0), (known_jobs.c.is_ended, 2), else_=1)
    order = rank, known_jobs.c.changed_at.desc(), known_jobs.c.provider, known_jobs.c.job_id
    return select(known_jobs).where(*conditions).order_by(*order)


async def _changed_rows(
    connection: AsyncConnection, jobs: Sequence[KnownJob], now: datetime
) -> list[dict[str, object]]:
    """The rows to write, in the order of their keys, so that two processes cannot deadlock."""
    listed = {job.ref: job for job in jobs}
    providers = {ref.provider for ref in listed}
    wanted = _STORED.where(known_jobs.c.provider.in_(providers))
    if len(listed) <= _FEW:
        wanted = wanted.where(known_jobs.c.job_id.in_([ref.id for ref in listed]))
    stored = (await connection.execute(wanted)).all()
    before = {(row.provider, row.job_id): row for row in stored}
    rows = []
    for ref, job in listed.items():
        known = before.get((ref.provider, ref.id)) or before.get((ref.provider, clean_text(ref.id)))
        if known is not None and known.seen_at > now - _SEEN_EVERY and _is_same(job, known):
            continue
        changed_at = job.ended_at or job.started_at or job.created_at or (now if known is None else known.changed_at)
        has_ended = job.state is not None and job.state.is_terminal
        if not (has_ended and changed_at < now - KEEP_JOBS_FOR):
            rows.append(_row(job, now, changed_at))
    return sorted(rows, key=lambda row: (str(row["provider"]), str(row["job_id"])))


async def _write(database: Database, connection: AsyncConnection, rows: list[dict[str, object]]) -> None:
    if rows:
        columns = [column.name for column in known_jobs.columns if not column.primary_key]
        await connection.execute(database.upsert(known_jobs, *columns), rows)


def _row(job: KnownJob, now: datetime, changed_at: datetime) -> dict[str, object]:
    state = job.state or JobState.UNKNOWN
    texts = (str(job.ref), job.name or "", job.owner or "")
    return {
        "provider": job.ref.provider,
        "job_id": job.ref.id,
        "name": job.name,
        "owner": job.owner,
        "scope": job.scope,
        "state": state.value,
        "is_ended": state.is_terminal,
        "url": job.url,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "seen_at": now,
        "changed_at": changed_at,
        "search_text": " ".join(texts).casefold(),
    }


def _is_same(job: KnownJob, known: AnyRow) -> bool:
    values = _values(job)
    before = tuple(known)[-len(values) :]
    return values == before or tuple(map(_cleaned, values)) == before


def _values(job: KnownJob) -> tuple[object, ...]:
    """The values that are compared, in the order of `_STORED`."""
    state = (job.state or JobState.UNKNOWN).value
    return job.name, job.owner, state, job.url, job.created_at, job.started_at, job.ended_at


def _cleaned(value: object) -> object:
    return clean_text(value) if isinstance(value, str) else value
