"""When the jobs of each platform are listed, and by which process. `joins.py` has what patterns do with them.

A platform is listed while a pattern is limited to it or to none, or while people pick jobs. Its row is claimed like a
watch, so that one process lists it however many channels want it.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Update, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Delivery, DeliveryKind, Notification, NotifyReason
from bot.domain.digests import PLATFORM
from bot.domain.durations import spoken_duration
from bot.domain.listings import ClaimedListing, ListingResult, ListingState, about_platform
from bot.store.claims import new_token
from bot.store.codec import from_json, to_json
from bot.store.engine import Database
from bot.store.joins import NO_WATCH, JoinResult, join_jobs
from bot.store.known_jobs import save_listing
from bot.store.outbox import add_deliveries
from bot.store.patterns import patterns_for
from bot.store.schema import incidents, listings, patterns

WANTED_FOR = timedelta(minutes=15)
"""How long jobs are listed after somebody picked one."""
_NOTIFY_AFTER = timedelta(minutes=10)
"""How long listings fail before channels are notified."""
_FURTHEST = timedelta(hours=1)
"""A listing due later than this was planned by a wrong clock."""


class Listings:
    """The listings of all platforms."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def want(self, providers: Collection[str], now: datetime) -> None:
        """List these platforms for a while, because somebody picks jobs; writes at most once in several minutes."""
        latest = now + WANTED_FOR
        async with self._database.read() as connection:
            known = dict((await connection.execute(select(listings.c.provider, listings.c.wanted_until))).all())
        late = [name for name in providers if (known.get(name) or now) < now + WANTED_FOR / 2]
        if not late:
            return
        insert = self._database.insert(listings).values([_new(name, now, latest) for name in sorted(late)])
        changes = {"wanted_until": latest}
        async with self._database.write() as connection:
            await connection.execute(insert.on_conflict_do_update(index_elements=[listings.c.provider], set_=changes))

    async def states(self) -> dict[str, ListingState]:
        """Return what is known of each platform's listings."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(listings.c.provider, listings.c.value))).all()
        return {provider: from_json(value, ListingState) for provider, value in rows}

    async def claim_due(self, providers: Collection[str], now: datetime, *, lease: timedelta) -> list[ClaimedListing]:
        """Claim those of the platforms that are wanted and due, until the lease ends."""
        async with self._database.read() as connection:
            rows = {row.provider: row for row in await connection.execute(select(listings))}
            limits = set(await connection.scalars(select(patterns.c.provider).distinct()))
        claimed = []
        for provider in sorted(providers):
            row, has_patterns = rows.get(provider), None in limits or provider in limits
            is_wanted = has_patterns or (row is not None and row.wanted_until is not None and row.wanted_until > now)
            is_due = row is None or not now < row.due_at < now + _FURTHEST
            if is_wanted and is_due and (token := await self._claim(provider, now, now + lease)) is not None:
                state = ListingState() if row is None else from_json(row.value, ListingState)
                claimed.append(ClaimedListing(provider, token, state, has_patterns))
        return claimed

    async def renew(self, claimed: Sequence[ClaimedListing], lease_ends_at: datetime) -> None:
        """Extend claims, because the listings take longer."""
        async with self._database.write() as connection:
            for one in claimed:
                await connection.execute(_held(one).values(due_at=lease_ends_at))

    async def release(self, claimed: Sequence[ClaimedListing], now: datetime) -> None:
        """End claims without a result, because the process is stopping."""
        async with self._database.write() as connection:
            for one in claimed:
                await connection.execute(_held(one).values(claim_token=None, due_at=now))

    async def save(self, result: ListingResult, now: datetime) -> int | None:
        """Write a listing in one transaction: the index, the jobs that join patterns, and what channels get.

        Returns:
            How many jobs joined a channel; None if the claim was lost and nothing was written.
        """
        claimed = result.claimed
        async with self._database.write() as connection:
            values: dict[str, object] = {"claim_token": None, "due_at": result.next_due_at}
            if (await connection.execute(_held(claimed).values(values))).rowcount == 0:
                return None
            notified = await _notify_of_failure(self._database, connection, result, now)
            joining = await self._join(connection, result, now)
            state = replace(result.state, announced_in=notified, over_limit=joining.over_limit)
            of_platform = update(listings).where(listings.c.provider == claimed.provider)
            await connection.execute(of_platform.values(value=to_json(state)))
        return joining.joined

    async def _join(self, connection: AsyncConnection, result: ListingResult, now: datetime) -> JoinResult:
        """Write the jobs to the index, and let them join patterns."""
        over_before = result.claimed.state.over_limit
        if result.jobs is None:
            return JoinResult(over_limit=over_before)
        await save_listing(self._database, connection, result, now)
        wanted = await patterns_for(connection, result.claimed.provider)
        return await join_jobs(
            self._database,
            connection,
            wanted,
            result.jobs,
            now,
            announced_as=result.claimed.token,
            over_before=over_before,
        )

    async def _claim(self, provider: str, now: datetime, lease_ends_at: datetime) -> str | None:
        """Claim a platform and return the token; None if another process was faster."""
        token = new_token()
        is_due = or_(listings.c.due_at <= now, listings.c.due_at >= now + _FURTHEST)
        async with self._database.write() as connection:
            await connection.execute(
                self._database.insert(listings)
                .values(_new(provider, now, None))
                .on_conflict_do_nothing(index_elements=[listings.c.provider])
            )
            statement = update(listings).where(and_(listings.c.provider == provider, is_due))
            taken = await connection.execute(statement.values(claim_token=token, due_at=lease_ends_at))
        return token if taken.rowcount else None


async def _notify_of_failure(
    database: Database, connection: AsyncConnection, result: ListingResult, now: datetime
) -> tuple[str, ...]:
    """Notify channels with patterns that jobs cannot be listed, or that they can be again; return who knows.

    A channel with an open alert about the whole platform is not notified twice.
    """
    provider, state, notified = result.claimed.provider, result.state, result.claimed.state.announced_in
    if result.jobs is not None:
        text = f"{provider} lists its jobs again. Jobs that started meanwhile are watched if they match."
        channels, key = notified, "back"
    elif notified or state.failing_since is None or now - state.failing_since < _NOTIFY_AFTER:
        return notified
    else:
        down = incidents.c.group_key == f"{PLATFORM}{about_platform(provider).ref.platform}"
        known = set(
            await connection.scalars(select(incidents.c.channel).where(down, incidents.c.resolved_at.is_(None)))
        )
        wanted = await patterns_for(connection, provider)
        channels = tuple(dict.fromkeys(one.channel for one in wanted if one.channel not in known))
        took = spoken_duration(now - state.failing_since)
        text = f"The jobs of {provider} could not be listed for {took}: {state.problem} New jobs are not watched."
        key = "failed"
    notification = Notification(DeliveryKind.NOTE, NotifyReason.NOTE, about_platform(provider), text=text)
    deliveries = [Delivery(f"listing {key}|{one}|{result.claimed.token}", one, notification) for one in channels]
    await add_deliveries(database, connection, [(NO_WATCH, one) for one in deliveries], now)
    return channels if result.jobs is None else ()


def _held(claimed: ClaimedListing) -> Update:
    is_ours = and_(listings.c.provider == claimed.provider, listings.c.claim_token == claimed.token)
    return update(listings).where(is_ours)


def _new(provider: str, due_at: datetime, wanted_until: datetime | None) -> dict[str, object]:
    return {"provider": provider, "due_at": due_at, "wanted_until": wanted_until}
