"""Plan the messages of digests. `bot.rules.digest` plans, `bot.store.digests` writes, and `deliver.py` sends."""

import logging
from datetime import datetime

import msgspec

from bot.domain.durations import Clock
from bot.domain.grouping import STANDARD, Grouping
from bot.domain.notify import NotifySettings
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
            settings = await self._settings_of(due.stored.channel, now)
            plan = plan_digest(due.stored, due.incidents, settings, self._grouping, now)
            if await self._digests.save(due, plan, now):
                planned += 1
                if due.stored.state.shown == "":
                    extra = {"digest": due.stored.id, "channel": due.stored.channel, "incidents": len(due.incidents)}
                    log.info("digest opened", extra={**extra, "key": due.stored.key})
        return planned

    async def _settings_of(self, channel: str, now: datetime) -> NotifySettings:
        """Return a channel's settings; the defaults if they cannot be used, so that no digest waits for them."""
        try:
            settings = await self._preferences.of_channel(channel)
            if settings.quiet is not None:
                settings.quiet.end_after(now)
        except (msgspec.MsgspecError, ValueError, LookupError, OSError):  # such as a time zone that is unknown here
            log.exception("settings of the channel cannot be used", extra={"channel": channel})
            return NotifySettings()
        return settings

    async def stop(self) -> None:
        """Do nothing: each plan is written at once."""
