"""The answer to a command, paged in place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.commands.answers import Asker
from bot.domain.audit import AuditResult
from bot.errors import BotError
from bot.slack.answering import Answering
from bot.slack.gate import Attempt
from bot.slack.modals.handler import ModalHandler, ModalUse
from bot.slack.modals.metadata import ModalMetadata
from bot.slack.modals.modal_reply import ModalReply
from bot.slack.render.blocks import ANSWER_MODAL, Action, section
from bot.slack.render.icons import CLEARED
from bot.slack.render.message import message
from bot.slack.render.modal import Modal
from bot.slack.render.text import channel_link
from bot.slack.reply import Reply

_TITLES = {
    "logs": "Logs",
    "metrics": "Metrics",
    "status": "Status",
    "diagnose": "Diagnosis",
    "rules": "Alert rules",
    "jobs": "Jobs",
}
"""The title of the answer to a command."""


@dataclass(frozen=True, slots=True)
class AnswerModal(ModalHandler):
    """Answers a command as a channel does; its buttons act in the modal."""

    answering: Answering
    name = ANSWER_MODAL
    title = "trainwatch"

    async def open(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """Answer the command that the modal is about."""
        await self._answer(use, use.metadata.about, attempt)
        return None

    async def press(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """Show another page or answer, or share this one in the channel."""
        if use.action == Action.SHOW:
            await self._answer(use, use.value, attempt)
        elif use.action == Action.CANCEL:
            await self.answering.running.cancel(use.reply, use.value)
        else:
            await self._act_in_channel(use, attempt)
        return None

    async def without_modal(
        self, reply: Reply, metadata: ModalMetadata, asker: Asker, attempt: Attempt, problem: BotError
    ) -> None:
        """Answer with a private message."""
        await self.answering.answer(reply, metadata.about, asker, attempt)

    async def _answer(self, use: ModalUse, text: str, attempt: Attempt) -> None:
        await self.answering.answer(answer_reply(use.reply, text), text, use.asker, attempt)

    async def _act_in_channel(self, use: ModalUse, attempt: Attempt) -> None:
        """The answer goes to the channel; what the modal shows stays, with a note above it."""
        await self.answering.answer(use.reply, use.value, use.asker, attempt, share=use.action == Action.SHARE)
        if attempt.result is AuditResult.DONE:
            text = f"{CLEARED} Answered in {channel_link(use.reply.channel)}."
            await use.reply.private(message(text, [section(text)]))


def answer_reply(reply: ModalReply, command: str) -> ModalReply:
    """The destination for the answer to a command, which takes the place of what the modal shows."""
    metadata = replace(reply.metadata, about=command)
    title = _TITLES.get(command.split(maxsplit=1)[0] if command.strip() else "", AnswerModal.title)
    return replace(reply, name=ANSWER_MODAL, title=title, metadata=metadata, kept=(), submit="")
