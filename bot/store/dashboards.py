"""Read what App Home shows, for everybody at once: the cost does not grow with the number of people."""

from datetime import datetime

from sqlalchemy import func, select

from bot.domain.alerts import Incident, Receipt
from bot.domain.dashboard import Dashboard, OpenIncident
from bot.domain.jobs import Job
from bot.domain.subscriptions import Watched
from bot.store.codec import from_json
from bot.store.engine import Database
from bot.store.schema import digests, incidents, subscriptions, watches
from bot.store.silences import active_silences, read_silence
from bot.store.subscriptions import read_subscription

MAX_INCIDENTS = 1000
"""The newest open incidents that are read."""


class Dashboards:
    """What App Home shows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, now: datetime) -> Dashboard:
        """Return the open incidents, watched jobs and active silences of all channels."""
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
            open_rows = (await connection.execute(is_open)).all()
            watched_rows = (await connection.execute(watched.order_by(subscriptions.c.id))).all()
            silence_rows = (await connection.execute(active_silences(now))).all()
        found = [
            OpenIncident(from_json(row.value, Incident), None if row.root is None else from_json(row.root, Receipt))
            for row in open_rows
        ]
        jobs = {row.watch_id: from_json(row.last_job, Job) for row in watched_rows if row.last_job is not None}
        followed = [Watched(read_subscription(row), jobs.get(row.watch_id), row.seen_at) for row in watched_rows]
        return Dashboard(now, found, followed, map(read_silence, silence_rows))
