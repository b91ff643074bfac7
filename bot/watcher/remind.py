"""Remind channels of pages that nobody has acknowledged. `bot.rules.reminders` plans; `deliver.py` sends."""

import logging
from datetime import datetime, timedelta

from bot.domain.durations import Clock
from bot.domain.notify import DueIncident, ReminderPlan
from bot.rules.reminders import plan_notices
from bot.store.store import Store

_AFTER_ERROR = timedelta(hours=1)

log = logging.getLogger(__name__)


class ReminderJob:
    """Plans the reminders that are due."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._reminders, self._clock = store.reminders, clock

    async def tick(self) -> int:
        """Plan what is due; return the number of reminders put into the outbox."""
        now, added = self._clock(), 0
        for due in await self._reminders.list_due(now):
            plan = _plan(due, now)
            if await self._reminders.save(due, plan, now):
                added += sum(one is not None for one in (plan.delivery, plan.escalation))
        return added

    async def stop(self) -> None:
        """Do nothing: each plan is written at once."""


def _plan(due: DueIncident, now: datetime) -> ReminderPlan:
    """Plan one incident; after an error again in an hour, so that it does not stop the reminders of others."""
    try:
        return plan_notices(due, now)
    except (ValueError, LookupError, OSError):  # such as a time zone that this machine does not know any more
        log.exception("reminder not planned", extra={"incident": due.incident.id})
        return ReminderPlan(due.sent, now + _AFTER_ERROR)
