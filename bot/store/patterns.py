"""Subscriptions of channels to every job that matches a pattern. `joins.py` watches the jobs that match."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.job_matching import KnownJob, Matcher, platform_of
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import PatternSubscription, RemovedPattern, RuleSettings
from bot.store.codec import from_json, to_json
from bot.store.engine import AnyRow, AnySelect, Database
from bot.store.joins import join_jobs
from bot.store.schema import known_jobs, pattern_jobs, patterns, subscriptions, watches


@dataclass(frozen=True, slots=True)
class AddedPattern:
    """A pattern that was added or changed."""

    pattern: PatternSubscription
    is_new: bool
    joined: int
    """Number of jobs that the channel watches from now on."""


class Patterns:
    """The patterns of all channels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, wanted: PatternSubscription, jobs: Sequence[KnownJob], now: datetime) -> AddedPattern:
        """Subscribe a channel to a pattern, and at once to those of the jobs that match and have not ended.

        A pattern with the same matchers gets the settings, which then also hold for the jobs that it watches.
        """
        values = {
            "settings": to_json(wanted.settings),
            "announce": wanted.announce,
            "max_jobs": wanted.limit,
            "team": wanted.team,
        }
        matchers = to_json(wanted.matchers)
        is_same = and_(patterns.c.channel == wanted.channel, patterns.c.matchers == matchers)
        async with self._database.write() as connection:
            await self._database.lock(connection, f"patterns of {wanted.channel}")
            changed = await connection.execute(update(patterns).where(is_same).values(values))
            is_new = changed.rowcount == 0
            if is_new:
                values |= {"channel": wanted.channel, "matchers": matchers, "provider": platform_of(wanted.matchers)}
                values |= {"created_by": wanted.created_by, "created_at": now}
                await connection.execute(patterns.insert().values(values))
            stored = read_pattern((await connection.execute(_select(is_same))).one())
            if not is_new:
                await self._apply_settings(connection, stored, now)
            by_platform: dict[str, list[KnownJob]] = {}
            for job in jobs:
                by_platform.setdefault(job.ref.provider, []).append(job)
            joined = 0
            for listed in by_platform.values():
                joined += (await join_jobs(self._database, connection, [stored], listed, now)).joined
                stored = read_pattern((await connection.execute(_select(is_same))).one())
        return AddedPattern(stored, is_new, joined)

    async def list(self, channel: str) -> tuple[PatternSubscription, ...]:
        """Return a channel's patterns, oldest first."""
        return await self._find(patterns.c.channel == channel)

    async def jobs_of(self, pattern_id: int) -> tuple[JobRef, ...]:
        """Return the jobs that a pattern watches now."""
        statement = select(watches.c.provider, watches.c.job_id).join_from(subscriptions, watches)
        async with self._database.read() as connection:
            rows = await connection.execute(statement.where(subscriptions.c.pattern_id == pattern_id))
            return tuple(JobRef(row.provider, row.job_id) for row in rows)

    async def hand_over(self, pattern: PatternSubscription) -> int:
        """Give the jobs of a pattern to another pattern of the channel that they joined as well; return how many."""
        others = [one for one in await self.list(pattern.channel) if one.id != pattern.id]
        handed = 0
        async with self._database.write() as connection:
            for other in others:
                also = (
                    select(watches.c.id)
                    .join(
                        pattern_jobs,
                        and_(pattern_jobs.c.provider == watches.c.provider, pattern_jobs.c.job_id == watches.c.job_id),
                    )
                    .where(pattern_jobs.c.pattern_id == other.id)
                )
                is_shared = and_(subscriptions.c.pattern_id == pattern.id, subscriptions.c.watch_id.in_(also))
                values = {"pattern_id": other.id, "settings": to_json(other.settings)}
                handed += (await connection.execute(update(subscriptions).where(is_shared).values(values))).rowcount
        return handed

    async def joined(self, pattern: PatternSubscription) -> RemovedPattern:
        """Return a pattern with the jobs that have joined it, to restore it later."""
        statement = select(pattern_jobs.c.provider, pattern_jobs.c.job_id)
        async with self._database.read() as connection:
            rows = await connection.execute(statement.where(pattern_jobs.c.pattern_id == pattern.id))
            return RemovedPattern(pattern, tuple(JobRef(row.provider, row.job_id) for row in rows))

    async def restore(self, removed: RemovedPattern, now: datetime) -> bool:
        """Subscribe a channel to a pattern again as it was; return False if it has the pattern again meanwhile."""
        pattern, matchers = removed.pattern, to_json(removed.pattern.matchers)
        values = {
            "id": pattern.id,
            "channel": pattern.channel,
            "team": pattern.team,
            "provider": platform_of(pattern.matchers),
            "matchers": matchers,
            "settings": to_json(pattern.settings),
            "announce": pattern.announce,
            "max_jobs": pattern.limit,
            "created_by": pattern.created_by,
            "created_at": pattern.created_at,
        }
        rows = [
            {"pattern_id": pattern.id, "provider": job.provider, "job_id": job.id, "joined_at": now}
            for job in removed.joined
        ]
        is_same = and_(patterns.c.channel == pattern.channel, patterns.c.matchers == matchers)
        async with self._database.write() as connection:
            await self._database.lock(connection, f"patterns of {pattern.channel}")
            if await connection.scalar(select(patterns.c.id).where(is_same)) is not None:
                return False
            await connection.execute(self._database.insert(patterns).values(values))
            if rows:
                await connection.execute(self._database.insert(pattern_jobs).on_conflict_do_nothing(), rows)
        return True

    async def remove(self, pattern_id: int) -> bool:
        """Delete a pattern; end the subscriptions of its jobs first. Return whether it existed."""
        async with self._database.write() as connection:
            return (await connection.execute(delete(patterns).where(patterns.c.id == pattern_id))).rowcount > 0

    async def purge(self, before: datetime) -> int:
        """Forget jobs that joined long ago and left the lists since; return their number."""
        is_listed = and_(known_jobs.c.provider == pattern_jobs.c.provider, known_jobs.c.job_id == pattern_jobs.c.job_id)
        is_forgotten = ~exists().where(is_listed)
        async with self._database.write() as connection:
            old = delete(pattern_jobs).where(pattern_jobs.c.joined_at < before, is_forgotten)
            return (await connection.execute(old)).rowcount

    async def _apply_settings(self, connection: AsyncConnection, pattern: PatternSubscription, now: datetime) -> None:
        """Change the jobs that a pattern watches; those being saved at this moment follow the change a poll later."""
        own = subscriptions.c.pattern_id == pattern.id
        await connection.execute(update(subscriptions).where(own).values(settings=to_json(pattern.settings)))
        ids = select(subscriptions.c.watch_id).where(own)
        free = select(watches.c.id).where(watches.c.id.in_(ids)).with_for_update(skip_locked=True).cte("free")
        revoke = update(watches).where(watches.c.id.in_(select(free.c.id))).values(claim_token=None, due_at=now)
        await connection.execute(revoke)

    async def _find(self, condition: ColumnElement[bool]) -> tuple[PatternSubscription, ...]:
        async with self._database.read() as connection:
            return tuple(read_pattern(row) for row in await connection.execute(_select(condition)))


