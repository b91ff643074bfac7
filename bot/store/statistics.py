"""Counts for the metrics: waiting messages by urgency, incidents by state, watched jobs by platform."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from bot.domain.priorities import DeliveryPriority
from bot.store.engine import Database
from bot.store.outbox import is_queued
from bot.store.schema import deliveries, incidents, watches

CANARY_WATCH = -1
"""The watch id of synthetic incidents; real ones start at 1, and digests have 0."""
_URGENCY = {DeliveryPriority.PAGE: "page", DeliveryPriority.WARNING: "warn"}
URGENCIES = ("page", "warn", "other")
INCIDENT_STATES = ("firing", "unclosed", "resolved")
"""`unclosed`: its alerts have ended because the job failed, and nobody has closed it."""


@dataclass(frozen=True, slots=True)
class WaitingMessages:
    """Messages of one urgency in the outbox."""

    count: int = 0
    oldest: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """Counts of rows."""

    waiting: Mapping[str, WaitingMessages]
    """By urgency."""
    incidents: Mapping[str, int]
    """By state."""
    jobs: Mapping[str, int]
    """By platform."""


async def read_statistics(database: Database, now: datetime) -> StoreStatistics:
    """Count rows; each query reads one index or few rows."""
    queue = (
        select(deliveries.c.priority, func.count(), func.min(deliveries.c.created_at))
        .where(is_queued())
        .group_by(deliveries.c.priority)
    )
    state = case((incidents.c.resolved_at.is_(None), "firing"), (incidents.c.is_open, "unclosed"), else_="resolved")
    states = select(state, func.count()).where(incidents.c.watch_id != CANARY_WATCH).group_by(state)
    jobs = select(watches.c.provider, func.count()).group_by(watches.c.provider)
    async with database.read() as connection:
        queued = (await connection.execute(queue)).all()
        counts = {row[0]: row[1] for row in (await connection.execute(states)).all()}
        watched = {row[0]: row[1] for row in (await connection.execute(jobs)).all()}
    waiting = dict.fromkeys(URGENCIES, WaitingMessages())
    for priority, count, oldest in queued:
        urgency = _URGENCY.get(priority, "other")
        age = max(timedelta(0), now - oldest)
        before = waiting[urgency]
        waiting[urgency] = WaitingMessages(before.count + count, max(before.oldest, age))
    return StoreStatistics(waiting, dict.fromkeys(INCIDENT_STATES, 0) | counts, watched)
