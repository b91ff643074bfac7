"""Run any command that is typed in a Slack channel: those of `runner`, pages of a log, and what the channel keeps."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from bot.commands.answers import Answer, Asker, ErrorAnswer, SystemStatus
from bot.commands.handlers.audit import answer_audit
from bot.commands.handlers.channel_check import check_channel
from bot.commands.handlers.digest import answer_digest
from bot.commands.handlers.earlier_runs import compare_with_earlier_runs
from bot.commands.handlers.failed_job import with_incident
from bot.commands.handlers.help_topics import slack_help
from bot.commands.handlers.job_lookup import JobsSource
from bot.commands.handlers.log_answer import SharedReads, read_logs
from bot.commands.handlers.notify import answer_notify
from bot.commands.handlers.patterns import PatternHandlers
from bot.commands.handlers.rules import ReplaySettings, channel_settings, replay, rules_answer
from bot.commands.handlers.subscriptions import ChannelHandlers
from bot.commands.parsing.formatting import matcher_words
from bot.commands.runner import CommandRunner, ResolvedCommand, error_answer
from bot.commands.subcommands.audit import AuditCommand
from bot.commands.subcommands.channel_check import ChannelCheckCommand
from bot.commands.subcommands.digest import DigestAnswer, DigestCommand
from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, JobsCommand, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.commands.subcommands.notify import NotifyAnswer, NotifyCommand, NotifyMeCommand
from bot.commands.subcommands.rules import ReplayAnswer, ReplayCommand, RulesAnswer, RulesCommand
from bot.commands.subcommands.subscriptions import ChannelCommand, UndoUnwatchCommand, UnsilenceCommand
from bot.commands.subcommands.table import HelpCommand, SlackCommand
from bot.domain.job_matching import KnownJob, Matcher
from bot.domain.jobs import JobState
from bot.domain.observations import POLL_INTERVAL
from bot.errors import BotError, UsageError
from bot.providers.budget import restart_time, within_budget
from bot.rules.settings import overlay
from bot.store.store import Store

_NO_ADDRESS = (
    "Slack does not show trainwatch your e-mail address (scope `users:read.email`). Use `jobs --user you@example.com`."
)


@dataclass(frozen=True, slots=True)
class ChannelRunner:
    """Answers every command that is typed in a Slack channel."""

    runner: CommandRunner
    store: Store
    file_turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    poll_interval: timedelta = POLL_INTERVAL
    shared_reads: SharedReads = field(default_factory=SharedReads)

    async def resolve(self, command: SlackCommand, asker: Asker) -> ResolvedCommand[SlackCommand] | ErrorAnswer:
        """As `CommandRunner.resolve`; a name means a job of this channel first, then any watched job."""
        sources: list[JobsSource] = [
            partial(self.jobs_of_channel, asker.channel),
            self.store.subscriptions.known_jobs,
        ]
        try:
            return await self.runner.resolve(command, sources)
        except BotError as problem:
            return error_answer(problem, self.runner.redactor)

    async def run(self, command: SlackCommand, asker: Asker) -> Answer:
        """The answer, without secrets. An expected failure is an ErrorAnswer."""
        try:
            return await self._answer(command, asker)
        except BotError as problem:
            return await self.runner.explain(problem, command)

    async def jobs_of_channel(self, channel: str) -> tuple[KnownJob, ...]:
        """Return the jobs of a channel: first those with an open incident, then the watched ones."""
        incidents = await self.store.incidents.list_open(channel)
        watched = await self.store.subscriptions.known_jobs(channel)
        failing = {one.job.ref: KnownJob.of(one.job) for one in reversed(incidents)}
        return (*failing.values(), *(job for job in watched if job.ref not in failing))

    async def concerned_job(self, command: SlackCommand, asker: Asker) -> str | None:
        """Return the reference, or the pattern of references, that a resolved command is about; None: no job or any."""
        if isinstance(command, UnsilenceCommand):
            silences = await self.store.silences.active(asker.channel, self.runner.clock())
            matchers = (one.matchers for one in silences if one.id == command.silence_id)
            return next((one.value for one in next(matchers, ()) if one.label == "job"), None)
        if isinstance(command, UndoUnwatchCommand):
            removed = await self.store.removed_subscriptions.find(command.number, asker.channel)
            (job, *others) = removed.subscriptions or (None,)
            return str(job.job) if job is not None and not others and not removed.patterns else None
        if (ref := getattr(command, "ref", None)) is not None:
            return str(ref)
        wanted: tuple[Matcher, ...] = getattr(command, "matchers", ())
        return next((one.value for one in wanted if one.label == "job" and not one.is_negated), None)

    async def system_status(self) -> SystemStatus:
        """The backlog, and the request rate of each platform."""
        now = self.runner.clock()
        backlog = await self.store.deliveries.backlog(now)
        overdue = await self.store.watches.overdue(now)
        return SystemStatus(overdue, backlog.count, backlog.oldest, self.runner.registry.request_rates())

    async def _answer(self, command: SlackCommand, asker: Asker) -> Answer:
        registry, redactor, now = self.runner.registry, self.runner.redactor, self.runner.clock()
        if isinstance(command, LogsCommand):
            return await self._read_logs(command, now)
        if isinstance(command, HelpCommand):
            return slack_help(command)
        if isinstance(command, NotifyCommand | NotifyMeCommand | DigestCommand):
            return await self._choose(command, asker, now)
        if isinstance(command, ChannelCheckCommand):
            return await check_channel(registry, self.store, redactor, asker, now)
        if isinstance(command, AuditCommand):
            return await answer_audit(replace(command, channel=asker.channel), self.store.audit)
        if isinstance(command, ChannelCommand):
            config = self.runner.diagnosis_config
            interval = self.poll_interval
            return await ChannelHandlers(registry, self.store, redactor, config, asker, now, interval).answer(command)
        if isinstance(command, RulesCommand) and (command.matchers or command.ref is not None):
            return await self._channel_rules(command, asker)
        if isinstance(command, ReplayCommand):
            return await self._replay(command, asker)
        if isinstance(command, JobsCommand) and command.mine:
            if asker.email is None:
                raise UsageError(_NO_ADDRESS)
            command = replace(command, user=asker.email)
        return await self._complete(await self.runner.run(command), asker)

    async def _complete(self, answer: Answer, asker: Asker) -> Answer:
        """Add to an answer what the database knows."""
        match answer:
            case JobsAnswer():
                return await self._add_progress(answer)
            case DiagnosisAnswer():
                return await compare_with_earlier_runs(answer, self.store.ended_runs)
            case StatusAnswer():
                return await self._add_incidents(answer, asker)
            case _:
                return answer

    async def _choose(
        self, command: NotifyCommand | NotifyMeCommand | DigestCommand, asker: Asker, now: datetime
    ) -> NotifyAnswer | DigestAnswer:
        """Change how the channel or the asker is notified, or what is sent regularly."""
        if isinstance(command, DigestCommand):
            return await answer_digest(command, self.store.boards, asker, now)
        return await answer_notify(command, self.store.preferences, asker, now)

    async def _read_logs(self, command: LogsCommand, now: datetime) -> LogsAnswer:
        """Everything is read into a file for few people at once, as it takes long and needs disk space."""
        provider, ref = self.runner.registry.resolve(command.ref)
        if not command.needs_file:
            return await read_logs(provider, ref, command, self.runner.redactor, now, self.shared_reads)
        async with within_budget():
            await self.file_turns.acquire()
        try:
            restart_time()
            return await read_logs(provider, ref, command, self.runner.redactor, now, self.shared_reads)
        finally:
            self.file_turns.release()

    async def _replay(self, command: ReplayCommand, asker: Asker) -> ReplayAnswer:
        """Test the settings of the channel."""
        registry, redactor, now = self.runner.registry, self.runner.redactor, self.runner.clock()
        config = self.runner.diagnosis_config()
        tested = ReplaySettings(config)
        provider, ref = registry.resolve(command.ref)
        if not command.defaults:
            watched = await self.store.subscriptions.for_job(ref)
            own = next((one.settings for one in watched if one.channel == asker.channel), None)
            tested = channel_settings(own, config)
        return await replay(provider, ref, command, tested, redactor, now)

    async def _channel_rules(self, command: RulesCommand, asker: Asker) -> RulesAnswer:
        """The rules with the settings of the channel's subscription; with the installation's if it has none."""
        if command.matchers:
            return await self._pattern_rules(command.matchers, asker)
        job, defaults = self.runner.registry.resolve(command.ref or "")[1], self.runner.diagnosis_config().defaults
        subscribed = [one for one in await self.store.subscriptions.for_job(job) if one.channel == asker.channel]
        settings = overlay(defaults, subscribed[0].settings) if subscribed else defaults
        return replace(rules_answer(settings), job=job if subscribed else None)

    async def _pattern_rules(self, matchers: tuple[Matcher, ...], asker: Asker) -> RulesAnswer:
        """The rules with the settings of a pattern of the channel."""
        patterns = PatternHandlers(
            self.runner.registry,
            self.store,
            self.runner.redactor,
            asker,
            self.poll_interval,
            self.runner.clock(),
        )
        found = await patterns.find(patterns.own(matchers))
        if found is None:
            text = matcher_words(matchers)
            raise UsageError(f"This channel has no pattern `{text}`. `list` shows its patterns.")
        settings = overlay(self.runner.diagnosis_config().defaults, found.settings)
        return replace(rules_answer(settings), pattern=matcher_words(found.matchers))

    async def _add_progress(self, answer: JobsAnswer) -> JobsAnswer:
        """Add the progress of jobs that any channel watches; the logs of others are not read for a list."""
        listed = [job.ref for one in answer.providers for job in one.jobs if job.state is JobState.RUNNING]
        progress = await self.store.subscriptions.progress_of(listed) if listed else {}
        if not progress:
            return answer
        providers = (
            replace(one, jobs=tuple(replace(job, progress=progress.get(job.ref)) for job in one.jobs))
            for one in answer.providers
        )
        return replace(answer, providers=tuple(providers))

    async def _add_incidents(self, answer: StatusAnswer, asker: Asker) -> StatusAnswer:
        """Add the channel's subscriptions and open incidents, also of a failure that nobody has closed."""
        job = answer.job.ref
        watched_by = tuple(one for one in await self.store.subscriptions.for_job(job) if one.channel == asker.channel)
        incidents = await self.store.incidents.list_open(asker.channel, job)
        answer = replace(answer, watched_by=watched_by, incidents=incidents)
        latest = await self.store.incidents.find_latest(asker.channel, job) if answer.job.state.is_terminal else None
        if latest is None:
            return answer
        is_added = latest.is_open and latest.id not in {one.id for one in incidents}
        return with_incident(replace(answer, incidents=(*incidents, latest)) if is_added else answer, latest)
