"""Subscriptions of channels to jobs. `watches.py` has what the watcher does with them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, and_, bindparam, delete, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Incident
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import Job, JobRef
from bot.domain.progress import RunProgress
from bot.domain.subscriptions import RuleSettings, Subscription, Watched
from bot.store.claims import revoke_claim, watch_of
from bot.store.codec import from_json, to_json
from bot.store.engine import AnyRow, AnySelect, Database
from bot.store.schema import incidents, patterns, subscriptions, watches


class Subscriptions:
    """The subscriptions of all channels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, channel: str, team: str | None, job: JobRef, user: str, settings: RuleSettings, now: datetime
    ) -> tuple[Subscription, bool]:
        """Subscribe a channel to a job, or replace the settings of its subscription; the job is polled at once.

        A subscription that a pattern made no longer belongs to it.

        Returns:
            The subscription, and whether it is new. A changed one keeps its id, author and date.
        """
        async with self._database.write() as connection:
            watch_id = await self._watch(connection, job, now)
            is_same = and_(subscriptions.c.watch_id == watch_id, subscriptions.c.channel == channel)
            values: dict[str, object] = {"settings": to_json(settings), "team": team, "pattern_id": None}
            is_new = (await connection.execute(update(subscriptions).where(is_same).values(values))).rowcount == 0
            if is_new:
                values |= {"watch_id": watch_id, "channel": channel, "created_by": user, "created_at": now}
                await connection.execute(subscriptions.insert().values(values))
            row = (await connection.execute(_select(is_same))).one()
        return read_subscription(row), is_new

    async def restore(self, removed: Subscription, now: datetime) -> bool:
        """Subscribe a channel again as it was; return False if it has subscribed meanwhile."""
        async with self._database.write() as connection:
            watch_id = await self._watch(connection, removed.job, now)
            values = {
                "watch_id": watch_id,
                "channel": removed.channel,
                "team": removed.team,
                "created_by": removed.created_by,
                "created_at": removed.created_at,
                "settings": to_json(removed.settings),
                "pattern_id": select(patterns.c.id).where(patterns.c.id == removed.pattern).scalar_subquery(),
            }
            statement = self._database.insert(subscriptions).values(values).on_conflict_do_nothing()
            return bool((await connection.execute(statement)).rowcount)

    async def remove(self, channel: str, job: JobRef) -> Subscription | None:
        """End a channel's subscription and return it; None when there is none.

        The next poll closes the channel's open incidents and then deletes the watch.
        """
        async with self._database.write() as connection:
            watch_id = await revoke_claim(connection, job)
            is_same = and_(subscriptions.c.watch_id == watch_id, subscriptions.c.channel == channel)
            row = (await connection.execute(_select(is_same))).one_or_none()
            if row is not None:
                await connection.execute(delete(subscriptions).where(is_same))
        return None if row is None else read_subscription(row)

    async def list(self, channel: str) -> tuple[Watched, ...]:
        """Return a channel's subscriptions, oldest first."""
        return await self._listed(subscriptions.c.channel == channel)

    async def of_job(self, job: JobRef) -> tuple[Watched, ...]:
        """Return the subscriptions to a job with its last known state, oldest first."""
        return await self._listed(watch_of(job))

    async def known_jobs(self, channel: str | None = None) -> tuple[KnownJob, ...]:
        """Return the watched jobs of a channel, or of all channels."""
        statement = select(watches.c.provider, watches.c.job_id, watches.c.last_job).order_by(watches.c.id)
        if channel is not None:
            of_channel = select(subscriptions.c.watch_id).where(subscriptions.c.channel == channel)
            statement = statement.where(watches.c.id.in_(of_channel))
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return tuple(
            KnownJob(JobRef(row.provider, row.job_id))
            if row.last_job is None
            else replace(KnownJob.of(from_json(row.last_job, Job)), ref=JobRef(row.provider, row.job_id))
            for row in rows
        )

    async def progress_of(self, jobs: Iterable[JobRef]) -> Mapping[JobRef, RunProgress]:
        """Return how far those of the jobs got that are watched, as of their last polls."""
        wanted = set(jobs)
        statement = select(watches.c.provider, watches.c.job_id, watches.c.last_job).where(
            watches.c.job_id.in_([job.id for job in wanted]), watches.c.last_job.is_not(None)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        known = {JobRef(row.provider, row.job_id): from_json(row.last_job, Job).progress for row in rows}
        return {job: progress for job, progress in known.items() if progress is not None and job in wanted}

    async def for_job(self, job: JobRef) -> tuple[Subscription, ...]:
        """Return all subscriptions to a job, oldest first."""
        async with self._database.read() as connection:
            rows = (await connection.execute(_select(watch_of(job)))).all()
        return tuple(read_subscription(row) for row in rows)

    async def _listed(self, condition: ColumnElement[bool]) -> tuple[Watched, ...]:
        statement = _select(condition).add_columns(watches.c.last_job, watches.c.seen_at)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
            still_open = select(incidents.c.watch_id, incidents.c.channel, incidents.c.value).where(
                incidents.c.watch_id.in_([row.watch_id for row in rows]), incidents.c.resolved_at.is_(None)
            )
            open_incidents = (await connection.execute(still_open)).all()
        firing: Counter[tuple[int, str]] = Counter()
        for watch_id, channel, value in open_incidents:
            firing[watch_id, channel] += sum(one.resolved_at is None for one in from_json(value, Incident).alerts)
        return tuple(
            Watched(
                subscription=read_subscription(row),
                job=None if row.last_job is None else from_json(row.last_job, Job),
                seen_at=row.seen_at,
                firing=firing[row.watch_id, row.channel],
            )
            for row in rows
        )

    async def _watch(self, connection: AsyncConnection, job: JobRef, now: datetime) -> int:
        """Return the id of the job's watch, created if needed, due now and not claimed."""
        statement = (
            self._database.insert(watches)
            .values(provider=job.provider, job_id=job.id, created_at=now, due_at=now)
            .on_conflict_do_update(
                index_elements=[watches.c.provider, watches.c.job_id], set_={"due_at": now, "claim_token": null()}
            )
            .returning(watches.c.id)
        )
        return int((await connection.execute(statement)).scalar_one())


@cache
def subscriptions_of() -> AnySelect:
    """Select the subscriptions of the watches with `watch_ids`, for `read_subscription`."""
    return _select(subscriptions.c.watch_id.in_(bindparam("watch_ids", expanding=True)))


def read_subscription(row: AnyRow) -> Subscription:
    """Read a subscription from a row of `subscriptions_of`.

    Raises:
        msgspec.ValidationError: its settings were written by another version.
    """
    return Subscription(
        id=row.id,
        channel=row.channel,
        job=JobRef(row.provider, row.job_id),
        created_by=row.created_by,
        created_at=row.created_at,
        settings=from_json(row.settings, RuleSettings),
        team=row.team,
        pattern=row.pattern_id,
    )


def _select(condition: ColumnElement[bool]) -> AnySelect:
    statement = select(subscriptions, watches.c.provider, watches.c.job_id).join_from(subscriptions, watches)
    return statement.where(condition).order_by(subscriptions.c.id)
