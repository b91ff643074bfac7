"""How an answer reaches people: privately through a response URL, or into a channel with its thread and file.

What it says is decided in `bot.slack.render`; when it is given, in `bot.slack.listeners`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import DeliveryError
from bot.slack.failures import REFUSED_BLOCKS, UNREACHABLE, delivery_error, error_code
from bot.slack.render.blocks import context, said, section
from bot.slack.render.logs import Shared, Snippet
from bot.slack.render.message import BLOCKS_BUDGET, MAX_FIELD_TEXT, Message, escape, message, weight

log = logging.getLogger(__name__)

_PATIENT_TRIES = 4
"""How often Slack may ask to wait before an answer is given up; a refused message was not posted, so none is twice."""
_LONGEST_WAIT = timedelta(seconds=30)
_OUTSIDE = frozenset({"not_in_channel", "channel_not_found"})
_INVITE = "⚠️ trainwatch is not in this channel. Type `/invite @trainwatch` to get alerts, threads and files here."


@dataclass(frozen=True, slots=True)
class Reply:
    """Where answers to one command, click or mention go."""

    client: AsyncWebClient
    channel: str
    user: str
    respond: AsyncRespond | None = None
    """Through the response URL; None for a mention, which has none and is answered where it stands."""
    thread_ts: str | None = None
    replaces: bool = False
    """Private answers take the place of the private message the button was in. Nothing else can be replaced: a public
    message must not be, and of a command's own answers Slack adds the second to the first, whatever is asked of it
    (observed: slackapi/bolt-python#1268, slackapi/bolt-js#2287; read 2026-11-21)."""

    async def private(self, answer: Message) -> None:
        """Show it to the one who asked; a mention is answered in its thread.

        Raises:
            DeliveryError: Slack did not take it.
        """
        if self.respond is None:
            await self._post(answer, self.thread_ts)
            return
        await self._respond(answer, "ephemeral")

    async def public(self, shared: Shared) -> None:
        """Show it to the channel: the root, its lines in a thread, all of them in a file.

        Where the bot is no member, the response URL still reaches the channel, without thread and file.

        Raises:
            DeliveryError: Slack did not take it.
        """
        try:
            root_ts = await self._post(_with_note(shared.root, shared.pointer), self.thread_ts)
        except DeliveryError as error:
            if error.reason not in _OUTSIDE or self.respond is None:
                raise
            await self._respond(_without_thread(shared), "in_channel")
            return
        thread_ts = self.thread_ts or root_ts
        if shared.thread is not None:
            await self._post(shared.thread, thread_ts)
        if shared.snippet is not None:
            await self._upload(shared.snippet, thread_ts)

    def in_thread(self, thread_ts: str) -> Reply:
        """The same place, but public answers go into this thread."""
        return replace(self, thread_ts=thread_ts)

    async def _post(self, answer: Message, thread_ts: str | None) -> str:
        arguments = {"channel": self.channel, "unfurl_links": False, "unfurl_media": False, **answer.payload()}
        if thread_ts is not None:
            arguments["thread_ts"] = thread_ts
        for _ in range(_PATIENT_TRIES):
            try:
                return await self._post_once(arguments)
            except DeliveryError as error:
                if error.reason != "ratelimited" or error.retry_after is None or error.retry_after > _LONGEST_WAIT:
                    raise
                await asyncio.sleep(error.retry_after.total_seconds())
        return await self._post_once(arguments)

    async def _post_once(self, arguments: dict[str, object]) -> str:
        try:
            try:
                response = await self.client.api_call("chat.postMessage", json=arguments)
            except SlackApiError as error:
                if error_code(error) not in REFUSED_BLOCKS:
                    raise
                log.error("slack refused the blocks of an answer", extra={"code": error_code(error)})
                del arguments["blocks"]
                response = await self.client.api_call("chat.postMessage", json=arguments)
        except UNREACHABLE as error:
            raise delivery_error(error) from error
        return str(response.get("ts"))

    async def _respond(self, answer: Message, response_type: str) -> None:
        assert self.respond is not None
        body = {**answer.payload(), "response_type": response_type, "replace_original": self.replaces}
        if response_type == "in_channel":
            body["replace_original"] = False
        try:
            response = await self.respond(body)
            if response.status_code != 200:
                log.error("slack refused an answer", extra={"status": response.status_code})
                del body["blocks"]
                response = await self.respond(body)
        except UNREACHABLE as error:
            raise delivery_error(error) from error
        if response.status_code != 200:
            reason = f"http_{response.status_code}"
            raise DeliveryError("The answer came too late for Slack.", reason=reason, permanent=True)

    async def _upload(self, snippet: Snippet, thread_ts: str) -> None:
        """Put the file into the thread, or say why it is not there."""
        try:
            await self.client.files_upload_v2(
                content=snippet.text,
                filename=snippet.filename,
                title=snippet.title,
                snippet_type="text",
                channel=self.channel,
                thread_ts=thread_ts,
            )
        except (SlackRequestError, *UNREACHABLE) as error:
            problem = delivery_error(error)
            log.warning("file not uploaded", extra={"reason": problem.reason})
            sorry = f"The file with all lines could not be attached: {escape(problem.public)}"
            await self._post(message(sorry, [context([f"⚠️ {sorry}"])]), thread_ts)


def _without_thread(shared: Shared) -> Message:
    """All in one message, and what is missing here; without the root where that would be too much."""
    thread = shared.thread.blocks if shared.thread is not None else ()
    blocks = (*shared.root.blocks, section(_INVITE), *thread)
    return Message(shared.root.text, blocks if weight(blocks) < BLOCKS_BUDGET else (section(_INVITE), *thread))


def _with_note(answer: Message, note: str) -> Message:
    """The message with a remark at its end, in the small print that ends it when there is some with room."""
    small_print = said(answer.blocks[-1])
    has_room = small_print and len(small_print) + len(note) < MAX_FIELD_TEXT - 10
    block = context([small_print if has_room else "", note])
    kept = answer.blocks[:-1] if has_room else answer.blocks
    return answer if block is None else Message(answer.text, (*kept, block))
