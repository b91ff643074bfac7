"""Read the open alerts of trainwatch's database for `trainwatch top`, if there is a database."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from bot.domain.jobs import JobRef
from bot.errors import ConfigError, StoreUnavailable
from bot.store.store import Store, open_store
from bot.terminal.top.board import JobAlert
from bot.terminal.top.reader import ReadAlerts


@asynccontextmanager
async def connect_alerts(database_url: str) -> AsyncIterator[ReadAlerts | None]:
    """Return what reads the alerts; None if the bot has never run with this database."""
    try:
        store = await open_store(database_url)
    except ConfigError:
        yield None
        return
    try:
        yield partial(_read, store) if await _is_used(store) else None
    finally:
        await store.aclose()


async def _is_used(store: Store) -> bool:
    """Whether there may be alerts; also while the database cannot be reached, which each read then reports."""
    try:
        return await store.has_run()
    except StoreUnavailable:
        return True


async def _read(store: Store, now: datetime) -> Mapping[JobRef, tuple[JobAlert, ...]]:
    """The firing alerts of all channels by job, the worst first; each title once."""
    found: dict[JobRef, dict[str, JobAlert]] = {}
    for one in (await store.dashboards.read(now)).incidents:
        for alert in one.incident.alerts:
            if alert.resolved_at is None and alert.caused_by is None:
                titles = found.setdefault(one.incident.job.ref, {})
                titles.setdefault(alert.title, JobAlert(alert.severity, alert.title, alert.fired_at))
    return {ref: tuple(sorted(by.values(), key=lambda one: -one.severity.rank)) for ref, by in found.items()}
