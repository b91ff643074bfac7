"""What a kind of modal does: a subclass of ModalHandler for each, listed in `bot.slack.listeners`."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.commands.answers import Asker, ErrorAnswer
from bot.domain.audit import AuditResult
from bot.errors import BotError
from bot.slack.gate import Attempt
from bot.slack.modals.fields import ModalFields
from bot.slack.modals.metadata import ModalMetadata
from bot.slack.modals.modal_reply import ModalReply
from bot.slack.payloads import PayloadOrigin
from bot.slack.render.answers import render_error
from bot.slack.render.message import Block
from bot.slack.render.modal import Choice, Modal
from bot.slack.reply import Reply


@dataclass(frozen=True, slots=True)
class ModalUse:
    """A modal was opened, or a person did something in it. Where it was opened has passed the gate."""

    reply: ModalReply
    """Shows in the modal what is private."""
    origin: PayloadOrigin
    asker: Asker
    metadata: ModalMetadata
    fields: ModalFields = field(default_factory=ModalFields)
    blocks: tuple[Block, ...] = ()
    """What the view shows."""
    action: str = ""
    """The kind of the control that was used: an `Action`."""
    key: str = ""
    """The rest of its `action_id`; of a field, its name."""
    value: str = ""


@dataclass(frozen=True, slots=True)
class FieldErrors:
    """What is wrong with the values of a submission, by the names of fields."""

    problems: Mapping[str, str]


class Submitted(enum.Enum):
    """What came of a submission, unless a view or errors at fields show it."""

    CLOSED = enum.auto()
    """The modal closes."""
    SHOWN = enum.auto()
    """The handler has shown something through its reply."""


SubmissionOutcome = Modal | FieldErrors | Submitted


class ModalHandler(ABC):
    """One kind of modal. Every method may raise BotError, which is shown to the person.

    What a person may do is decided here, with `Gate.refuse_role` or by running a command with `Answering.answer`.
    """

    name: str
    """Its `callback_id`, and the key of the buttons that open it (`Action.OPEN`)."""
    title: str
    """Shown while its content is loaded."""
    opened_by: frozenset[str] = frozenset()
    """Commands that open it, as they are typed: a subcommand that would be refused without arguments."""

    @abstractmethod
    async def open(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """The first view; None if it was shown through `use.reply`."""

    async def press(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """A button was pressed. The view that follows; None if nothing changes or `use.reply` has shown it."""
        return None

    async def change(self, use: ModalUse) -> Modal | None:
        """A live field was changed; this is not recorded. The view that follows, or None."""
        return None

    async def submit(self, use: ModalUse, attempt: Attempt) -> SubmissionOutcome:
        """The fields were submitted. Slack waits for the outcome for a second or two; later, a view shows it."""
        return Submitted.CLOSED

    async def suggest(self, use: ModalUse, typed: str) -> Sequence[Choice]:
        """The entries of the menu `use.key` for what was typed into it, within 300 ms."""
        return ()

    async def closed(self, use: ModalUse) -> None:  # noqa: B027 - most views need nothing
        """The person closed a view with `Modal.is_watched`."""

    def origin(self, use: ModalUse) -> PayloadOrigin:
        """Where a submission acts, for the gate and the audit trail."""
        return use.origin

    def record(self, use: ModalUse) -> str:
        """What the audit trail says about a submission."""
        return f"submit {self.name} {use.metadata.about}".rstrip()

    async def without_modal(
        self, reply: Reply, metadata: ModalMetadata, asker: Asker, attempt: Attempt, problem: BotError
    ) -> None:
        """The modal could not be opened: reply to the click or command that asked for it."""
        attempt.end(AuditResult.FAILED, problem.public)
        text = f"Slack did not open the dialog. {problem.public} Try again."
        await reply.private(render_error(ErrorAnswer(text)))
