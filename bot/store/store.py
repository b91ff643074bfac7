"""Facade over the persistence layer. `engine.py` has connections and transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, and_, delete, exists, or_, select

from bot.domain.alerts import DeliveryKind
from bot.domain.boards import BoardKind
from bot.domain.checks import CheckResult
from bot.domain.destinations import Webhook
from bot.domain.priorities import DeliveryPriority
from bot.store.audit import AuditTrail
from bot.store.boards import Boards
from bot.store.canaries import Canaries
from bot.store.clocks import Clocks
from bot.store.copies import Copies
from bot.store.dashboards import Dashboards
from bot.store.database_check import check_database, read_version
from bot.store.deliveries import Deliveries
from bot.store.digests import Digests
from bot.store.due_times import DueTimes
from bot.store.ended_runs import EndedRuns
from bot.store.engine import Database
from bot.store.homes import Homes
from bot.store.incidents import Incidents
from bot.store.known_jobs import KnownJobs
from bot.store.listings import Listings
from bot.store.outbox import DeliveryState
from bot.store.patterns import Patterns
from bot.store.preferences import Preferences
from bot.store.reminders import Reminders
from bot.store.removed_subscriptions import RemovedSubscriptions
from bot.store.runs import RunMessages
from bot.store.schema import (
    audit,
    boards,
    deliveries,
    digests,
    heartbeats,
    incidents,
    removed_subscriptions,
    runs,
    seen_keys,
    silences,
    watches,
)
from bot.store.seen import SeenKeys
from bot.store.silences import Silences
from bot.store.statistics import StoreStatistics, read_statistics
from bot.store.subscriptions import Subscriptions
from bot.store.undelivered import UndeliveredMessages
from bot.store.watches import Watches

KEEP_FOR = timedelta(days=30)
"""How long finished rows are kept."""
KEEP_RUN_EDITS_FOR = timedelta(days=1)
"""How long edits of messages about runs are kept, which are many."""
KEEP_OPEN_FOR = timedelta(days=90)
"""How long a failure that nobody closed is kept."""
KEEP_AUDIT_FOR = timedelta(days=365)
"""How long the audit trail is kept, unless a setting says otherwise."""
_BATCH = 1000
"""Rows deleted in one transaction, so that polls and deliveries do not wait long."""


async def open_store(url: str) -> Store:
    """Return the store of a DATABASE_URL, without connecting or migrating (`migrate.py`).

    Raises:
        ConfigError: the URL is invalid or names an unsupported database.
    """
    return Store(Database(url))


class Store:
    """Everything that trainwatch stores."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.subscriptions = Subscriptions(database)
        self.removed_subscriptions = RemovedSubscriptions(database)
        self.silences = Silences(database)
        self.watches = Watches(database)
        self.deliveries = Deliveries(database)
        self.copies = Copies(database, self.deliveries)
        self.undelivered = UndeliveredMessages(database)
        self.incidents = Incidents(database)
        self.reminders = Reminders(database)
        self.digests = Digests(database)
        self.runs = RunMessages(database)
        self.boards = Boards(database)
        self.ended_runs = EndedRuns(database)
        self.preferences = Preferences(database)
        self.homes = Homes(database)
        self.dashboards = Dashboards(database)
        self.audit = AuditTrail(database)
        self.seen = SeenKeys(database)
        self.clocks = Clocks(database)
        self.canaries = Canaries(database)
        self.due_times = DueTimes(database)
        self.known_jobs = KnownJobs(database)
        self.patterns = Patterns(database)
        self.listings = Listings(database)

    def set_webhooks(self, webhooks: Sequence[Webhook]) -> None:
        """Send events of incidents to these webhooks from now on."""
        self._database.webhooks = tuple(webhooks)

    async def check(self, *, with_integrity: bool = True) -> list[CheckResult]:
        """Check that the database can be reached, is intact, has our schema and is writable; stop at the first problem.

        Creates nothing. Without `with_integrity`, does not look for corrupt pages.
        """
        return await check_database(self._database, with_integrity=with_integrity)

    async def statistics(self, now: datetime) -> StoreStatistics:
        """Count rows for the metrics."""
        return await read_statistics(self._database, now)

    async def has_run(self) -> bool:
        """Return whether a bot has ever used this database; creates nothing.

        Raises:
            StoreUnavailable: it cannot be reached.
        """
        return not self._database.is_missing and await read_version(self._database) is not None

    async def heartbeat(self, name: str, now: datetime) -> None:
        """Record that the loop of this name is alive."""
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(heartbeats, "at"), {"name": name, "at": now})

    async def last_heartbeat(self, name: str) -> datetime | None:
        """Return when the loop of this name was last alive; None: never."""
        async with self._database.read() as connection:
            at: datetime | None = await connection.scalar(select(heartbeats.c.at).where(heartbeats.c.name == name))
        return at

    async def purge_expired(self, now: datetime, audit_kept_for: timedelta = KEEP_AUDIT_FOR) -> int:
        """Delete deliveries, incidents, silences and subscriptions that ended 30 days ago; return the number of rows.

        Failures that nobody closed and the audit trail are kept longer.
        """
        before = now - KEEP_FOR
        finished = and_(deliveries.c.created_at < before, deliveries.c.state != DeliveryState.QUEUED)
        deleted = await self._delete(deliveries, finished)
        is_edit = and_(deliveries.c.kind == DeliveryKind.EDIT, deliveries.c.priority == DeliveryPriority.RUN)
        is_past = and_(is_edit, deliveries.c.created_at < now - KEEP_RUN_EDITS_FOR)
        deleted += await self._delete(deliveries, and_(is_past, deliveries.c.state != DeliveryState.QUEUED))
        is_forgotten = or_(~incidents.c.is_open, incidents.c.resolved_at < now - KEEP_OPEN_FOR)
        deleted += await self._delete(incidents, and_(incidents.c.resolved_at < before, is_forgotten))
        is_empty = ~exists().where(incidents.c.digest_id == digests.c.id)
        deleted += await self._delete(digests, and_(digests.c.closed_at < before, is_empty))
        deleted += await self._delete(removed_subscriptions, removed_subscriptions.c.removed_at < before)
        is_watched = exists().where(watches.c.provider + ":" + watches.c.job_id == runs.c.job)
        deleted += await self._delete(runs, and_(runs.c.changed_at < before, ~is_watched))
        is_shown = exists().where(runs.c.board_id == boards.c.id)
        is_unused = or_(boards.c.closed_at < before, and_(boards.c.kind == BoardKind.STARTS, ~is_shown))
        deleted += await self._delete(boards, and_(boards.c.opened_at < before, is_unused))
        deleted += await self.ended_runs.purge(now)
        deleted += await self._delete(seen_keys, seen_keys.c.expires_at < now)
        deleted += await self._delete(audit, audit.c.at < now - audit_kept_for)
        deleted += await self.known_jobs.purge(now)
        deleted += await self.patterns.purge(before)
        return deleted + await self._delete(silences, silences.c.ends_at < before)

    async def _delete(self, table: Table, expired: ColumnElement[bool]) -> int:
        """Delete in batches until no row is left."""
        (key,) = table.primary_key
        batch = delete(table).where(key.in_(select(key).where(expired).limit(_BATCH)))
        total = 0
        while True:
            async with self._database.write() as connection:
                deleted = (await connection.execute(batch)).rowcount
            total += deleted
            if deleted < _BATCH:
                return total

    async def aclose(self) -> None:
        """Close every connection."""
        await self._database.aclose()
