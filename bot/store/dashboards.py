"""Read what App Home shows, for everybody at once: the cost does not grow with the number of people."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

import msgspec
from sqlalchemy import func, select

from bot.domain.alerts import Incident, Receipt
from bot.domain.dashboard import Dashboard, OpenIncident
from bot.domain.jobs import Job
from bot.domain.subscriptions import Watched
from bot.store.codec import from_json
from bot.store.engine import AnyRow, Database
from bot.store.patterns import all_patterns, read_pattern
from bot.store.schema import digests, incidents, subscriptions, watches
from bot.store.silences import active_silences, read_silence
from bot.store.subscriptions import read_subscription

MAX_INCIDENTS = 1000
"""The newest open incidents that are read."""

_Value = TypeVar("_Value")

log = logging.getLogger(__name__)


class Dashboards:
    """What App Home shows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, now: datetime) -> Dashboard:
        """Return the open incidents, watched jobs, active silences and patterns of all channels."""
        root = func.coalesce(digests.c.root, incidents.c.root).label("root")
        is_open = (
            select(incidents.c.value, root)
            .outerjoin(digests, digests.c.id == incidents.c.digest_id)
            .where(incidents.c.is_open)
            .order_by(incidents.c.opened_at.desc())
            .limit(MAX_INCIDENTS)
        )
        watched = select(
            subscriptions, watches.c.provider, watches.c.job_id, watches.c.last_job, watches.c.seen_at
        ).join_from(subscriptions, watches)
        async with self._database.read() as connection:
            rows = (
                (await connection.execute(is_open)).all(),
                (await connection.execute(watched.order_by(subscriptions.c.id))).all(),
                (await connection.execute(active_silences(), {"now": now})).all(),
                (await connection.execute(all_patterns())).all(),
            )
        return await asyncio.to_thread(_decode, now, *rows)  # thousands of jobs must not delay commands


def _decode(
    now: datetime,
    open_rows: Iterable[AnyRow],
    watched_rows: Iterable[AnyRow],
    silence_rows: Iterable[AnyRow],
    pattern_rows: Iterable[AnyRow],
) -> Dashboard:
    return Dashboard(
        now,
        _each(_read_open, open_rows),
        _each(_read_watched, watched_rows),
        _each(read_silence, silence_rows),
        _each(read_pattern, pattern_rows),
    )


def _each(read: Callable[[AnyRow], _Value], rows: Iterable[AnyRow]) -> Iterator[_Value]:
    """The rows that this version can read; the others are logged, and missing in App Home."""
    for row in rows:
        try:
            yield read(row)
        except msgspec.MsgspecError as problem:
            log.warning("stored row not read", extra={"reason": str(problem)[:200]})


def _read_open(row: AnyRow) -> OpenIncident:
    root = None if row.root is None else from_json(row.root, Receipt)
    return OpenIncident(from_json(row.value, Incident), root)


def _read_watched(row: AnyRow) -> Watched:
    job = None if row.last_job is None else from_json(row.last_job, Job)
    return Watched(read_subscription(row), job, row.seen_at)
