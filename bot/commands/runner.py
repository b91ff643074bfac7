"""Run a command and return its answer, for both frontends. Handlers redact what they read; frontends render it.

Commands that only a Slack channel has are answered in `channel_runner`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar, assert_never

from bot.commands.answers import ErrorAnswer
from bot.commands.handlers.job_lookup import JobDirectory, JobLookup, JobsSource
from bot.commands.handlers.jobs import find_jobs, read_metrics, read_status
from bot.commands.subcommands.audit import AuditCommand
from bot.commands.subcommands.channel_check import ChannelCheckCommand
from bot.commands.subcommands.digest import DigestCommand
from bot.commands.subcommands.jobs import DiagnoseCommand, JobsCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.notify import NotifyCommand, NotifyMeCommand
from bot.commands.subcommands.patterns import UnwatchPatternCommand, WatchPatternCommand
from bot.commands.subcommands.rules import ReplayCommand, RulesCommand
from bot.commands.subcommands.shell import FollowCommand
from bot.commands.subcommands.subscriptions import ListCommand, UndoUnwatchCommand, UnsilenceCommand
from bot.commands.subcommands.table import HelpCommand, SharedAnswer, SharedCommand, SlackCommand
from bot.domain.durations import Clock, spoken_duration
from bot.errors import BotError, ConfigError, JobNotFound, ProviderError, RateLimited, UsageError
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor

if TYPE_CHECKING:  # `jobs` and `status` start faster without them
    from bot.rules.diagnosis_config import DiagnosisConfig


def _shipped_config() -> DiagnosisConfig:
    from bot.rules.diagnosis_config import shipped_diagnosis_config  # noqa: PLC0415

    return shipped_diagnosis_config()


_WITHOUT_JOB = (
    JobsCommand,
    HelpCommand,
    ListCommand,
    UndoUnwatchCommand,
    UnsilenceCommand,
    WatchPatternCommand,
    UnwatchPatternCommand,
    NotifyCommand,
    NotifyMeCommand,
    DigestCommand,
    AuditCommand,
    ChannelCheckCommand,
)
_LEAVE_ALONE_FOR = timedelta(minutes=1)
"""For a platform that limits requests without naming a time."""
AskedT = TypeVar("AskedT", bound=SlackCommand | FollowCommand)


@dataclass(frozen=True, slots=True)
class ResolvedCommand(Generic[AskedT]):
    """A command whose job is a full reference, and a note on how it was found."""

    command: AskedT
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Answers the commands that both frontends have."""

    registry: Registry
    clock: Clock
    redactor: Redactor
    diagnosis_config: Callable[[], DiagnosisConfig] = _shipped_config
    """Called when a command needs it, because compiling signatures takes a while."""
    user: str | None = None
    """The e-mail address of the person at the shell, for `jobs mine`."""
    directory: JobDirectory = field(default_factory=JobDirectory)

    async def resolve(
        self, command: AskedT, watched: Sequence[JobsSource] = ()
    ) -> ResolvedCommand[AskedT] | ErrorAnswer:
        """Replace an id, a name or a page by the reference of the job. Names are looked up in `watched` first."""
        if isinstance(command, _WITHOUT_JOB) or command.ref is None:
            return ResolvedCommand(command)
        lookup = JobLookup(self.registry, self.redactor, self.directory, self.clock(), watched)
        try:
            job = await lookup.resolve(command.ref)
        except BotError as problem:
            return error_answer(problem, self.redactor)
        return job if isinstance(job, ErrorAnswer) else ResolvedCommand(replace(command, ref=job.ref), job.note)

    async def run(self, command: SharedCommand) -> SharedAnswer | ErrorAnswer:
        """The answer, without secrets. An expected failure is an ErrorAnswer."""
        try:
            return await self._answer(command)
        except BotError as problem:
            return await self.explain(problem, command)

    async def explain(self, problem: BotError, command: SlackCommand | FollowCommand) -> ErrorAnswer:
        """Return what went wrong, with similar jobs when the job does not exist."""
        answer = error_answer(problem, self.redactor)
        if not isinstance(problem, JobNotFound) or isinstance(command, _WITHOUT_JOB) or command.ref is None:
            return answer
        lookup = JobLookup(self.registry, self.redactor, self.directory, self.clock())
        suggestions = await lookup.suggest(command.ref)
        what = "Did you mean:" if suggestions else "`jobs` lists the newest jobs."
        return replace(answer, public=f"{answer.public} {what}", typed=command.ref, suggestions=suggestions)

    async def _answer(self, command: SharedCommand) -> SharedAnswer:
        resolve, redactor, now = self.registry.resolve, self.redactor, self.clock()
        match command:
            case MetricsCommand():
                return await read_metrics(*resolve(command.ref), command, redactor, now)
            case StatusCommand():
                return await read_status(*resolve(command.ref), redactor, now, lambda: self.diagnosis_config().scanner)
            case DiagnoseCommand():
                from bot.commands.handlers.diagnose import diagnose  # noqa: PLC0415

                return await diagnose(*resolve(command.ref), command, self.diagnosis_config().scanner, redactor, now)
            case JobsCommand():
                user = command.user or (self.user if command.mine else None)
                return await find_jobs(
                    self.registry, replace(command, user=user), redactor, lambda jobs: self.directory.record(jobs, now)
                )
            case RulesCommand():
                from bot.commands.handlers.rules import rules_answer  # noqa: PLC0415

                if command.ref is not None:
                    raise UsageError("Only Slack channels have settings for one job. Use `rules`, or `rules test REF`.")
                return rules_answer(self.diagnosis_config().defaults)
            case ReplayCommand():
                from bot.commands.handlers.rules import ReplaySettings, replay  # noqa: PLC0415

                tested = ReplaySettings(self.diagnosis_config())
                return await replay(*resolve(command.ref), command, tested, redactor, now)
            case _:
                assert_never(command)


def error_answer(problem: BotError, redactor: Redactor) -> ErrorAnswer:
    """What went wrong, without secrets, with the next step where there is one."""
    public = redactor.redact(problem.public)[0]
    if isinstance(problem, ProviderError) and problem.retry_after is not None:
        public = f"{public} Try again in {spoken_duration(problem.retry_after)}."
    return ErrorAnswer(
        public,
        usage=problem.usage if isinstance(problem, UsageError) else None,
        is_misuse=isinstance(problem, UsageError | ConfigError),
        retry_after=_retry_after(problem),
    )


def _retry_after(problem: BotError) -> timedelta | None:
    after = problem.retry_after if isinstance(problem, ProviderError) else None
    return after or (_LEAVE_ALONE_FOR if isinstance(problem, RateLimited) else None)
