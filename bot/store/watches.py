"""Watched jobs: claim those that are due, and save the results of their polls. `claims.py` explains claims.

`claim_due` returns jobs with everything that a decision needs. `settle` writes the decision and its messages in one
transaction, so that a kill at any time neither loses nor repeats them.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

import msgspec
from sqlalchemy import Integer, Update, and_, bindparam, delete, exists, or_, select, true, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Alert, Incident, Receipt
from bot.domain.grouping import STANDARD, Grouping
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogCursor
from bot.domain.watches import ClaimedWatch, PollResult, PollShare
from bot.store.claims import new_token
from bot.store.codec import from_json, to_json
from bot.store.digest_joins import join_new
from bot.store.ended_runs import save_ended_runs
from bot.store.engine import AnyRow, Database
from bot.store.incidents import save_incidents
from bot.store.outbox import add_deliveries
from bot.store.run_starts import join_starts
from bot.store.schema import alerts, incidents, subscriptions, watches
from bot.store.silences import active_silences, read_silence
from bot.store.subscriptions import read_subscription, subscriptions_of

log = logging.getLogger(__name__)
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

UNSTORABLE_RETRY = timedelta(minutes=10)
"""When a job is polled again whose result could not be stored."""
UNSTORABLE = (SQLAlchemyError, msgspec.MsgspecError, ValueError, TypeError, OverflowError)
"""Errors for values that our tables or their drivers cannot store. StoreUnavailable is a different matter."""


_IDS = bindparam("ids", type_=Integer, expanding=True)
_ALERTS = select(alerts.c.watch_id, alerts.c.value).where(alerts.c.watch_id.in_(_IDS))
_IS_RECENT = or_(incidents.c.resolved_at.is_(None), incidents.c.resolved_at > bindparam("ended_after"))
_INCIDENTS = (
    select(incidents.c.watch_id, incidents.c.id, incidents.c.root, incidents.c.digest_id, incidents.c.value)
    .where(incidents.c.watch_id.in_(_IDS), _IS_RECENT)
    .order_by(incidents.c.opened_at, incidents.c.id)
)


class Watches:
    """The watched jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim_due(
        self,
        now: datetime,
        *,
        lease: timedelta,
        limit: int = 100,
        busy: Sequence[int] = (),
        full: Sequence[str] = (),
        reopen_within: timedelta = timedelta(hours=1),
        share: PollShare | None = None,
    ) -> list[ClaimedWatch]:
        """Claim the jobs that are due, longest overdue first, until the lease ends.

        Skips jobs in `busy`, whose poll is in progress here and could not be saved under a new claim, and jobs of the
        providers in `full`. A row that cannot be decoded is logged and stays claimed, so that others are polled.
        Incidents that ended within `reopen_within` come with their job, because an alert may fire again. Outside
        `share` only jobs are claimed that no other process has taken in time.
        """
        parameters = {"now": now, "lease_ends_at": now + lease, "token": new_token(), "limit": limit}
        parameters |= {"busy": busy, "full": full, **_share_parameters(now, share)}
        async with self._database.write() as connection:
            rows = (await connection.execute(_claim(is_shared=share is not None), parameters)).all()
        if not rows:
            return []
        async with self._database.read() as connection:
            related = await _load_related(connection, [row.id for row in rows], now, now - reopen_within)
        claimed: list[ClaimedWatch] = []
        for row in rows:
            try:
                claimed.append(_read_watch(row, related))
            except msgspec.MsgspecError:
                extra = {"watch": row.id, "provider": row.provider, "job": row.job_id}
                log.exception("watch cannot be read", extra=extra)
        return claimed

    async def settle(
        self, results: Sequence[PollResult], now: datetime, grouping: Grouping = STANDARD
    ) -> frozenset[int]:
        """Write the results of polls, state and messages in one transaction.

        When the database cannot store one of them, each is written separately; the bad one is logged, counts as a
        failure and is polled again later.

        Returns:
            The ids that were written. The others lost their claim (the lease ended, or a subscription changed) or
            could not be stored; nothing of them is written, and they are polled again.

        Raises:
            StoreUnavailable: nothing was written; the claims last until their leases end.
        """
        try:
            return await self._settle_together(results, now, grouping)
        except UNSTORABLE:
            if len(results) == 1:
                log.exception("poll result cannot be stored", extra={"watch": results[0].watch_id})
                await self._postpone(results[0], now)
                return frozenset()
        return frozenset().union(*[await self.settle([one], now, grouping) for one in results])

    async def _postpone(self, result: PollResult, now: datetime) -> None:
        """Release a job unchanged, except for one more failure."""
        released = {"claim_token": None, "due_at": now + UNSTORABLE_RETRY, "fails": watches.c.fails + 1}
        async with self._database.write() as connection:
            await connection.execute(_held([result.watch_id], result.token).values(released))

    async def _settle_together(
        self, results: Sequence[PollResult], now: datetime, grouping: Grouping
    ) -> frozenset[int]:
        async with self._database.write() as connection:
            held = await _end_claims(connection, results)
            kept = [result for result in results if result.watch_id in held]
            if kept:
                await connection.execute(_SETTLE, [_watch_values(result) for result in kept])
                await self._save_alerts(connection, kept)
                changed = [(result.watch_id, one) for result in kept for one in result.incidents]
                await save_incidents(self._database, connection, changed, now)
                new = [(result.watch_id, one) for result in kept for one in result.deliveries]
                await join_new(self._database, connection, [one for _, one in new], grouping, now)
                await join_starts(self._database, connection, [one for _, one in new], now)
                await add_deliveries(self._database, connection, new, now)
                ended = {one.ended_run.job: one.ended_run for one in kept if one.ended_run is not None}
                await save_ended_runs(self._database, connection, ended.values())
                await _delete_unsubscribed(connection, kept)
        return held

    async def release(self, claimed: Sequence[ClaimedWatch], now: datetime) -> None:
        """Release jobs unpolled, due at once, because the process is stopping."""
        async with self._database.write() as connection:
            for token, ids in _grouped((watch.token, watch.id) for watch in claimed).items():
                await connection.execute(_held(ids, token).values(claim_token=None, due_at=now))

    async def end_backoff(self, provider: str, now: datetime, *, limit: int | None = None) -> int:
        """Make the jobs of a platform due whose last poll read nothing, those that waited longest first.

        Returns their number. The platform's rate limit paces the polls.
        """
        is_waiting = and_(watches.c.provider == provider, watches.c.fails > 0, watches.c.claim_token.is_(None))
        waiting = select(watches.c.id).where(is_waiting, watches.c.due_at > now).order_by(watches.c.due_at).limit(limit)
        free = waiting.with_for_update(skip_locked=True).cte("waiting")
        statement = update(watches).where(watches.c.id.in_(select(free.c.id))).values(due_at=now)
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount

    async def overdue(self, now: datetime) -> timedelta:
        """Return how long the most overdue job has waited for its poll; zero when none is due."""
        statement = select(watches.c.due_at).where(watches.c.due_at <= now).order_by(watches.c.due_at).limit(1)
        async with self._database.read() as connection:
            due_at = await connection.scalar(statement)
        return timedelta(0) if due_at is None else now - due_at

    async def _save_alerts(self, connection: AsyncConnection, results: Sequence[PollResult]) -> None:
        rows = [
            {
                "watch_id": result.watch_id,
                "rule": alert.rule,
                "parameters_key": alert.parameters_key,
                "state": alert.state.value,
                "fired_at": alert.fired_at,
                "value": to_json(alert),
            }
            for result in results
            for alert in result.alerts
        ]
        if rows:
            await connection.execute(self._database.upsert(alerts, "state", "fired_at", "value"), rows)


