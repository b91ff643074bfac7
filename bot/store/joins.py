"""Jobs join patterns: in the transaction that saves a listing, new jobs are watched and their channels notified.

A job joins a pattern once. The row in `pattern_jobs` stays when the job is unwatched or has ended, so it is not watched
again.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind, Notification, NotifyReason
from bot.domain.job_matching import KnownJob, can_join, job_labels, matches_all
from bot.domain.listings import JoinedJobs, OverLimit, about_platform
from bot.domain.subscriptions import PatternSubscription
from bot.store.codec import to_json
from bot.store.engine import Database
from bot.store.outbox import add_deliveries
from bot.store.schema import pattern_jobs, patterns, subscriptions, watches

NO_WATCH = 0
"""The watch id of deliveries about several jobs."""
_ROWS = 1_000
"""Rows of one statement: databases limit its parameters."""
_SHOWN = 5
"""Jobs that an announcement names."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class JoinResult:
    """What a listing changed for patterns."""

    joined: int = 0
    """Number of jobs that channels got."""
    over_limit: tuple[int, ...] = ()
    """Ids of the patterns whose limit keeps out jobs of the listing."""


@dataclass(frozen=True, slots=True)
class _Join:
    """A job that joins a pattern now."""

    pattern: PatternSubscription
    job: KnownJob


async def join_jobs(
    database: Database,
    connection: AsyncConnection,
    wanted: Sequence[PatternSubscription],
    jobs: Sequence[KnownJob],
    now: datetime,
    *,
    announced_as: str | None = None,
    over_before: Collection[int] = (),
) -> JoinResult:
    """Watch the jobs that match patterns and have not joined them before.

    Args:
        database: of the connection.
        connection: of a transaction that locks the patterns.
        wanted: the patterns, oldest first: of two of one channel, the first one's settings hold.
        jobs: listed jobs, of one platform.
        now: the time.
        announced_as: a unique name of the listing; None: channels are not notified.
        over_before: the patterns whose limit kept out jobs of the platform's last listing.
    """
    active = [job for job in jobs if can_join(job)]
    if not active or not wanted:
        return JoinResult()
    fresh, skipped = await _find_fresh(connection, wanted, active)
    watch_ids = await _watch(database, connection, [one.job for one in fresh], now)
    fresh = [one for one in fresh if one.job.ref.id in watch_ids]
    new = await _subscribe(database, connection, fresh, watch_ids, now)
    rows = [
        {"pattern_id": one.pattern.id, "provider": one.job.ref.provider, "job_id": one.job.ref.id, "joined_at": now}
        for one in fresh
    ]
    insert = database.insert(pattern_jobs).on_conflict_do_nothing(index_elements=list(pattern_jobs.primary_key))
    for part in _parts(rows):
        await connection.execute(insert, part)
    await _save_skipped(connection, wanted, fresh, skipped)
    if announced_as is not None:
        over = [one for one in wanted if skipped[one.id] and not one.skipped and one.id not in over_before]
        added = [(NO_WATCH, one) for one in _announcements(jobs[0].ref.provider, new, over, skipped, announced_as)]
        await add_deliveries(database, connection, added, now)
    return JoinResult(len(new), tuple(one for one, count in skipped.items() if count))


async def _save_skipped(
    connection: AsyncConnection,
    wanted: Sequence[PatternSubscription],
    fresh: Sequence[_Join],
    skipped: Mapping[int, int],
) -> None:
    """Record how many jobs each limit keeps out; a full pattern may keep out jobs of another platform."""
    joining = Counter(one.pattern.id for one in fresh)
    for pattern in wanted:
        is_full = pattern.watched + joining[pattern.id] >= pattern.limit
        count = skipped[pattern.id] or (pattern.skipped if is_full else 0)
        if count != pattern.skipped:
            await connection.execute(update(patterns).where(patterns.c.id == pattern.id).values(skipped=count))


async def _find_fresh(
    connection: AsyncConnection, wanted: Sequence[PatternSubscription], active: Sequence[KnownJob]
) -> tuple[list[_Join], Mapping[int, int]]:
    """The jobs that join each pattern, in the order of patterns, and how many its limit keeps out."""
    joined = await _joined(connection, wanted, active)
    labelled = [(job, job_labels(job)) for job in active]
    fresh: list[_Join] = []
    skipped: dict[int, int] = {}
    for pattern in wanted:
        matching = [
            job
            for job, labels in labelled
            if (pattern.id, job.ref.id) not in joined and matches_all(pattern.matchers, labels)
        ]
        room = max(0, pattern.limit - pattern.watched)
        fresh += [_Join(pattern, job) for job in matching[:room]]
        skipped[pattern.id] = len(matching[room:])
    return fresh, skipped


