"""Delete an alert's copy when somebody touches it: clicks its button, reacts to it, or mentions the bot in its thread.

Copies exist only where trainwatch may not read the history of channels (`bot.watcher.reconcile`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from slack_bolt.async_app import AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.alerts import Receipt
from bot.domain.durations import Clock
from bot.errors import StoreUnavailable
from bot.slack.background_tasks import TaskSet
from bot.slack.failures import UNREACHABLE, error_code
from bot.slack.payloads import Body
from bot.store.copies import Copies, Suspect

log = logging.getLogger(__name__)
_THREAD_ID = re.compile(r"\b(?:inc|dig)-[0-9a-f]{12}\b")

_COMPARED = 20


def watch_copies(app: AsyncApp, cleaner: CopyCleaner) -> None:
    """Notice every click, mention and reaction."""
    app.use(cleaner.notice)
    app.event("reaction_added")(cleaner.on_reaction)


class CopyCleaner:
    """Deletes copies."""

    def __init__(self, copies: Copies, clock: Clock, tasks: TaskSet, *, delay_s: float = 3.0) -> None:
        # `delay_s` after the touch, so that an answer to it in the copy's thread comes first.
        self._copies, self._clock, self._tasks, self._delay_s = copies, clock, tasks, delay_s

    async def notice(
        self,
        body: Body,
        client: AsyncWebClient,
        next: Callable[[], Awaitable[None]],
    ) -> None:
        """A middleware of the Bolt app: notice that a message is touched; then handle the request as usual."""
        await next()
        match body:
            case {"type": "block_actions", "channel": {"id": str(channel)}, "message": {"ts": str()} as message}:
                self._tasks.start(self.clean_clicked(client, channel, message))
            case {"event": {"type": "app_mention", "channel": str(channel), "thread_ts": str(ts)}}:
                self._tasks.start(self.clean_touched(client, Receipt(channel, ts)))

    async def on_reaction(self, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """Somebody reacted to a message."""
        match body["event"]:
            case {"item_user": author, "item": {"type": "message", "channel": str(channel), "ts": str(ts)}} if (
                author == context.bot_user_id
            ):
                self._tasks.start(self.clean_touched(client, Receipt(channel, ts)))

    async def clean_clicked(self, client: AsyncWebClient, channel: str, message: Body) -> None:
        """Delete the message whose button was clicked if it is a copy."""
        receipt, thread_id = Receipt(channel, str(message.get("ts"))), _find_thread_id(message)
        if thread_id is None:
            await self.clean_touched(client, receipt)
            return
        try:
            if await self._copies.is_copy_of(thread_id, receipt, self._clock()):
                await self._delete(client, receipt)
        except StoreUnavailable as error:
            log.warning("copy not deleted", extra={"channel": channel, "ts": receipt.ts, "reason": error.public})

    async def clean_touched(self, client: AsyncWebClient, receipt: Receipt) -> None:
        """Delete a message of trainwatch of which only the place is known, if it is a copy.

        One whose content Slack does not return stays: it may be a harmless answer.
        """
        try:
            suspects = await self._copies.suspects(receipt)
            shown = await _content(client, receipt) if suspects else None
            if shown is not None and await _is_copy(client, shown, suspects):
                await self._delete(client, receipt)
        except StoreUnavailable as error:
            fields = {"channel": receipt.channel, "ts": receipt.ts, "reason": error.public}
            log.warning("copy not deleted", extra=fields)

    async def _delete(self, client: AsyncWebClient, receipt: Receipt) -> None:
        await asyncio.sleep(self._delay_s)
        fields: dict[str, object] = {"channel": receipt.channel, "ts": receipt.ts}
        try:
            await client.chat_delete(channel=receipt.channel, ts=receipt.ts)
        except UNREACHABLE as error:
            log.warning("copy not deleted", extra={**fields, "reason": error_code(error)})
        else:
            log.info("copy deleted", extra=fields)


async def _is_copy(client: AsyncWebClient, shown: str, suspects: Sequence[Suspect]) -> bool:
    """Whether a message with this content is a copy. One without an id is compared with those that were recorded."""
    if any(one in shown for suspect in suspects for one in suspect.ids):
        return True
    for suspect in suspects[:_COMPARED]:
        if await _content(client, suspect.receipt) == shown:
            return True
    return False


async def _content(client: AsyncWebClient, receipt: Receipt) -> str | None:
    """What a message shows, as JSON; None if Slack does not return it.

    Without `channels:history`, only the method about its reactions returns a message. Source:
    https://docs.slack.dev/reference/methods/reactions.get (documented, read 2026-11-29).
    """
    try:
        response = await client.reactions_get(channel=receipt.channel, timestamp=receipt.ts, full=True)
    except UNREACHABLE as error:
        log.info("message not read", extra={"channel": receipt.channel, "reason": error_code(error)})
        return None
    message = response.get("message")
    blocks = message.get("blocks") if isinstance(message, Mapping) else None
    if not isinstance(blocks, list) or not blocks:
        return None
    without_ids = [{**one, "block_id": None} for one in blocks if isinstance(one, dict)]  # Slack adds one at random
    return json.dumps(without_ids)


def _find_thread_id(message: Body) -> str | None:
    """The incident or digest that the buttons of a message are about."""
    values = (value for block in message.get("blocks") or () for value in _values(block))
    return next((found[0] for value in values if (found := _THREAD_ID.search(value))), None)


def _values(block: object) -> Iterator[str]:
    elements = block.get("elements") if isinstance(block, Mapping) else None
    for element in elements if isinstance(elements, list) else ():
        if isinstance(element, Mapping) and isinstance(value := element.get("value"), str):
            yield value
