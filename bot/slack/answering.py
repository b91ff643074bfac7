"""Answer one command, click or mention: parse it in its context, find its job, run it and reply.

The context is the time, the person's time zone and, for a mention in a thread, the job of the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC

from slack_sdk.web.async_client import AsyncWebClient

from bot.charts.painter import Painter
from bot.commands.answers import Answer, Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.commands.command_limits import limits_of
from bot.commands.handlers.confirmations import needs_question, question_before
from bot.commands.handlers.help_topics import with_real_job
from bot.commands.parsing.formatting import replace_reference
from bot.commands.parsing.mentions import ReadingKind, read_mention
from bot.commands.parsing.parser import has_local_time, parse
from bot.commands.permissions import required_role
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.channel_check import ChannelCheckAnswer
from bot.commands.subcommands.jobs import JobsCommand, MetricsAnswer
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.commands.subcommands.patterns import WatchPatternAnswer
from bot.commands.subcommands.subscriptions import RestoreAnswer, SilenceAnswer, UnwatchAnswer, WatchAnswer
from bot.commands.subcommands.table import HelpAnswer, SlackCommand
from bot.domain.access import AccessRole
from bot.domain.audit import AuditResult
from bot.domain.durations import Clock
from bot.domain.job_matching import KnownJob, names_me
from bot.domain.jobs import JobRef
from bot.domain.notify import NotifySettings
from bot.errors import BotError, DeliveryError, StoreUnavailable, UnnamedJob, UsageError
from bot.providers.budget import BudgetLimits, CommandBudget, restart_time, spending
from bot.slack.announcements import update_announcement
from bot.slack.background_tasks import TaskSet
from bot.slack.channel_check import check_slack_channel
from bot.slack.client import takes
from bot.slack.gate import Attempt, Gate
from bot.slack.payloads import PayloadOrigin
from bot.slack.pictures import Pictures
from bot.slack.render.answers import render, render_error, render_shared, render_unclear
from bot.slack.render.charts import CHART_TYPE
from bot.slack.render.logs import file_note, private_file, render_file_message
from bot.slack.render.message import Message
from bot.slack.render.progress import RESTARTING
from bot.slack.reply import Reply
from bot.slack.running_commands import RunningCommands
from bot.slack.shared_channels import is_direct
from bot.slack.thread_jobs import ThreadJobs
from bot.slack.user_profiles import UserProfiles

_DIRECT = "direct"
"""Stands for a thread in the conversation with one person."""
_UTC_NOTE = "Times are in UTC: Slack does not tell trainwatch your time zone."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """How a command is answered."""

    job: str | None = field(default=None, kw_only=False)
    """The job of a command that names none."""
    share: bool
    """Whether the channel sees the answer."""
    is_alert: bool = False
    """Whether a button of an alert was pressed."""
    asks_first: bool = False
    """Whether the person is asked before something changes."""
    shown: Sequence[str] = ()
    """Notes on how a question was understood."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers whatever a person types or clicks."""

    runner: ChannelRunner
    clock: Clock
    tasks: TaskSet
    profiles: UserProfiles
    threads: ThreadJobs
    running: RunningCommands
    limits: BudgetLimits
    gate: Gate
    painter: Painter

    async def answer(
        self, reply: Reply, text: str, asker: Asker, attempt: Attempt, *, share: bool = False, is_alert: bool = False
    ) -> None:
        """Answer a command as text; its mistakes are answers too. `is_alert`: a button of an alert was pressed."""
        await self._answer(reply, text, asker, attempt, _How(share=share, is_alert=is_alert))

    async def answer_mention(
        self, reply: Reply, text: str, asker: Asker, attempt: Attempt, *, thread_ts: str | None
    ) -> None:
        """Answer a mention or a direct message: a command, or a question. `thread_ts` is None outside of threads."""
        job = await self.threads.find(reply.channel, thread_ts) if thread_ts is not None else None
        reading = read_mention(text, job)
        if reading.kind is ReadingKind.UNCLEAR:
            attempt.end(AuditResult.INVALID, "not understood")
            await reply.private(render_unclear(reading))
        elif reading.kind is ReadingKind.REQUEST:
            await self._answer(reply, reading.command, asker, attempt, _How(job, share=True, asks_first=True))
        elif reading.kind is ReadingKind.COMMAND:
            await self._answer(reply, reading.command, asker, attempt, _How(job, share=True))
        else:
            command, notes = reading.command, list[str]()
            if job is None and reading.lacks_job:
                expected, why = await self._expected_job(reply)
                command = command if expected is None else replace_reference(command, "", expected)
                notes = [why] if why else []
            shown = [*notes, f"asked as `/train {command}`"]
            await self._answer(reply, command, asker, attempt, _How(job, share=True, shown=shown))
        if is_direct(reply.channel):
            self.threads.remember(reply.channel, _DIRECT, attempt.job or None)

    async def _expected_job(self, reply: Reply) -> tuple[str | None, str]:
        """The job of a question that names none, and why: the last one of a direct message, or the only one."""
        if is_direct(reply.channel) and (last := await self.threads.find(reply.channel, _DIRECT)) is not None:
            return last, ""
        jobs = await self.runner.jobs_of_channel(reply.channel)
        return (str(jobs[0].ref), "the only job that this channel watches") if len(jobs) == 1 else (None, "")

    async def _answer(self, reply: Reply, text: str, asker: Asker, attempt: Attempt, how: _How) -> None:
        context, notes = await self.context(reply, text, how.job)
        try:
            command = parse(text, context)
        except UnnamedJob as problem:
            jobs = await self.readable_jobs(asker.channel, attempt.origin, reply.client)
            choice = ErrorAnswer(problem.public, None if jobs else problem.usage, suggestions=jobs)
            attempt.end(AuditResult.INVALID, problem.public)
            await reply.private(render_error(choice, text, is_public=not reply.is_private))
            return
        except UsageError as problem:
            public = self.runner.runner.redactor.redact(problem.public)[0]  # it may quote what was typed
            raise UsageError(public, problem.usage) from None
        needed = required_role(command)
        if refusal := await self.gate.refuse_role(needed, attempt.origin, reply.client, any_job=True):
            refused = self.gate.refuse(attempt, refusal)
            await reply.private(render_error(refused, text, is_public=not reply.is_private))
            return
        if how.asks_first and needs_question(command):
            await self._ask_first(reply, text, command, asker)
            return
        if (isinstance(command, JobsCommand) and command.mine) or names_me(getattr(command, "matchers", ())):
            profile = await self.profiles.get(reply.client, reply.user, context.now)
            asker = replace(asker, email=profile.email)
        answer, attempt.job = await self.run_noted(reply, command, asker, attempt, notes)
        if isinstance(answer, ErrorAnswer) and attempt.result is AuditResult.DONE:
            attempt.end(AuditResult.INVALID if answer.is_misuse else AuditResult.FAILED, answer.public)
        is_public = how.share or getattr(command, "public", False)
        silences = self.runner.store.silences
        with closed_file(answer):
            if isinstance(answer, ErrorAnswer):
                await reply.private(render_error(answer, text, is_public=not reply.is_private))
            elif how.is_alert and isinstance(answer, SilenceAnswer | UnwatchAnswer) and answer.shown_on:
                await update_announcement(reply, answer, None, silences)
            elif is_public or concerns_channel(answer):
                shared = await asyncio.to_thread(render_shared, answer)
                root = await self._illustrated(reply, answer, shared.root, is_public=True)
                ts = await reply.public(replace(shared, root=root), [*notes, *how.shown])
                self.threads.remember(reply.channel, reply.thread_ts or ts, attempt.job or None)
                await update_announcement(reply, answer, ts, silences)
            else:
                notes += await _send_file(reply, answer) if isinstance(answer, LogsAnswer) else []
                shown = await asyncio.to_thread(reply.render, answer)
                await reply.private(await self._illustrated(reply, answer, shown), notes)

    async def _illustrated(self, reply: Reply, answer: Answer, shown: Message, *, is_public: bool = False) -> Message:
        """The message with a picture, if that was asked for, or if a channel's workspace takes no charts."""
        if not isinstance(answer, MetricsAnswer) or not answer.summaries:
            return shown
        pictures = Pictures(reply.client, self.painter)
        lacks_charts = is_public and not takes(reply.client, CHART_TYPE) and await pictures.may_upload()
        return await pictures.illustrate(answer, shown) if answer.pinned.picture or lacks_charts else shown

    async def list_jobs(self) -> None:
        """Have the platforms listed, so that their jobs are found while a person types."""
        runner = self.runner.runner
        await self.runner.store.listings.want(runner.registry.names, runner.clock())
        await runner.directory.get(runner.registry, runner.redactor, runner.clock())

    async def readable_jobs(self, channel: str, origin: PayloadOrigin, client: AsyncWebClient) -> tuple[KnownJob, ...]:
        """Return the jobs of a channel that a person may read about."""
        may_read = await self.gate.reader(origin, client)
        jobs = await self.runner.jobs_of_channel(channel)
        return tuple(one for one in jobs if may_read is None or may_read(channel, one.ref))

    async def _ask_first(self, reply: Reply, text: str, command: SlackCommand, asker: Asker) -> None:
        """Ask before a request in plain words changes something."""
        resolved = await self.runner.resolve(command, asker)
        if isinstance(resolved, ErrorAnswer):
            await reply.private(render_error(resolved, text, is_public=not reply.is_private))
            return
        typed, ref = getattr(command, "ref", None), getattr(resolved.command, "ref", None)
        await reply.private(render(question_before(resolved.command, replace_reference(text, typed or "", ref or ""))))

    async def run_noted(
        self, reply: Reply, command: SlackCommand, asker: Asker, attempt: Attempt, notes: list[str]
    ) -> tuple[Answer, str]:
        """Run the command within its budget; while it runs, notes show how far it is."""
        reads_all = isinstance(command, LogsCommand) and command.needs_file
        budget = CommandBudget(limits_of(command, self.limits))
        about = self.runner.runner.redactor.redact(getattr(command, "ref", None) or "")[0]
        with spending(budget):
            async with self.running.noted(reply, budget, about, reads_all=reads_all):
                return await self._run_in_turn(reply, command, asker, attempt, notes)
        raise AssertionError  # pragma: no cover - the contexts swallow nothing

    async def context(self, reply: Reply, text: str, job: str | None = None) -> tuple[InputContext, list[str]]:
        """What surrounds the text, and notes for the answer; the time zone is fetched only if the text needs it."""
        now = self.clock()
        if not has_local_time(text):
            return InputContext(now, job=job), []
        zone = (await self.profiles.get(reply.client, reply.user, now)).zone
        return InputContext(now, zone or UTC, job), [] if zone is not None else [_UTC_NOTE]

    async def _run_in_turn(
        self, reply: Reply, command: SlackCommand, asker: Asker, attempt: Attempt, notes: list[str]
    ) -> tuple[Answer, str]:
        """The answer and the job it is about, if any; adds to the notes how the job was found."""
        # A command that reads a whole log takes minutes and waits for its own turn (`ChannelRunner.file_turns`).
        reads_all = isinstance(command, LogsCommand) and command.needs_file
        async with contextlib.nullcontext() if reads_all else self.tasks.turn():
            restart_time()
            resolved = await self.runner.resolve(command, asker)
            if isinstance(resolved, ErrorAnswer):
                return resolved, ""
            notes += [resolved.note] if resolved.note else []
            job, typed = getattr(resolved.command, "ref", None), getattr(command, "ref", None)
            needed, concerned = (
                required_role(resolved.command),
                await self.runner.concerned_job(resolved.command, asker),
            )
            if refusal := await self.gate.refuse_role(needed, attempt.origin, reply.client, concerned):
                return self.gate.refuse(attempt, refusal), job or ""
            answer = await self.runner.run(resolved.command, asker)
            if isinstance(answer, ChannelCheckAnswer):
                answer = await self._add_slack_checks(answer, reply.client, asker, attempt)
            if isinstance(answer, HelpAnswer):
                answer = with_real_job(answer, await self._example_job(reply.client, asker, attempt))
            if isinstance(answer, ErrorAnswer) and answer.suggestions and typed is not None:
                answer = replace(answer, typed=typed)
            return answer, job or ""

    async def _example_job(self, client: AsyncWebClient, asker: Asker, attempt: Attempt) -> JobRef | None:
        """A job for examples: of the channel, else the newest listed one that the person may read about."""
        may_read = await self.gate.reader(attempt.origin, client)
        try:
            jobs = await self.runner.jobs_of_channel(asker.channel)
            jobs = jobs or await self.runner.store.known_jobs.search("", limit=20)
        except StoreUnavailable:  # help needs no database
            return None
        return next((one.ref for one in jobs if may_read is None or may_read(asker.channel, one.ref)), None)

    async def _add_slack_checks(
        self, answer: ChannelCheckAnswer, client: AsyncWebClient, asker: Asker, attempt: Attempt
    ) -> ChannelCheckAnswer:
        """Add what Slack lets trainwatch do in the channel, and whether the person sees all details."""
        try:
            settings = await self.runner.store.preferences.of_channel(asker.channel)
        except StoreUnavailable:  # the answer has this problem already
            settings = NotifySettings()
        found = await check_slack_channel(client, asker.channel, asker.user, settings)
        refusal = await self.gate.refuse_role(AccessRole.ADMINISTER, attempt.origin, client)
        return ChannelCheckAnswer((*found, *answer.results), shows_details=refusal is None)


