"""Remind channels of pages that nobody has acknowledged. `bot.rules.reminders` plans; `deliver.py` sends."""

from bot.domain.durations import Clock
from bot.rules.reminders import plan_reminder
from bot.store.store import Store


class ReminderJob:
    """Plans the reminders that are due."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._reminders, self._clock = store.reminders, clock

    async def tick(self) -> int:
        """Plan what is due; return the number of reminders put into the outbox."""
        now, added = self._clock(), 0
        for due in await self._reminders.list_due(now):
            plan = plan_reminder(due, now)
            if await self._reminders.save(due, plan, now) and plan.delivery is not None:
                added += 1
        return added

    async def stop(self) -> None:
        """Do nothing: each plan is written at once."""
