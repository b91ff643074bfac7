"""A form that a test opens in a modal, and what a person does in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bot.slack.gate import Attempt
from bot.slack.modals.handler import FieldErrors, ModalHandler, ModalUse, SubmissionOutcome, Submitted
from bot.slack.render.blocks import Action, section
from bot.slack.render.modal import Choice, Field, Modal, field_id, menu_input, search_input, text_input
from emulator.slack.model import Message, View
from tests.integration.slack_harness import SlackHarness
from tests.support.waiting import LONGEST_S

NAME = "form"
COLOURS = [Choice("red", "Red"), Choice("blue", "Blue", "a cold colour")]


class FormModal(ModalHandler):
    """Asks for a number and a colour."""

    name, title = NAME, "Form"

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        """A submission waits for it."""
        self.gate.set()
        self.closings: list[str] = []

    async def open(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        return self._form(use, "nothing yet")

    def _form(self, use: ModalUse, seen: str) -> Modal:
        blocks = (
            section(f"{use.metadata.about}: {seen}"),
            text_input(Field("number", "Number", is_live=True)),
            menu_input(Field("colour", "Colour", is_live=True), COLOURS),
            search_input(Field("job", "Job"), use.fields.chosen("job")),
        )
        return Modal(NAME, self.title, blocks, use.metadata.about, submit="Go", is_watched=True)

    async def change(self, use: ModalUse) -> Modal | None:
        return self._form(use, f"{use.fields.text('number')} {use.fields.text('colour')}")

    async def submit(self, use: ModalUse, attempt: Attempt) -> SubmissionOutcome:
        number = use.fields.text("number")
        if number == "bad":
            return FieldErrors({"number": "Use digits."})
        await self.gate.wait()
        if number == "close":
            return Submitted.CLOSED
        if number == "late":
            return FieldErrors({"number": "Use digits, however late."})
        return Modal(NAME, "Result", (section(f"chose {use.fields.text('job')}"),), use.metadata.about)

    async def suggest(self, use: ModalUse, typed: str) -> Sequence[Choice]:
        return [Choice(f"{typed}-{number}", f"Job {number}", "running") for number in range(150)]

    async def closed(self, use: ModalUse) -> None:
        self.closings.append(use.metadata.about)


async def post_button(harness: SlackHarness, name: str = NAME, about: str = "inc-1") -> Message:
    """Post a message with a button that opens a modal."""
    button = {
        "type": "button",
        "action_id": f"{Action.OPEN}:{name}:go",
        "text": {"type": "plain_text", "text": "Go"},
        "value": about,
    }
    blocks = [{"type": "actions", "elements": [button]}]
    await harness.app.client.chat_postMessage(channel=harness.channel().id, text="Press it.", blocks=blocks)
    return harness.channel().messages[-1]


async def open_form(harness: SlackHarness, *, user: str = "ada") -> View:
    """Open the form and wait until it is there."""
    await harness.slack.person_actions.click(user, await post_button(harness), f"{Action.OPEN}:{NAME}:go")
    return await view_with(harness, "nothing yet", user=user)


async def view_with(harness: SlackHarness, text: str, *, user: str = "ada") -> View:
    """The modal on top once it shows a text."""

    def look() -> View | None:
        view = harness.slack.workspace.modal(user)
        return view if view is not None and text in str(view.source["blocks"]) else None

    return await harness.slack.person_actions.until(look, timeout_s=LONGEST_S)


def type_number(view: View, harness: SlackHarness) -> Callable[[str], None]:
    """Type into the field for a number without a pause after it."""
    return lambda text: harness.slack.person_actions.fill(view, field_id("number"), text)