@contextmanager
def closed_file(answer: Answer) -> Iterator[None]:
    """Delete the file of the answer, if it has one, after the block."""
    try:
        yield
    finally:
        if isinstance(answer, LogsAnswer) and answer.file is not None:
            answer.file.close()


async def _send_file(reply: Reply, answer: LogsAnswer) -> list[str]:
    """Send the file of a private answer, if it has one; return a note that says where it is, or why it is missing."""
    snippet = private_file(answer)
    if snippet is None:
        return []
    try:
        await reply.send_file(snippet, render_file_message(answer))
    except DeliveryError as problem:
        log.warning("file not sent", extra={"reason": problem.reason})
        return [f"The file with all lines could not be sent to you: {problem.public}"]
    return [file_note(answer)]


@asynccontextmanager
async def errors_answered(reply: Reply, attempt: Attempt | None = None) -> AsyncIterator[None]:
    """Reply with whatever goes wrong inside; an unexpected error gets a reference that is also in the log.

    Work is cancelled only when the process ends.
    """
    try:
        try:
            yield
        except DeliveryError as error:
            await _explain_undelivered(reply, error)
        except BotError as error:
            usage = error.usage if isinstance(error, UsageError) else None
            if attempt is not None:
                attempt.end(AuditResult.INVALID if isinstance(error, UsageError) else AuditResult.FAILED, error.public)
            await reply.private(render_error(ErrorAnswer(error.public, usage)))
        except asyncio.CancelledError:
            await reply.private(render_error(ErrorAnswer(RESTARTING)))
            raise
        except Exception:  # a bug: the person gets an answer, with a number to find it in the log
            error_id = secrets.token_hex(3)
            log.exception("command failed", extra={"error_id": error_id})
            if attempt is not None:
                attempt.end(AuditResult.FAILED, f"error {error_id}")
            text = f"Something went wrong on our side (error {error_id}). The server log has the details."
            await reply.private(render_error(ErrorAnswer(text)))
    except DeliveryError as error:
        if attempt is not None:
            attempt.end(AuditResult.FAILED, f"The answer was not delivered: {error.public}")
        log.warning("answer not delivered", extra={"reason": error.reason, "channel": reply.channel})


async def _explain_undelivered(reply: Reply, error: DeliveryError) -> None:
    """Send the person the reason why a public answer could not be posted; a private one would fail again."""
    log.warning("answer not delivered", extra={"reason": error.reason, "channel": reply.channel})
    if reply.is_private:
        await reply.private(render_error(ErrorAnswer(f"The answer could not be posted. {error.public}")))


def concerns_channel(answer: Answer) -> bool:
    """Whether the answer changes which alerts the channel gets, so that the channel should see it."""
    match answer:
        case WatchAnswer():
            return answer.has_changed
        case SilenceAnswer() | WatchPatternAnswer():
            return True
        case UnwatchAnswer():
            return bool(answer.jobs or answer.pattern)
        case RestoreAnswer():
            return True
        case _:
            return False
