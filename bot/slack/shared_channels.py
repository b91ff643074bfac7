"""Which channels are shared with another organization (Slack Connect), fetched once an hour.

Events say it; commands and clicks do not. Source: https://docs.slack.dev/reference/objects/conversation-object
(documented, read 2026-11-29). It needs the optional scopes `channels:read` and `groups:read`: without them a channel
counts as not shared, and only the person's workspace is checked.
"""

import asyncio
import logging
from collections import OrderedDict
from datetime import datetime, timedelta

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.durations import Clock
from bot.slack.failures import UNREACHABLE, error_code

_KEPT_FOR = timedelta(hours=1)
_AFTER_ERROR = timedelta(minutes=5)
_MAX_CHANNELS = 5_000
_TIMEOUT_S = 2.0

log = logging.getLogger(__name__)


def is_direct(channel: str) -> bool:
    """Whether a channel is the conversation of the bot with one person."""
    return channel.startswith("D")


class SharedChannels:
    """Knows which channels are shared."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[datetime, bool]] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[bool]] = {}

    def remember(self, channel: str) -> None:
        """Note that an event came from a shared channel."""
        self._keep(channel, is_shared=True, kept_for=_KEPT_FOR)

    async def is_shared(self, channel: str, client: AsyncWebClient) -> bool:
        """Whether a channel is shared; False for a direct message and for a channel that cannot be read."""
        until, is_shared = self._known.get(channel, (self._clock(), False))
        if self._clock() < until or is_direct(channel):
            return is_shared
        task = self._fetching.get(channel)
        if task is None:  # many commands at once ask Slack once
            task = self._fetching[channel] = asyncio.create_task(self._fetch(channel, client))
            task.add_done_callback(lambda _: self._fetching.pop(channel, None))
        return await asyncio.shield(task)

    async def _fetch(self, channel: str, client: AsyncWebClient) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                response = await client.conversations_info(channel=channel)
        except UNREACHABLE as error:
            log.info("channel not read", extra={"channel": channel, "reason": error_code(error)})
            return self._keep(channel, is_shared=False, kept_for=_AFTER_ERROR)
        found = response.get("channel")
        is_shared = isinstance(found, dict) and found.get("is_ext_shared") is True
        return self._keep(channel, is_shared=is_shared, kept_for=_KEPT_FOR)

    def _keep(self, channel: str, *, is_shared: bool, kept_for: timedelta) -> bool:
        self._known[channel] = (self._clock() + kept_for, is_shared)
        self._known.move_to_end(channel)
        if len(self._known) > _MAX_CHANNELS:
            self._known.popitem(last=False)
        return is_shared
