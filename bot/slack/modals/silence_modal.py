"""Silence alerts with a form: from an alert, or with `/train silence` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from bot.commands.parsing.parser import parse
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.subscriptions import SilenceCommand
from bot.domain.alerts import Incident
from bot.domain.audit import AuditResult
from bot.domain.job_matching import KnownJob
from bot.errors import UsageError
from bot.slack.answering import Answering
from bot.slack.gate import Attempt
from bot.slack.modals.handler import FieldErrors, ModalHandler, ModalUse, SubmissionOutcome, Submitted
from bot.slack.modals.incident_modals import find_incident, reply_below
from bot.slack.render.blocks import SILENCE_MODAL
from bot.slack.render.modal import Choice, Modal
from bot.slack.render.silence_form import (
    CHANNEL,
    CUSTOM,
    HOW_LONG,
    JOB,
    PATTERN,
    REASON,
    WHAT,
    SilenceFieldError,
    SilenceInput,
    SilenceSubject,
    silence_command,
    silence_form,
)

_LONGEST = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class SilenceModal(ModalHandler):
    """Builds the `silence` command and runs it."""

    answering: Answering
    name = SILENCE_MODAL
    title = "Silence alerts"
    opened_by = frozenset({"silence", "mute"})

    async def open(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """The form; from an alert, with its job and its problem."""
        if use.metadata.about.lower() in self.opened_by:
            return await self._form(use, SilenceSubject(), None)
        incident = await find_incident(self.answering, use, attempt)
        return await self._form(use, SilenceSubject.of(incident), incident)

    async def change(self, use: ModalUse) -> Modal | None:
        """Show the fields that the choices need, and the command."""
        subject = SilenceSubject.read(use.metadata.about)
        incident = await self.answering.runner.store.incidents.find(subject.incident) if subject.incident else None
        return await self._form(use, subject, incident)

    async def submit(self, use: ModalUse, attempt: Attempt) -> SubmissionOutcome:
        """Run the command. The form has shown what it silences, so it asks no further question."""
        subject, typed = SilenceSubject.read(use.metadata.about), _read(use)
        now, zone = self.answering.clock(), await self._zone(use)
        try:
            text = silence_command(subject, typed, now, zone)
            command = parse(text, InputContext(now, zone))
        except SilenceFieldError as problem:
            if problem.name in use.fields.values:
                return FieldErrors({problem.name: problem.public})
            return await self.change(use) or Submitted.SHOWN  # submitted before the field was shown
        except UsageError as problem:
            return FieldErrors({CUSTOM if typed.custom else HOW_LONG: problem.public})
        if isinstance(command, SilenceCommand) and command.duration > _LONGEST:
            return FieldErrors({CUSTOM: "At most 30 days here. `/train silence` takes longer ones."})
        confirmed = f"{text} --yes" if typed.what == CHANNEL else text
        is_alert = bool(subject.incident)
        await self.answering.answer(reply_below(use), confirmed, use.asker, attempt, is_alert=is_alert)
        return Submitted.CLOSED if attempt.result is AuditResult.DONE else Submitted.SHOWN

    async def suggest(self, use: ModalUse, typed: str) -> Sequence[Choice]:
        """The channel's jobs whose name or reference contains what was typed."""
        wanted = typed.casefold().strip()
        jobs = await self.answering.readable_jobs(use.asker.channel, use.origin, use.reply.client)
        return [_choice(one) for one in jobs if wanted in f"{one.name or ''} {one.ref}".casefold()]

    def record(self, use: ModalUse) -> str:
        """The command."""
        subject = SilenceSubject.read(use.metadata.about)
        try:
            return silence_command(subject, _read(use), self.answering.clock(), UTC)
        except UsageError:
            return "silence"

    async def _form(self, use: ModalUse, subject: SilenceSubject, incident: Incident | None) -> Modal:
        return silence_form(subject, _read(use), self.answering.clock(), await self._zone(use), incident)

    async def _zone(self, use: ModalUse) -> tzinfo:
        now: datetime = self.answering.clock()
        return (await self.answering.profiles.get(use.reply.client, use.asker.user, now)).zone or UTC


def _read(use: ModalUse) -> SilenceInput:
    fields, empty = use.fields, SilenceInput()
    return replace(
        empty,
        what=fields.text(WHAT),
        job=fields.chosen(JOB),
        pattern=fields.text(PATTERN),
        how_long=fields.text(HOW_LONG) or empty.how_long,
        custom=fields.text(CUSTOM),
        reason=fields.text(REASON),
    )


def _choice(job: KnownJob) -> Choice:
    return Choice(str(job.ref), job.name or str(job.ref), f"{job.state or ''} {job.ref}".strip() if job.name else "")