async def patterns_for(connection: AsyncConnection, provider: str) -> list[PatternSubscription]:
    """Return the patterns that jobs of a platform may match, oldest first; locks them until the transaction ends."""
    is_wanted = or_(patterns.c.provider == provider, patterns.c.provider.is_(None))
    # Not a shared lock: two listings that raise it to write `skipped` would deadlock. Count the jobs after the wait.
    await connection.execute(
        select(patterns.c.id).where(is_wanted).order_by(patterns.c.id).with_for_update(key_share=True)
    )
    return [read_pattern(row) for row in await connection.execute(_select(is_wanted))]


def all_patterns() -> AnySelect:
    """Select the patterns of all channels, for `read_pattern`."""
    return _select(true())


def read_pattern(row: AnyRow) -> PatternSubscription:
    """Read a pattern from a row of `all_patterns`."""
    return PatternSubscription(
        id=row.id,
        channel=row.channel,
        matchers=from_json(row.matchers, tuple[Matcher, ...]),
        created_by=row.created_by,
        created_at=row.created_at,
        settings=from_json(row.settings, RuleSettings),
        team=row.team,
        announce=row.announce,
        limit=row.max_jobs,
        watched=row.watched,
        skipped=row.skipped,
    )


def _select(condition: ColumnElement[bool]) -> AnySelect:
    """Select patterns with the number of jobs that each watches."""
    own = select(func.count()).where(subscriptions.c.pattern_id == patterns.c.id)
    return select(patterns, own.scalar_subquery().label("watched")).where(condition).order_by(patterns.c.id)