async def _joined(
    connection: AsyncConnection, wanted: Sequence[PatternSubscription], active: Sequence[KnownJob]
) -> set[tuple[int, str]]:
    ids = [pattern.id for pattern in wanted]
    joined: set[tuple[int, str]] = set()
    for part in _parts([job.ref.id for job in active]):
        statement = select(pattern_jobs.c.pattern_id, pattern_jobs.c.job_id).where(
            pattern_jobs.c.pattern_id.in_(ids),
            pattern_jobs.c.provider == active[0].ref.provider,
            pattern_jobs.c.job_id.in_(part),
        )
        joined.update((pattern_id, job_id) for pattern_id, job_id in await connection.execute(statement))
    return joined


async def _watch(
    database: Database, connection: AsyncConnection, jobs: Sequence[KnownJob], now: datetime
) -> dict[str, int]:
    """Return the watches of jobs by job id, created where needed, due now and not claimed.

    Leaves out what another transaction locks, because waiting for several rows could deadlock with a poll that
    settles; these jobs join with the next listing.
    """
    found: dict[str, int] = {}
    insert = database.insert(watches).on_conflict_do_nothing(index_elements=[watches.c.provider, watches.c.job_id])
    for part in _parts(sorted({job.ref for job in jobs})):
        provider, ids = part[0].provider, [ref.id for ref in part]
        is_one = (watches.c.provider == provider, watches.c.job_id.in_(ids))
        free = select(watches.c.id).where(*is_one).with_for_update(skip_locked=True).cte("free")
        revoke = update(watches).where(watches.c.id.in_(select(free.c.id))).values(claim_token=None, due_at=now)
        for row in await connection.execute(revoke.returning(watches.c.id, watches.c.job_id)):
            found[row.job_id] = row.id
        rows = [
            {"provider": provider, "job_id": one, "created_at": now, "due_at": now} for one in ids if one not in found
        ]
        if rows:
            added = insert.values(rows).returning(watches.c.id, watches.c.job_id)
            found.update({row.job_id: row.id for row in await connection.execute(added)})
    return found


async def _subscribe(
    database: Database,
    connection: AsyncConnection,
    joins: Sequence[_Join],
    watch_ids: Mapping[str, int],
    now: datetime,
) -> list[_Join]:
    """Subscribe channels to jobs; return what is new: a channel may watch a job already."""
    by_key: dict[tuple[int, str], _Join] = {}
    for one in joins:  # of two patterns of a channel, the first wins
        by_key.setdefault((watch_ids[one.job.ref.id], one.pattern.channel), one)
    insert = database.insert(subscriptions).on_conflict_do_nothing(
        index_elements=[subscriptions.c.watch_id, subscriptions.c.channel]
    )
    new: list[_Join] = []
    for part in _parts(list(by_key.items())):
        rows = [_subscription(watch_id, one.pattern, now) for (watch_id, _), one in part]
        added = await connection.execute(
            insert.values(rows).returning(subscriptions.c.watch_id, subscriptions.c.channel)
        )
        keys = {(row.watch_id, row.channel) for row in added}
        new += [one for key, one in part if key in keys]
    return new


def _subscription(watch_id: int, pattern: PatternSubscription, now: datetime) -> dict[str, object]:
    return {
        "watch_id": watch_id,
        "channel": pattern.channel,
        "team": pattern.team,
        "created_by": pattern.created_by,
        "created_at": now,
        "settings": to_json(pattern.settings),
        "pattern_id": pattern.id,
    }


def _announcements(
    provider: str,
    new: Sequence[_Join],
    over_limit: Sequence[PatternSubscription],
    skipped: Mapping[int, int],
    listing: str,
) -> Iterator[Delivery]:
    """One message for each channel with new jobs or a limit that was reached now."""
    joins: dict[str, list[_Join]] = defaultdict(list)
    for one in new:
        if one.pattern.announce:
            joins[one.pattern.channel].append(one)
    over: dict[str, list[PatternSubscription]] = defaultdict(list)
    for pattern in over_limit:
        over[pattern.channel].append(pattern)
    for channel in {**joins, **over}:
        joined = JoinedJobs(
            tuple(dict.fromkeys(one.pattern.text for one in joins[channel])),
            len(joins[channel]),
            tuple(one.job for one in joins[channel][:_SHOWN]),
            tuple(OverLimit(one.text, one.limit, skipped[one.id]) for one in over[channel]),
        )
        notification = Notification(DeliveryKind.NOTE, NotifyReason.NOTE, about_platform(provider), joined=joined)
        yield Delivery(f"joined|{channel}|{listing}", channel, notification)


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), _ROWS):
        yield items[start : start + _ROWS]