@dataclass(frozen=True, slots=True)
class _RelatedRows:
    """The rows that belong to a batch of watches, by watch id."""

    subscriptions: Mapping[int, Sequence[AnyRow]]
    alerts: Mapping[int, Sequence[AnyRow]]
    incidents: Mapping[int, Sequence[AnyRow]]
    silences: Sequence[AnyRow]


@cache
def _claim(*, is_shared: bool) -> Update:
    # A CTE that locks rows runs once; PostgreSQL may run a plain IN (SELECT … LIMIT) again and claim too many.
    is_ours = watches.c.id % bindparam("processes", type_=Integer) == bindparam("rank")
    is_wanted = or_(is_ours, watches.c.due_at <= bindparam("overdue_since")) if is_shared else true()
    due = (
        select(watches.c.id)
        .where(
            watches.c.due_at <= bindparam("now"),
            watches.c.id.not_in(bindparam("busy", expanding=True)),
            watches.c.provider.not_in(bindparam("full", expanding=True)),
            is_wanted,
        )
        .order_by(watches.c.due_at)
        .limit(bindparam("limit", type_=Integer))
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return (
        update(watches)
        .where(watches.c.id.in_(select(due.c.id)))
        .values(due_at=bindparam("lease_ends_at"), claim_token=bindparam("token"))
        .returning(*watches.c)
    )


def _share_parameters(now: datetime, share: PollShare | None) -> dict[str, object]:
    if share is None:
        return {}
    return {"processes": share.processes, "rank": share.rank, "overdue_since": now - share.grace}


async def _load_related(
    connection: AsyncConnection, ids: list[int], now: datetime, ended_after: datetime
) -> _RelatedRows:
    parameters = {"ids": ids, "ended_after": ended_after}
    return _RelatedRows(
        subscriptions=_by_watch((await connection.execute(subscriptions_of(), {"watch_ids": ids})).all()),
        alerts=_by_watch((await connection.execute(_ALERTS, parameters)).all()),
        incidents=_by_watch((await connection.execute(_INCIDENTS, parameters)).all()),
        silences=(await connection.execute(active_silences(), {"now": now})).all(),
    )


def _read_watch(row: AnyRow, related: _RelatedRows) -> ClaimedWatch:
    subscribed = tuple(read_subscription(one) for one in related.subscriptions.get(row.id, ()))
    channels = {subscription.channel for subscription in subscribed}
    return ClaimedWatch(
        id=row.id,
        job=JobRef(row.provider, row.job_id),
        token=row.claim_token,
        fails=row.fails,
        cursor=None if row.cursor is None else LogCursor(bytes(row.cursor)),
        last_job=None if row.last_job is None else from_json(row.last_job, Job),
        created_at=row.created_at,
        seen_at=row.seen_at,
        memory=from_json(row.memory, dict[str, object]),
        subscriptions=subscribed,
        alerts=tuple(from_json(one.value, Alert) for one in related.alerts.get(row.id, ())),
        incidents=tuple(from_json(one.value, Incident) for one in related.incidents.get(row.id, ())),
        silences=tuple(read_silence(one) for one in related.silences if one.channel in channels),
        roots={
            one.id: from_json(one.root, Receipt)
            for one in related.incidents.get(row.id, ())
            if one.root is not None and one.digest_id is None
        },
    )


async def _end_claims(connection: AsyncConnection, results: Sequence[PollResult]) -> frozenset[int]:
    """End the claims that are still valid; return their ids. Locks the rows until the transaction ends."""
    held: set[int] = set()
    for token, ids in _grouped((result.token, result.watch_id) for result in results).items():
        held.update(await connection.scalars(_END_CLAIMS, {"ids": ids, "token": token}))
    return frozenset(held)


def _held(ids: Sequence[int], token: str) -> Update:
    return update(watches).where(watches.c.id.in_(ids), watches.c.claim_token == token)


_END_CLAIMS = (
    update(watches)
    .where(watches.c.id.in_(_IDS), watches.c.claim_token == bindparam("token"))
    .values(claim_token=None)
    .returning(watches.c.id)
)
_SETTLE = (
    update(watches)
    .where(watches.c.id == bindparam("watch_id"))
    .values({name: bindparam(f"new_{name}") for name in ("due_at", "fails", "cursor", "last_job", "seen_at", "memory")})
)


def _watch_values(result: PollResult) -> dict[str, object]:
    return {
        "watch_id": result.watch_id,
        "new_due_at": result.next_due_at,
        "new_fails": result.fails,
        "new_cursor": None if result.cursor is None else result.cursor.state,
        "new_last_job": None if result.last_job is None else to_json(result.last_job),
        "new_seen_at": result.seen_at,
        "new_memory": to_json(result.memory),
    }


async def _delete_unsubscribed(connection: AsyncConnection, results: Sequence[PollResult]) -> None:
    """Delete watches without subscriptions; the poll that settles knew of them, because it held the claim."""
    ended = [result.watch_id for result in results if result.unsubscribe]
    if ended:
        await connection.execute(delete(subscriptions).where(subscriptions.c.watch_id.in_(ended)))
    await connection.execute(_DELETE_UNWANTED, {"ids": [result.watch_id for result in results]})


_IS_WANTED = exists().where(subscriptions.c.watch_id == watches.c.id)
_DELETE_UNWANTED = delete(watches).where(watches.c.id.in_(_IDS), ~_IS_WANTED)


def _by_watch(rows: Iterable[AnyRow]) -> dict[int, list[AnyRow]]:
    return _grouped((row.watch_id, row) for row in rows)


def _grouped(pairs: Iterable[tuple[_Key, _Value]]) -> dict[_Key, list[_Value]]:
    groups: dict[_Key, list[_Value]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
