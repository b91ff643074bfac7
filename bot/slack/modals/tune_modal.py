"""Tune what a subscription reports, test it on the last 24 hours, and save it with the commands that people type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.commands.answers import Asker, ErrorAnswer
from bot.commands.handlers.patterns import pattern_target
from bot.commands.parsing.parser import parse
from bot.commands.parsing.tokenizer import quote
from bot.commands.permissions import required_role
from bot.commands.subcommands.notify import NotifyCommand
from bot.commands.subcommands.rules import ReplayAnswer
from bot.domain.access import AccessRole
from bot.domain.alerts import Severity
from bot.domain.audit import AuditKind, AuditResult
from bot.domain.notify import NotifySettings
from bot.domain.subscriptions import NotifyLevel, RuleSettings
from bot.errors import BotError, UsageError
from bot.rules.settings import format_settings
from bot.slack.answering import Answering
from bot.slack.gate import Attempt
from bot.slack.modals.handler import FieldErrors, ModalHandler, ModalUse, SubmissionOutcome, Submitted
from bot.slack.modals.incident_modals import reply_below
from bot.slack.modals.metadata import ModalMetadata
from bot.slack.modals.modal_reply import ModalReply
from bot.slack.render.answers import render_error
from bot.slack.render.blocks import TUNE_MODAL, Action
from bot.slack.render.message import Block, Message
from bot.slack.render.modal import Modal
from bot.slack.render.rules import render_test
from bot.slack.render.tune_form import (
    GROUPS,
    NOTIFY,
    PEOPLE,
    PROBLEMS,
    QUIET,
    RESOURCES,
    SEVERITY,
    TuneInput,
    TuneSubject,
    current_input,
    known_groups,
    mention_words,
    quiet_text,
    saved_view,
    tune_form,
    tuned_parameters,
    tuned_words,
    watch_text,
    wrong_values,
)
from bot.slack.reply import Reply, with_notes


@dataclass(frozen=True, slots=True)
class _TestReply(ModalReply):
    """Shows the progress and the result of a test below its button."""

    form: Callable[[Sequence[Block]], Modal] = field(kw_only=True)

    async def private(self, answer: Message, notes: Sequence[str] = ()) -> None:
        """Show it in the form."""
        await self.show(self.form(with_notes(answer, notes).blocks))


@dataclass(frozen=True, slots=True)
class _Tuned:
    """What is tuned, as it is now."""

    target: str
    """As `watch` takes it."""
    name: str
    settings: RuleSettings
    job: str
    """The reference of the job; "" for a pattern."""
    example: str
    """A job to test on; "" if no job matches now."""


@dataclass(frozen=True, slots=True)
class TuneModal(ModalHandler):
    """Builds `watch` and `notify` commands and runs them."""

    answering: Answering
    name = TUNE_MODAL
    title = "Tune alerts"

    async def open(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """The form with today's values."""
        tuned = await self._find(use)
        attempt.job = tuned.job
        subject = TuneSubject(tuned.target, tuned.name, format_settings(tuned.settings, is_exact=True))
        return tune_form(subject, current_input(subject, self._defaults), self._defaults, await self._channel(use))

    async def change(self, use: ModalUse) -> Modal | None:
        """Show the thresholds of the rules that are on, and the command."""
        return self._form(use, await self._channel(use), ())

    async def press(self, use: ModalUse, attempt: Attempt) -> Modal | None:
        """Test the settings as they are filled in, or cancel the test."""
        if use.action == Action.CANCEL:
            await self.answering.running.cancel(use.reply, use.value)
            return None
        subject, typed, channel = TuneSubject.read(use.metadata.about), self._read(use), await self._channel(use)
        if problems := wrong_values(typed):
            raise UsageError(" ".join(problems.values()))
        words = tuned_words(subject, typed, self._defaults)
        job = (await self._find(use)).example
        if not job:
            raise UsageError("No job that matches is watched now, so there is nothing to test on.")
        text = " ".join(["rules test", quote(job), "--defaults", *map(quote, words)])
        reply = self._test_reply(use, channel)
        command = parse(text)
        answer, attempt.job = await self.answering.run_noted(reply, command, use.asker, attempt, [])
        if isinstance(answer, ErrorAnswer) and attempt.result is AuditResult.DONE:
            attempt.end(AuditResult.FAILED, answer.public)
        await reply.private(render_test(answer) if isinstance(answer, ReplayAnswer) else render_error(_error(answer)))
        return None

    async def submit(self, use: ModalUse, attempt: Attempt) -> SubmissionOutcome:
        """Run the commands of what has changed, then show them."""
        subject, typed, channel = TuneSubject.read(use.metadata.about), self._read(use), await self._channel(use)
        problems = wrong_values(typed)
        words = tuned_words(subject, typed, self._defaults)
        commands = [] if words == subject.words else [watch_text(subject, words)]
        if channel is not None:
            notify, wrong = await self._notify_commands(use, channel)
            commands, problems = commands + notify, problems | wrong
        if problems:
            return FieldErrors(problems)
        for text in commands:
            async with self.answering.gate.recorded(AuditKind.SUBMISSION, use.origin, text) as one:
                await self._run(use, text, one)
            if one.result is not AuditResult.DONE:
                attempt.end(one.result, one.detail)
                return Submitted.SHOWN
        return saved_view(commands)

    def record(self, use: ModalUse) -> str:
        """What is tuned; each command has a separate entry."""
        return f"tune {TuneSubject.read(use.metadata.about).target}"

    async def without_modal(
        self, reply: Reply, metadata: ModalMetadata, asker: Asker, attempt: Attempt, problem: BotError
    ) -> None:
        """List the rules, and how to change them."""
        await self.answering.answer(reply, metadata.about, asker, attempt)

    @property
    def _defaults(self) -> RuleSettings:
        return self.answering.runner.runner.diagnosis_config().defaults

    async def _find(self, use: ModalUse) -> _Tuned:
        """The subscription or the pattern that the modal is about."""
        store, channel = self.answering.runner.store, use.asker.channel
        target = TuneSubject.read(use.metadata.about).target
        for one in await store.subscriptions.list(channel):
            job = str(one.subscription.job)
            if target in (job, quote(job)):
                name = one.job.name if one.job else None
                return _Tuned(quote(job), name or "", one.subscription.settings, job, job)
        for pattern in await store.patterns.list(channel):
            text = pattern_target(pattern)
            if target in (text, pattern.text):
                jobs = await store.patterns.jobs_of(pattern.id)
                return _Tuned(text, pattern.text, pattern.settings, "", str(jobs[0]) if jobs else "")
        raise UsageError(f"This channel does not watch `{target[:200]}` any more.")

    async def _channel(self, use: ModalUse) -> NotifySettings | None:
        """How the channel is notified, for those who may change it."""
        gate, client = self.answering.gate, use.reply.client
        if await gate.refuse_role(AccessRole.ADMINISTER, use.origin, client) is not None:
            return None
        return await self.answering.runner.store.preferences.of_channel(use.asker.channel)

    def _form(self, use: ModalUse, channel: NotifySettings | None, result: Sequence[Block]) -> Modal:
        return tune_form(TuneSubject.read(use.metadata.about), self._read(use), self._defaults, channel, result)

    def _test_reply(self, use: ModalUse, channel: NotifySettings | None) -> _TestReply:
        reply = use.reply
        return _TestReply(
            reply.client,
            reply.channel,
            reply.user,
            screen=reply.screen,
            metadata=reply.metadata,
            name=reply.name,
            title=reply.title,
            form=lambda result: self._form(use, channel, result),
        )

    def _read(self, use: ModalUse) -> TuneInput:
        fields = use.fields
        values = {name: fields.text(name).strip() for name, _, _ in tuned_parameters() if name in fields.values}
        on = frozenset((*fields.texts(PROBLEMS), *fields.texts(RESOURCES)))
        notify = fields.text(NOTIFY) or NotifyLevel.FAILURES.value
        return TuneInput(on, fields.text(SEVERITY) or Severity.INFO.value, notify, values)

    async def _notify_commands(self, use: ModalUse, channel: NotifySettings) -> tuple[list[str], dict[str, str]]:
        """The commands that change how the channel is notified, and what is wrong, by field."""
        commands, problems, fields = list[str](), dict[str, str](), use.fields
        if PEOPLE not in fields.values:  # the form was opened by somebody who could not change them then
            return commands, problems
        now = channel.mentions.get(Severity.PAGE, ())
        if {*fields.texts(PEOPLE), *fields.texts(GROUPS)} != {one.id for one in now}:
            targets = mention_words(fields.texts(PEOPLE), fields.texts(GROUPS), [*now, *known_groups(channel)])
            commands.append(f"notify page {' '.join(targets)}")
        quiet = " ".join(fields.text(QUIET).split())
        if quiet != quiet_text(channel.quiet):
            keep = "" if channel.quiet_pages or not quiet else " --except-pages"
            commands.append(f"notify quiet {quiet or 'off'}{keep}")
        for text in commands:
            try:
                context, _ = await self.answering.context(use.reply, text, None)
                parse(text, context)
            except UsageError as problem:
                problems[QUIET if text.startswith("notify quiet") else PEOPLE] = problem.public
        return commands, problems

    async def _run(self, use: ModalUse, text: str, attempt: Attempt) -> None:
        """Run a command; the modal shows if it is refused or fails."""
        context, _ = await self.answering.context(use.reply, text, None)
        command = parse(text, context)
        if not isinstance(command, NotifyCommand):
            await self.answering.answer(reply_below(use), text, use.asker, attempt)
            return
        refusal = await self.answering.gate.refuse_role(required_role(command), use.origin, use.reply.client)
        if refusal is not None:
            await use.reply.private(render_error(self.answering.gate.refuse(attempt, refusal)))
            return
        answer = await self.answering.runner.run(command, use.asker)
        if isinstance(answer, ErrorAnswer):
            attempt.end(AuditResult.FAILED, answer.public)
            await use.reply.private(render_error(answer))


def _error(answer: object) -> ErrorAnswer:
    return answer if isinstance(answer, ErrorAnswer) else ErrorAnswer("The test did not finish.")
