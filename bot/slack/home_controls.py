"""What people press and choose in App Home: filters, Acknowledge, Unmute, and buttons that open a modal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.answers import Asker
from bot.domain.access import AccessRole
from bot.domain.alerts import Receipt
from bot.domain.audit import AuditKind
from bot.domain.dashboard import HomeFilter
from bot.slack.answering import Answering
from bot.slack.app_home import AppHome
from bot.slack.client import post
from bot.slack.failures import UNREACHABLE, delivery_error
from bot.slack.gate import Attempt
from bot.slack.handling import Request, RequestHandling
from bot.slack.modals.dispatch import Modals, Opening
from bot.slack.modals.metadata import ModalMetadata, encode_metadata
from bot.slack.ownership import change_owner
from bot.slack.payloads import HomeClick
from bot.slack.render.answers import render_error
from bot.slack.render.blocks import ANSWER_MODAL, Action
from bot.slack.render.home import HomeAction
from bot.slack.render.message import Message
from bot.slack.render.modal import Modal
from bot.slack.reply import Reply, with_notes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HomeReply(Reply):
    """The destination of private answers to a click in App Home: a modal, or the direct message if none opens."""

    trigger_id: str = field(kw_only=True)

    @property
    def is_private(self) -> bool:
        """Whether only the asker sees what `private` shows."""
        return True

    async def private(self, answer: Message, notes: Sequence[str] = ()) -> None:
        """Show it in a modal.

        Raises:
            DeliveryError: The answer was not accepted.
        """
        answer = with_notes(answer, notes)
        view = Modal(ANSWER_MODAL, "trainwatch", answer.blocks).view(encode_metadata(ModalMetadata(self.channel)))
        try:
            await self.client.views_open(trigger_id=self.trigger_id, view=view)
        except UNREACHABLE as error:  # the trigger lives three seconds
            log.warning("modal not opened", extra={"reason": delivery_error(error).reason})
            await post(self.client, {"channel": self.user, "unfurl_links": False, **answer.payload()})

    async def post_aside(self, answer: Message) -> Receipt:
        """Post to the person: a note about a command that takes long is nothing for the channel.

        Raises:
            DeliveryError: It was not accepted.
        """
        return await post(self.client, {"channel": self.user, "unfurl_links": False, **answer.payload()})


@dataclass(frozen=True, slots=True)
class HomeControls:
    """Handles what people do in App Home."""

    home: AppHome
    answering: Answering
    handling: RequestHandling
    modals: Modals

    def use(self, click: HomeClick, client: AsyncWebClient, home: frozenset[str]) -> None:
        """Act in a background task. `home` is the workspace of the app, and its organization."""
        if click.action in (HomeAction.OPEN, HomeAction.JOB):
            self._open_modal(click, client, home)
        elif click.action in (HomeAction.ACKNOWLEDGE, HomeAction.UNMUTE):
            self._change(click, client, home)
        elif not self.handling.tasks.start(self.home.open(click.origin, home, client, change=filter_change(click))):
            log.warning("too many requests at once")

    def _open_modal(self, click: HomeClick, client: AsyncWebClient, home: frozenset[str]) -> None:
        """Open a modal that acts for the direct message with the app."""
        reply = HomeReply(client, click.direct, click.user, trigger_id=click.trigger_id)
        asker, metadata = Asker(click.user, click.direct, click.team), ModalMetadata(click.direct, click.value)
        name = ANSWER_MODAL if click.action == HomeAction.JOB else click.key.partition(":")[0]
        kind = AuditKind.CLICK
        self.modals.open(Opening(name, click.trigger_id, metadata, kind, click.origin, asker, click.value, reply, home))

    def _change(self, click: HomeClick, client: AsyncWebClient, home: frozenset[str]) -> None:
        """Act as in the channel of the incident or silence, whose id the value begins with; then show the outcome."""
        channel, _, value = click.value.partition(" ")
        reply = HomeReply(client, channel or click.direct, click.user, trigger_id=click.trigger_id)
        origin = replace(click.origin, channel=channel or None)
        is_owner = click.action == HomeAction.ACKNOWLEDGE
        text = f"acknowledge {value}" if is_owner else f"silence end {value}"

        async def act(attempt: Attempt, reply: Reply) -> None:
            if is_owner:
                await self._acknowledge(value, reply, attempt)
            else:
                await self.answering.answer(reply, text, Asker(click.user, channel, click.team), attempt)
            await self.home.show_change(click.user, client)

        self.handling.start(Request(AuditKind.CLICK, origin, text, reply, home), act)

    async def _acknowledge(self, incident_id: str, reply: Reply, attempt: Attempt) -> None:
        """Take the incident. What App Home shows afterwards is the answer, unless the person may not do it."""
        gate, incidents = self.handling.gate, self.home.store.incidents
        async with self.handling.tasks.turn():
            incident = await incidents.find(incident_id)
            attempt.job = str(incident.job.ref) if incident else ""
            refusal = await gate.refuse_role(AccessRole.OPERATE, attempt.origin, reply.client, attempt.job or None)
            if refusal is not None:
                await reply.private(render_error(gate.refuse(attempt, refusal)))
                return
            now, action = self.answering.clock(), Action.ACKNOWLEDGE
            await change_owner(incidents, action, incident_id, reply.user, now, is_root=True)


def filter_change(click: HomeClick) -> Callable[[HomeFilter], HomeFilter] | None:
    """How a click changes what the person chose to see; None: not at all."""
    match click.action:
        case HomeAction.SCOPE:
            return lambda chosen: replace(chosen, scope=click.value)
        case HomeAction.FAILING:
            return lambda chosen: replace(chosen, failing_only=click.value == "failing")
        case _:
            return None
