"""Plan the messages of digests. `bot.rules.digest` plans, `bot.store.digests` writes, and `deliver.py` sends."""

import logging

from bot.domain.durations import Clock
from bot.domain.grouping import STANDARD, Grouping
from bot.rules.digest import plan_digest
from bot.store.store import Store

log = logging.getLogger(__name__)


class DigestJob:
    """Plans the digests that are due."""

    def __init__(self, store: Store, clock: Clock, grouping: Grouping = STANDARD) -> None:
        self._digests, self._preferences = store.digests, store.preferences
        self._clock, self._grouping = clock, grouping

    async def tick(self) -> int:
        """Plan what is due; return the number of digests planned."""
        now, planned = self._clock(), 0
        for due in await self._digests.list_due(now):
            settings = await self._preferences.of_channel(due.stored.channel)
            plan = plan_digest(due.stored, due.incidents, settings, self._grouping, now)
            if await self._digests.save(due, plan, now):
                planned += 1
                if due.stored.state.shown == "":
                    extra = {"digest": due.stored.id, "channel": due.stored.channel, "incidents": len(due.incidents)}
                    log.info("digest opened", extra={**extra, "key": due.stored.key})
        return planned

    async def stop(self) -> None:
        """Do nothing: each plan is written at once."""
