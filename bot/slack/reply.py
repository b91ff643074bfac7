"""Send answers: privately through a response URL, or to a channel with a thread and a file.

Answers are rendered in `bot.slack.render`; `bot.slack.listeners` decides when they are sent.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.answers import Answer
from bot.domain.alerts import Receipt
from bot.errors import DeliveryError
from bot.slack.client import post, remember_refusal, write_next, write_refused
from bot.slack.error_codes import BLOCKS_REFUSED
from bot.slack.failures import UNREACHABLE, delivery_error, response_url_error
from bot.slack.render.answers import render
from bot.slack.render.blocks import context, context_text, section
from bot.slack.render.icons import WARNING
from bot.slack.render.logs import Shared, Snippet
from bot.slack.render.message import BLOCKS_BUDGET, MAX_FIELD_TEXT, Message, message, weight
from bot.slack.render.text import escape, one_line
from bot.slack.render.thread_commands import use_mentions
from bot.slack.uploads import upload

log = logging.getLogger(__name__)

_RATE_LIMIT_RETRIES = 4
"""How often a rate-limited answer is retried. It was not posted, so no message appears twice."""
_RESPONSE_WAITS_S = (0.5, 2.0, 8.0)
"""Waits before an answer is sent through its response URL again."""
_MAX_WAIT = timedelta(seconds=30)
NOT_A_MEMBER = frozenset({"not_in_channel", "channel_not_found"})
_INVITE = f"{WARNING} trainwatch is not in this channel. Type `/invite @trainwatch` to get alerts and files here."


@dataclass(frozen=True, slots=True)
class Reply:
    """The destination of answers to one command, click or mention."""

    client: AsyncWebClient
    channel: str
    user: str
    respond: AsyncRespond | None = None
    """Sends through the response URL; None for a mention, which has none and is answered in its thread."""
    thread_ts: str | None = None
    replaces: bool = False
    """Private answers replace the private message that held the button. Nothing else can be replaced: Slack appends a
    second answer to a command even if asked to replace the first
    (observed: slackapi/bolt-python#1268, slackapi/bolt-js#2287; read 2026-11-21)."""
    edits: str | None = None
    """`ts` of the public message that a public answer replaces."""
    deletes: bool = False
    """A public answer deletes the private message that held the button."""

    @property
    def is_private(self) -> bool:
        """Whether only the asker sees what `private` shows; in the thread of a mention, everyone does."""
        return self.respond is not None

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Show that an answer is being made, where Slack has a place for that."""
        yield

    def render(self, answer: Answer) -> Message:
        """The message of an answer for the asker."""
        return render(answer)

    async def private(self, answer: Message, notes: Sequence[str] = ()) -> None:
        """Show it with notes to the asker only; a mention is answered in its thread.

        Raises:
            DeliveryError: The answer was not accepted.
        """
        answer = with_notes(answer, notes)
        if self.respond is None:
            await self._post(answer, self.thread_ts)
        else:
            await self._respond(answer, "ephemeral")

    async def public(self, shared: Shared, notes: Sequence[str] = ()) -> str | None:
        """Show it to the channel: the root with notes, with lines in its thread and all lines in a file.

        If the bot is not a member, the response URL still reaches the channel, without thread and file.

        Returns:
            The root's `ts`; None if the bot is not a member.

        Raises:
            DeliveryError: The answer was not accepted.
        """
        root = with_notes(_with_note(shared.root, shared.pointer), notes)
        try:
            root_ts = await self._post_root(root)
        except DeliveryError as error:
            if error.reason not in NOT_A_MEMBER or self.respond is None:
                raise
            await self._respond(with_notes(_without_thread(shared), notes), "in_channel")
            return None
        if self.deletes and self.respond is not None:
            await self.respond({"delete_original": True})
        thread_ts = self.thread_ts or root_ts
        if shared.thread is not None:
            await self._post(shared.thread, thread_ts)
        if shared.snippet is not None:
            await self._upload(shared.snippet, thread_ts)
        return root_ts

    async def edit(self, target: Receipt, answer: Message) -> str:
        """Replace a message of the bot and return its `ts`.

        Raises:
            DeliveryError: It cannot be edited.
        """
        arguments = {"channel": target.channel, "ts": target.ts, **answer.payload()}
        return (await post(self.client, arguments, "chat.update")).ts

    async def post_aside(self, answer: Message) -> Receipt:
        """Post a message that can be edited: in the thread of a mention, else to the person directly.

        Raises:
            DeliveryError: It was not accepted.
        """
        is_direct = self.respond is not None
        place = {"channel": self.user} if is_direct else {"channel": self.channel, "thread_ts": self.thread_ts}
        return await post(self.client, {**place, "unfurl_links": False, "unfurl_media": False, **answer.payload()})

    async def edit_aside(self, target: Receipt, answer: Message) -> None:
        """Replace a message of `post_aside`.

        Raises:
            DeliveryError: It cannot be edited.
        """
        await self.edit(target, answer)

    async def remove_aside(self, target: Receipt) -> None:
        """Delete a message of `post_aside`.

        Raises:
            DeliveryError: It cannot be deleted.
        """
        try:
            await self.client.chat_delete(channel=target.channel, ts=target.ts)
        except UNREACHABLE as error:
            raise delivery_error(error) from error

    async def _post_root(self, answer: Message) -> str:
        """Post a public answer, or edit the message that it replaces if that is possible."""
        if self.edits is not None:
            with suppress(DeliveryError):
                return await self.edit(Receipt(self.channel, self.edits), answer)
        return await self._post(answer, self.thread_ts)

    async def _post(self, answer: Message, thread_ts: str | None) -> str:
        answer = answer if thread_ts is None else use_mentions(answer)
        arguments = {"channel": self.channel, "unfurl_links": False, "unfurl_media": False, **answer.payload()}
        if thread_ts is not None:
            arguments["thread_ts"] = thread_ts
        for _ in range(_RATE_LIMIT_RETRIES):
            try:
                return (await post(self.client, arguments)).ts
            except DeliveryError as error:
                if error.reason != "ratelimited" or error.retry_after is None or error.retry_after > _MAX_WAIT:
                    raise
                await asyncio.sleep(error.retry_after.total_seconds())
        return (await post(self.client, arguments)).ts

    async def _respond(self, answer: Message, response_type: str) -> None:
        assert self.respond is not None
        answer = answer if self.thread_ts is None else use_mentions(answer)
        replaces = self.replaces and response_type == "ephemeral"
        body = {**answer.payload(), "response_type": response_type, "replace_original": replaces}
        write_refused(self.client, body)
        error, written = await self._send_response(body), None
        while error is not None and error.reason in BLOCKS_REFUSED and (kind := write_next(body)) is not None:
            error, written = await self._send_response(body), kind
        if error is None and written is not None:
            remember_refusal(self.client, written)
        if error is not None and error.reason in BLOCKS_REFUSED:
            log.error("slack rejected an answer", extra={"reason": error.reason})
            del body["blocks"]
            error = await self._send_response(body)
        if error is not None:
            raise error

    async def _send_response(self, body: dict[str, object]) -> DeliveryError | None:
        """Send through the response URL, and again after an error that passes; return the last error.

        A second copy of a private answer is harmless, a missing one is not. A public one is not sent twice.
        """
        assert self.respond is not None
        may_repeat = body["response_type"] == "ephemeral"
        for wait_s in (*_RESPONSE_WAITS_S, None):
            try:
                error = response_url_error(await self.respond(body))
            except UNREACHABLE as problem:
                error = delivery_error(problem)
            is_final = error is None or error.permanent or error.reason in BLOCKS_REFUSED
            if is_final or error is None or wait_s is None or (error.outcome_unknown and not may_repeat):
                return error
            await asyncio.sleep(min(error.retry_after or timedelta(seconds=wait_s), _MAX_WAIT).total_seconds())
        raise AssertionError  # pragma: no cover - the last attempt returns

    async def send_file(self, snippet: Snippet, text: str) -> None:
        """Send a file to the asker in a direct message, because a private answer cannot have one.

        Raises:
            DeliveryError: The message or the file was not accepted.
        """
        direct = {"channel": self.user, "text": text, "unfurl_links": False, "unfurl_media": False}
        receipt = await post(self.client, direct)
        await upload(self.client, snippet, receipt.channel)

    async def _upload(self, snippet: Snippet, thread_ts: str) -> None:
        """Upload the file to the thread; if that fails, post why."""
        try:
            await upload(self.client, snippet, self.channel, thread_ts)
        except DeliveryError as problem:
            log.warning("file not uploaded", extra={"reason": problem.reason})
            text = f"The file with all lines could not be attached: {escape(problem.public)}"
            await self._post(message(text, [context([f"{WARNING} {text}"])]), thread_ts)


def _without_thread(shared: Shared) -> Message:
    """Everything in one message with a note on how to invite the bot; without the root if that is too long."""
    thread = shared.thread.blocks if shared.thread is not None else ()
    invitation = section(_INVITE if shared.snippet is None else f"{_INVITE} The file with all lines is missing.")
    blocks = (*shared.root.blocks, invitation, *thread)
    return Message(shared.root.text, blocks if weight(blocks) < BLOCKS_BUDGET else (invitation, *thread))


def with_notes(answer: Message, notes: Sequence[str]) -> Message:
    """The message with notes at its end, inside its last line of small print if there is room."""
    for note in notes:
        answer = _with_note(answer, one_line(note, 300))
    return answer


def _with_note(answer: Message, note: str) -> Message:
    """The message with a note at its end, inside its last line of small print if there is room."""
    small_print = context_text(answer.blocks[-1])
    has_room = small_print and len(small_print) + len(note) < MAX_FIELD_TEXT - 10
    block = context([small_print if has_room else "", note])
    kept = answer.blocks[:-1] if has_room else answer.blocks
    return answer if block is None else Message(answer.text, (*kept, block))
