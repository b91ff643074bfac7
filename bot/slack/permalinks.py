"""The addresses of messages, asked of Slack once for each message.

Source: https://docs.slack.dev/reference/methods/chat.getPermalink (documented, read 2026-11-29).
"""

import logging
from collections import OrderedDict

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.alerts import Receipt
from bot.slack.failures import UNREACHABLE, error_code

_MAX_KNOWN = 5_000

log = logging.getLogger(__name__)


class Permalinks:
    """Knows the addresses of recent messages."""

    def __init__(self) -> None:
        self._known: OrderedDict[Receipt, str] = OrderedDict()

    async def find(self, client: AsyncWebClient, message: Receipt) -> str | None:
        """Return the address of a message; None if Slack does not return it, because a link is never essential."""
        if message in self._known:
            return self._known[message]
        try:
            response = await client.chat_getPermalink(channel=message.channel, message_ts=message.ts)
        except UNREACHABLE as error:
            log.info("no permalink", extra={"reason": error_code(error)})
            return None
        permalink = response.get("permalink")
        if not isinstance(permalink, str):
            return None
        self._known[message] = permalink
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
        return permalink
