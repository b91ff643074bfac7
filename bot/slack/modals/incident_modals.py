"""Modals about one alert: add a note to it, or stop watching its job.

Acknowledge stays a button that acts at once: at three in the morning, one tap has to be enough. A note can be added
before it, which acknowledges too, or at any time after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.commands.parsing.tokenizer import quote
from bot.domain.access import AccessRole
from bot.domain.alerts import Incident
from bot.domain.audit import AuditResult
from bot.domain.ownership import IncidentNote
from bot.errors import UsageError
from bot.slack.answering import Answering
from bot.slack.gate import Attempt
from bot.slack.modals.handler import FieldErrors, ModalHandler, ModalUse, SubmissionOutcome, Submitted
from bot.slack.modals.modal_reply import ModalReply
from bot.slack.render.answers import render_error
from bot.slack.render.blocks import NOTE_MODAL, STOP_MODAL
from bot.slack.render.incident_forms import MAX_NOTE, NOTE_FIELD, note_form, stop_form
from bot.slack.render.modal import Modal

_UNWATCH = "unwatch "


async def find_incident(answering: Answering, use: ModalUse, attempt: Attempt) -> Incident:
    """Return the incident that a modal is about, and note its job for the audit trail.

    Raises:
        UsageError: it does not exist.
    """
    incident = await answering.runner.store.incidents.find(use.metadata.about.partition(" ")[0])
    if incident is None:
        raise UsageError("Alert not found. It ended more than 30 days ago.")
    attempt.job = str(incident.job.ref)
    return incident


async def is_refused(answering: Answering, use: ModalUse, attempt: Attempt) -> bool:
    """Whether a person may not change alerts of the attempt's job; the modal then shows why."""
    gate = answering.gate
    refusal = await gate.refuse_role(AccessRole.OPERATE, use.origin, use.reply.client, attempt.job or None)
    if refusal is None:
        return False
    await use.reply.private(render_error(gate.refuse(attempt, refusal)))
    return True


def reply_below(use: ModalUse) -> ModalReply:
    """Where public answers go: into the thread of the message whose button opened the modal."""
    return replace(use.reply, thread_ts=use.metadata.thread_ts or use.metadata.message_ts or None)


@dataclass(frozen=True, slots=True)
class NoteModal(ModalHandler):
    """Adds a note to an incident, and takes the incident if nobody has."""

    answering: Answering
    name = NOTE_MODAL
    title = "Add a note"

    async def open(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """Ask for the note."""
        incident = await find_incident(self.answering, use, attempt)
        return None if await is_refused(self.answering, use, attempt) else note_form(incident)

    async def submit(self, use: ModalUse, attempt: Attempt) -> SubmissionOutcome:
        """Save it; the outbox edits the alert and posts the note in its thread."""
        text = " ".join(use.fields.text(NOTE_FIELD).split())
        if not text or len(text) > MAX_NOTE:
            wrong = f"This has {len(text):,} characters; at most {MAX_NOTE} fit." if text else "Type a note."
            return FieldErrors({NOTE_FIELD: wrong})
        incident = await find_incident(self.answering, use, attempt)
        if await is_refused(self.answering, use, attempt):
            return Submitted.SHOWN
        redacted = self.answering.runner.runner.redactor.redact(text)[0]
        note = IncidentNote(use.asker.user, self.answering.clock(), redacted)
        await self.answering.runner.store.incidents.add_note(incident.id, note)
        return Submitted.CLOSED

    def record(self, use: ModalUse) -> str:
        """The note, with its incident."""
        return f"note {use.metadata.about} {use.fields.text(NOTE_FIELD)}"


@dataclass(frozen=True, slots=True)
class StopModal(ModalHandler):
    """Asks before the channel stops watching the job of an incident, or that of an `unwatch` command."""

    answering: Answering
    name = STOP_MODAL
    title = "Stop watching?"

    async def open(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """Say what will happen."""
        if use.metadata.about.startswith(_UNWATCH):
            return stop_form(use.metadata.about, use.metadata.about.removeprefix(_UNWATCH))
        job = (await find_incident(self.answering, use, attempt)).job
        return stop_form(use.metadata.about, str(job.ref), job.name or "")

    async def submit(self, use: ModalUse, attempt: Attempt) -> SubmissionOutcome:
        """Run the command that a person would type; the alert then has Undo."""
        text, is_alert = use.metadata.about, not use.metadata.about.startswith(_UNWATCH)
        if is_alert:
            text = f"{_UNWATCH}{quote(str((await find_incident(self.answering, use, attempt)).job.ref))}"
        await self.answering.answer(reply_below(use), text, use.asker, attempt, is_alert=is_alert)
        return Submitted.CLOSED if attempt.result is AuditResult.DONE else Submitted.SHOWN

    def record(self, use: ModalUse) -> str:
        """The incident whose job is to be unwatched, or the command."""
        about = use.metadata.about
        return about if about.startswith(_UNWATCH) else f"stop watching {about}"
