"""A command to its answer: one `match`. Every frontend calls this; what an answer looks like is theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.commands.answers import Answer, Asker, ErrorAnswer, SystemStatus
from bot.commands.handlers import job_queries, subscriptions
from bot.commands.handlers.diagnose import diagnose
from bot.commands.handlers.logs import read_page
from bot.commands.handlers.replay import replay
from bot.commands.handlers.rules import rules_answer
from bot.commands.parsing.help import help_answer
from bot.commands.parsing.spec import Frontend
from bot.commands.redaction import redact_answer
from bot.commands.subcommands.help import HelpCommand
from bot.commands.subcommands.jobs import (
    DiagnoseCommand,
    JobsAnswer,
    JobsCommand,
    MetricsCommand,
    StatusAnswer,
    StatusCommand,
)
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.rules import ReplayCommand, RulesCommand
from bot.commands.subcommands.subscriptions import (
    ListCommand,
    SilenceCommand,
    UnsilenceCommand,
    UnwatchCommand,
    WatchCommand,
)
from bot.commands.subcommands.table import Command
from bot.domain.durations import format_duration
from bot.errors import BotError, JobNotFound, ProviderError, UsageError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, shipped_diagnosis_config

if TYPE_CHECKING:
    from bot.providers.registry import Registry
    from bot.store.store import Store

ChannelCommand = WatchCommand | UnwatchCommand | ListCommand | SilenceCommand | UnsilenceCommand
"""About what a channel keeps."""


class CommandRunner:
    """Answers commands from the platforms and the store."""

    def __init__(
        self,
        registry: Registry,
        store: Store | None,
        clock: Callable[[], datetime],
        redactor: Redactor,
        diagnosis_config: Callable[[], DiagnosisConfig] = shipped_diagnosis_config,
    ) -> None:
        """Receive what answers come from; a terminal has no store. `diagnosis_config` is read on demand."""
        self._registry = registry
        self._store = store
        self._clock = clock
        self._redactor = redactor
        self._diagnosis_config = diagnosis_config

    async def strain(self) -> SystemStatus:
        """How far behind we are, and how hard the platforms are asked. Only for a frontend with a store."""
        assert self._store is not None
        now = self._clock()
        backlog = await self._store.deliveries.backlog(now)
        return SystemStatus(
            await self._store.watches.overdue(now), backlog.count, backlog.oldest, self._registry.request_rates()
        )

    async def run(self, command: Command, asker: Asker) -> Answer:
        """The answer; whatever goes wrong on purpose is an ErrorAnswer."""
        try:
            return redact_answer(await self._answer(command, asker), self._redactor)
        except BotError as problem:
            return error_answer(problem, self._redactor)

    async def _answer(self, command: Command, asker: Asker) -> Answer:
        registry, redactor, now = self._registry, self._redactor, self._clock()
        match command:
            case LogsCommand():
                provider, ref = registry.resolve(command.ref)
                return await read_page(provider, ref, command, redactor, now)
            case MetricsCommand():
                provider, ref = registry.resolve(command.ref)
                return await job_queries.read_metrics(provider, ref, command, redactor, now)
            case StatusCommand():
                return await self._status(command, asker, now)
            case DiagnoseCommand():
                provider, ref = registry.resolve(command.ref)
                return await diagnose(provider, ref, command, self._diagnosis_config().scanner, redactor, now)
            case ReplayCommand():
                provider, ref = registry.resolve(command.ref)
                return await replay(provider, ref, command, self._diagnosis_config(), redactor, now)
            case RulesCommand():
                return rules_answer(self._diagnosis_config().defaults)
            case JobsCommand():
                return await self._jobs(command)
            case WatchCommand() | UnwatchCommand() | ListCommand() | SilenceCommand() | UnsilenceCommand():
                return await self._about_channel(command, subscriptions.require_channel(self._store, asker), now)
            case HelpCommand():
                return help_answer(command, Frontend.SLACK if asker.channel is not None else Frontend.SHELL)

    async def _about_channel(self, command: ChannelCommand, channel: subscriptions.Channel, now: datetime) -> Answer:
        registry, redactor = self._registry, self._redactor
        match command:
            case WatchCommand():
                return await subscriptions.watch(
                    registry, channel, command, redactor, now, self._diagnosis_config().defaults
                )
            case UnwatchCommand():
                return await subscriptions.unwatch(registry, channel, command)
            case ListCommand():
                return await subscriptions.list_watched(channel, redactor, now)
            case SilenceCommand():
                return await subscriptions.silence(registry, channel, command, now)
            case UnsilenceCommand():
                return await subscriptions.unsilence(channel, command, now)

    async def _status(self, command: StatusCommand, asker: Asker, now: datetime) -> StatusAnswer:
        provider, ref = self._registry.resolve(command.ref)
        answer = await job_queries.read_status(provider, ref, self._redactor, now)
        if self._store is None or asker.channel is None:
            return answer
        job = answer.job.ref
        subscriptions = [one for one in await self._store.subscriptions.for_job(job) if one.channel == asker.channel]
        incidents = await self._store.deliveries.open_incidents(asker.channel, job)
        return replace(answer, watched_by=tuple(subscriptions), incidents=incidents)

    async def _jobs(self, command: JobsCommand) -> JobsAnswer:
        return await job_queries.list_jobs(self._registry, command, self._redactor)


def error_answer(problem: BotError, redactor: Redactor) -> ErrorAnswer:
    """What went wrong, safe to show, with the wait that the platform asks for."""
    public = redactor.redact(problem.public)[0]
    if isinstance(problem, JobNotFound):
        public = f"{public} `jobs` lists what there is."
    if isinstance(problem, ProviderError) and problem.retry_after is not None:
        public = f"{public} Try again in {format_duration(problem.retry_after)}."
    return ErrorAnswer(public, problem.usage if isinstance(problem, UsageError) else None)
