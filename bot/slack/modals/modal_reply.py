"""Show answers in a modal, so that a command is answered there as in a channel."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.commands.answers import Answer
from bot.domain.alerts import Receipt
from bot.slack.client import blocks_as_text
from bot.slack.modals.metadata import ModalMetadata, encode_metadata
from bot.slack.modals.screens import ModalScreen
from bot.slack.render.answer_view import render_answer_view
from bot.slack.render.answers import without_share
from bot.slack.render.message import Block, Message
from bot.slack.render.modal import Modal
from bot.slack.reply import Reply, with_notes

_ABOVE = "above-"
"""Begins the `block_id` of what is shown above the kept part."""


def kept_blocks(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """What a view shows without what was shown above it."""
    return tuple(block for block in blocks if not str(block.get("block_id", "")).startswith(_ABOVE))


@dataclass(frozen=True, slots=True)
class ModalReply(Reply):
    """The destination of what is private in the modal itself; what is public goes to the channel, as from anywhere."""

    screen: ModalScreen = field(kw_only=True)
    metadata: ModalMetadata = field(kw_only=True)
    name: str = field(kw_only=True)
    """The handler of the view."""
    title: str = field(kw_only=True)
    kept: tuple[Block, ...] = ()
    """What stays in the view, below what is shown."""
    submit: str = ""
    """The label of the submit button that stays with it."""

    @property
    def is_private(self) -> bool:
        """Whether only the asker sees what `private` shows."""
        return True

    def render(self, answer: Answer) -> Message:
        """The message of an answer in a modal."""
        return render_answer_view(answer)

    async def private(self, answer: Message, notes: Sequence[str] = ()) -> None:
        """Show it in the modal.

        Raises:
            DeliveryError: Slack cannot be reached or refuses the view.
        """
        shown = blocks_as_text(with_notes(answer, notes).blocks)
        if self.channel[:1] not in ("C", "G"):  # opened outside of channels
            shown = [block for one in shown if (block := without_share(one)) is not None]
        blocks = tuple(shown)
        if self.kept:
            notes_above = ({**block, "block_id": f"{_ABOVE}{number}"} for number, block in enumerate(blocks))
            blocks = (*notes_above, *self.kept)
        await self.show(Modal(self.name, self.title, blocks, self.metadata.about, self.submit))

    async def show(self, modal: Modal) -> None:
        """Replace what the modal shows.

        Raises:
            DeliveryError: Slack cannot be reached or refuses the view.
            UsageError: what the modal is about is too long for it.
        """
        await self.screen.show(modal.view(encode_metadata(replace(self.metadata, about=modal.about))))

    async def post_aside(self, answer: Message) -> Receipt:
        """Show progress in the modal, until something else is shown there.

        Raises:
            DeliveryError: Slack cannot be reached or refuses the view.
        """
        await self.private(answer)
        return Receipt(self.channel, secrets.token_hex(4))

    async def edit_aside(self, target: Receipt, answer: Message) -> None:
        """Show newer progress.

        Raises:
            DeliveryError: Slack cannot be reached or refuses the view.
        """
        await self.private(answer)

    async def remove_aside(self, target: Receipt) -> None:
        """Do nothing: the answer takes the place of the progress."""
