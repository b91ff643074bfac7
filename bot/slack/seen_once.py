"""Handle each request and each mention once: Slack repeats events, and a stranger may replay a signed request."""

import asyncio
import logging
from collections import OrderedDict
from datetime import timedelta

from bot.domain.durations import Clock
from bot.errors import StoreUnavailable
from bot.store.seen import SeenKeys

_REMEMBERED = 5_000
_TIMEOUT_S = 1.0
"""A request does not wait longer for the database, because Slack waits three seconds for an acknowledgement."""

log = logging.getLogger(__name__)


class SeenOnce:
    """Knows what was seen: in this process, and in the database unless it is too slow."""

    def __init__(self, keys: SeenKeys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        self._recent: OrderedDict[str, None] = OrderedDict()

    async def is_new(self, key: str, keep_for: timedelta) -> bool:
        """Whether the key was not seen before; it is remembered for `keep_for`."""
        if key in self._recent:
            return False
        self._recent[key] = None
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await self._keys.add(key, self._clock() + keep_for)
        except (StoreUnavailable, TimeoutError):
            log.warning("seen request not stored")
            return True
