"""Open modals, and give what people do in them to their handlers, through the same gate as commands.

A trigger lives three seconds, so a small view is opened at once and replaced when its content is there. A submission
must be acknowledged within three seconds: with the outcome if it is there, else with a small view.
Source: https://docs.slack.dev/surfaces/modals (documented, read 2026-11-20).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.answers import Asker
from bot.domain.audit import AuditKind
from bot.errors import BotError, DeliveryError
from bot.slack.gate import Attempt
from bot.slack.handling import Request, RequestHandling
from bot.slack.modals.handler import FieldErrors, ModalHandler, ModalUse, SubmissionOutcome, Submitted
from bot.slack.modals.metadata import ModalMetadata, encode_metadata
from bot.slack.modals.modal_reply import ModalReply, kept_blocks
from bot.slack.modals.screens import ModalScreens, ViewResponse
from bot.slack.modals.view_payloads import ViewPayload, is_modal, read_view_payload
from bot.slack.payloads import Body, MalformedPayload, PayloadOrigin
from bot.slack.render.blocks import Action, section
from bot.slack.render.icons import CLEARED
from bot.slack.render.message import message
from bot.slack.render.modal import Choice, Modal, loading_modal, problem_block, render_options
from bot.slack.reply import Reply

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opening:
    """A request to open a modal."""

    name: str
    trigger_id: str
    metadata: ModalMetadata
    kind: AuditKind
    origin: PayloadOrigin
    asker: Asker
    text: str
    """For the audit trail."""
    reply: Reply
    """Where answers go if the modal cannot be opened."""
    home: frozenset[str]


@dataclass(frozen=True, slots=True)
class ModalTimes:
    """How long things may take, in seconds."""

    outcome_s: float = 1.5
    """Until a submission is acknowledged without its outcome."""
    suggestions_s: float = 2.0
    settle_s: float = 0.25
    """A live field that changes again within this time is answered once."""


MODAL_TIMES = ModalTimes()
_DONE = f"{CLEARED} Done."


class Modals:
    """The handlers of modals, by name."""

    def __init__(
        self, handlers: Sequence[ModalHandler], handling: RequestHandling, times: ModalTimes = MODAL_TIMES
    ) -> None:
        self.handlers = {one.name: one for one in handlers}
        self.handling, self._times = handling, times
        self._screens = ModalScreens()

    def knows(self, body: Body) -> bool:
        """Whether a payload is about a modal with a handler, and not one of another version of trainwatch."""
        try:
            return is_modal(body) and read_view_payload(body).name in self.handlers
        except MalformedPayload:
            return False

    def opened_by(self, text: str) -> str | None:
        """Return the name of the modal that a typed command opens, or None."""
        typed = text.strip().lower()
        return next((one.name for one in self.handlers.values() if typed in one.opened_by), None)

    def open(self, opening: Opening) -> None:
        """Open a modal in the background; without one, its handler replies in another way."""
        handler = self.handlers.get(opening.name)
        if handler is None:  # a button of another version
            log.warning("unknown modal", extra={"reason": opening.name[:80]})
            return
        problems: list[BotError] = []

        async def open_loading() -> Reply:
            try:
                return await self._open_loading(opening, handler)
            except BotError as problem:
                reason = problem.reason if isinstance(problem, DeliveryError) else problem.public
                log.warning("modal not opened", extra={"reason": reason})
                problems.append(problem)
                return opening.reply

        async def fill(attempt: Attempt, reply: Reply) -> None:
            if isinstance(reply, ModalReply):
                modal = await handler.open(ModalUse(reply, opening.origin, opening.asker, opening.metadata), attempt)
                if modal is not None:
                    await reply.show(modal)
            else:
                await handler.without_modal(reply, opening.metadata, opening.asker, attempt, problems[0])

        request = Request(opening.kind, opening.origin, opening.text, opening.reply, opening.home, open_loading)
        self.handling.start(request, fill)

    async def _open_loading(self, opening: Opening, handler: ModalHandler) -> ModalReply:
        metadata, reply = opening.metadata, opening.reply
        view = loading_modal(handler.name, handler.title).view(encode_metadata(metadata))
        screen = await self._screens.open(reply.client, opening.trigger_id, view)
        return ModalReply(
            reply.client,
            reply.channel,
            reply.user,
            thread_ts=metadata.thread_ts or None,
            screen=screen,
            metadata=metadata,
            name=handler.name,
            title=handler.title,
        )

    def act(self, payload: ViewPayload, client: AsyncWebClient, home: frozenset[str]) -> None:
        """A button was pressed or a live field changed."""
        handler = self.handlers[payload.name]
        use = self._use(payload, handler, client)
        if payload.action == Action.FIELD:
            if not self.handling.tasks.start(self._change(handler, use, home)):
                log.warning("too many requests at once")
            return

        async def press(attempt: Attempt, _reply: Reply) -> None:
            opened = self.handlers.get(modal_name(payload.key)) if payload.action == Action.OPEN else None
            if opened is None:
                modal = await handler.press(use, attempt)
            else:
                modal = await opened.open(_opened_use(use, opened), attempt)
            if modal is not None:
                await use.reply.show(modal)

        self.handling.start(Request(AuditKind.CLICK, payload.origin, payload.value, use.reply, home), press)

    async def _change(self, handler: ModalHandler, use: ModalUse, home: frozenset[str]) -> None:
        await asyncio.sleep(self._times.settle_s)
        if not use.reply.screen.is_newest:
            return
        try:
            if await self.handling.gate.refuse_origin(use.origin, home, use.reply.client) is not None:
                return
            modal = await handler.change(use)
            if modal is not None:
                await use.reply.show(modal)
        except BotError as problem:
            log.warning("modal not updated", extra={"reason": problem.public})

    async def submit(self, ack: AsyncAck, payload: ViewPayload, client: AsyncWebClient, home: frozenset[str]) -> None:
        """The fields were submitted: acknowledge with the outcome, or with a small view until it is there."""
        handler = self.handlers[payload.name]
        response: asyncio.Future[ViewResponse] = asyncio.get_running_loop().create_future()
        use = self._use(payload, handler, client, response)

        async def finish(attempt: Attempt, _reply: Reply) -> None:
            await _show_outcome(use, await handler.submit(use, attempt))

        request = Request(AuditKind.SUBMISSION, handler.origin(use), handler.record(use), use.reply, home)
        self.handling.start(request, finish)
        await asyncio.wait([response], timeout=self._times.outcome_s)
        loading = loading_modal(handler.name, handler.title).view(encode_metadata(payload.metadata))
        use.reply.screen.respond({"response_action": "update", "view": loading})
        outcome = response.result()
        await (ack(outcome) if outcome else ack())

    async def suggest(self, ack: AsyncAck, payload: ViewPayload, client: AsyncWebClient, home: frozenset[str]) -> None:
        """Text was typed into a menu that is searched: acknowledge with the entries."""
        choices: Sequence[Choice] = ()
        handler = self.handlers[payload.name]
        try:
            async with asyncio.timeout(self._times.suggestions_s):
                if not await self.handling.gate.refuse_origin(payload.origin, home, client):
                    choices = await handler.suggest(self._use(payload, handler, client), payload.value)
        except (BotError, TimeoutError) as problem:
            log.warning("suggestions not found", extra={"reason": type(problem).__name__})
        await ack(render_options(choices))

    async def close(self, payload: ViewPayload, client: AsyncWebClient) -> None:
        """A view was closed whose handler wants to know."""
        handler = self.handlers[payload.name]
        await handler.closed(self._use(payload, handler, client))

    def _use(
        self,
        payload: ViewPayload,
        handler: ModalHandler,
        client: AsyncWebClient,
        response: asyncio.Future[ViewResponse] | None = None,
    ) -> ModalUse:
        """What a person did; only its outcome may change the view from now on, except that of a later use."""
        blocks = kept_blocks(payload.blocks)
        screen = self._screens.use(client, payload.view_id, payload.hash, response, is_newest=payload.changes_view)
        reply = ModalReply(
            client,
            payload.metadata.channel,
            payload.user,
            thread_ts=payload.metadata.thread_ts or None,
            screen=screen,
            metadata=payload.metadata,
            name=handler.name,
            title=payload.title or handler.title,
            kept=blocks if payload.keeps_view else (),
            submit=payload.submit,
        )
        return ModalUse(
            reply,
            payload.origin,
            Asker(payload.user, payload.metadata.channel, payload.team),
            payload.metadata,
            payload.fields,
            blocks,
            payload.action,
            payload.key,
            payload.value,
        )


def modal_name(key: str) -> str:
    """The name of the modal that a button with this key opens."""
    return key.partition(":")[0]


def _opened_use(use: ModalUse, opened: ModalHandler) -> ModalUse:
    """A button in a modal opens another one, in its place."""
    metadata = replace(use.metadata, about=use.value)
    reply = replace(use.reply, metadata=metadata, name=opened.name, title=opened.title, kept=(), submit="")
    return replace(use, reply=reply, metadata=metadata)


async def _show_outcome(use: ModalUse, outcome: SubmissionOutcome) -> None:
    """Acknowledge a submission with its outcome, or show it if it came too late for that."""
    screen = use.reply.screen
    match outcome:
        case Modal():
            await use.reply.show(outcome)
        case FieldErrors(problems):
            if not screen.respond({"response_action": "errors", "errors": dict(problems)}):
                text = " ".join(problems.values())
                await use.reply.private(message(text, [problem_block(text)]))
        case Submitted.CLOSED:
            if not screen.respond({}):
                await replace(use.reply, kept=(), submit="").private(message(_DONE, [section(_DONE)]))
        case Submitted.SHOWN:
            pass
