"""Reminders of unacknowledged pages: find the incidents to plan, and write each plan once.

`bot.rules.reminders` plans. Processes do not share the work by claims: a plan is written only if `remind_at` is still
what it was, so of several processes that plan the same incident one succeeds.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Integer, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Incident, Receipt
from bot.domain.notify import DueIncident, NotifySettings, ReminderPlan, RemindersSent
from bot.domain.subscriptions import Silence
from bot.store.codec import from_json
from bot.store.engine import AnyRow, Database
from bot.store.outbox import add_deliveries
from bot.store.schema import incidents, notify_settings
from bot.store.silences import active_silences, read_silence

log = logging.getLogger(__name__)

_DUE = (
    select(incidents)
    .where(incidents.c.remind_at <= bindparam("now"), incidents.c.digest_id.is_(None))  # a digest has its own reminders
    .order_by(incidents.c.remind_at)
    .limit(bindparam("limit", type_=Integer))
)
_SAVE = update(incidents).where(
    incidents.c.id == bindparam("incident"), incidents.c.remind_at == bindparam("planned_at")
)
_SETTINGS = select(notify_settings.c.channel, notify_settings.c.value).where(
    notify_settings.c.channel.in_(bindparam("channels", expanding=True))
)


class Reminders:
    """The reminders of all incidents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_due(self, now: datetime, *, limit: int = 100) -> list[DueIncident]:
        """Return the incidents whose next reminder is to be planned, longest overdue first."""
        async with self._database.read() as connection:
            rows = (await connection.execute(_DUE, {"now": now, "limit": limit})).all()
            if not rows:
                return []
            settings = await _settings_of(connection, [row.channel for row in rows])
            silences = [read_silence(row) for row in (await connection.execute(active_silences(), {"now": now})).all()]
        due = []
        for row in rows:
            try:
                muting = tuple(one for one in silences if one.channel == row.channel)
                due.append(_read_due(row, settings.get(row.channel), muting))
            except msgspec.MsgspecError:
                log.exception("incident cannot be read", extra={"incident": row.id})
                await self._stop(row)
        return due

    async def save(self, due: DueIncident, plan: ReminderPlan, now: datetime) -> bool:
        """Write a plan and its message; return False if the incident changed or another process was faster."""
        values = {"remind_at": plan.next_at, "reminders": plan.sent.count, "reminded_at": plan.sent.last_at}
        async with self._database.write() as connection:
            saved = await connection.execute(_SAVE, values | {"incident": due.incident.id, "planned_at": due.remind_at})
            new = [(due.watch_id, one) for one in (plan.delivery, plan.escalation) if one is not None]
            if saved.rowcount and new:
                await add_deliveries(self._database, connection, new, now)
        return saved.rowcount > 0

    async def _stop(self, row: AnyRow) -> None:
        async with self._database.write() as connection:
            await connection.execute(update(incidents).where(incidents.c.id == row.id).values(remind_at=None))


async def _settings_of(connection: AsyncConnection, channels: Sequence[str]) -> dict[str, str]:
    rows = await connection.execute(_SETTINGS, {"channels": channels})
    return {row.channel: row.value for row in rows}


def _read_due(row: AnyRow, settings: str | None, silences: tuple[Silence, ...]) -> DueIncident:
    return DueIncident(
        watch_id=row.watch_id,
        incident=from_json(row.value, Incident),
        sent=RemindersSent(row.reminders, row.reminded_at),
        remind_at=row.remind_at,
        settings=NotifySettings() if settings is None else from_json(settings, NotifySettings),
        silences=silences,
        root=None if row.root is None else from_json(row.root, Receipt),
    )
