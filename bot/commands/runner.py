"""Run a command and return its answer, for both frontends. Handlers redact what they read; frontends render it.

Commands that only a Slack channel has are answered in `channel_runner`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from bot.commands.answers import ErrorAnswer
from bot.commands.handlers.jobs import list_jobs, read_metrics, read_status
from bot.commands.subcommands.jobs import DiagnoseCommand, JobsCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.rules import ReplayCommand, RulesCommand
from bot.commands.subcommands.table import SharedAnswer, SharedCommand
from bot.domain.durations import Clock, spoken_duration
from bot.errors import BotError, ConfigError, JobNotFound, ProviderError, UsageError
from bot.providers.registry import Registry
from bot.redaction.redactor import Redactor

if TYPE_CHECKING:  # `jobs` and `status` start faster without them
    from bot.rules.diagnosis_config import DiagnosisConfig


def _shipped_config() -> DiagnosisConfig:
    from bot.rules.diagnosis_config import shipped_diagnosis_config  # noqa: PLC0415

    return shipped_diagnosis_config()


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Answers the commands that both frontends have."""

    registry: Registry
    clock: Clock
    redactor: Redactor
    diagnosis_config: Callable[[], DiagnosisConfig] = _shipped_config
    """Called when a command needs it, because compiling signatures takes a while."""

    async def run(self, command: SharedCommand) -> SharedAnswer | ErrorAnswer:
        """The answer, without secrets. An expected failure is an ErrorAnswer."""
        try:
            return await self._answer(command)
        except BotError as problem:
            return error_answer(problem, self.redactor)

    async def _answer(self, command: SharedCommand) -> SharedAnswer:
        resolve, redactor, now = self.registry.resolve, self.redactor, self.clock()
        match command:
            case MetricsCommand():
                return await read_metrics(*resolve(command.ref), command, redactor, now)
            case StatusCommand():
                return await read_status(*resolve(command.ref), redactor, now)
            case DiagnoseCommand():
                from bot.commands.handlers.diagnose import diagnose  # noqa: PLC0415

                return await diagnose(*resolve(command.ref), command, self.diagnosis_config().scanner, redactor, now)
            case JobsCommand():
                return await list_jobs(self.registry, command.provider, command.limit, redactor)
            case RulesCommand():
                from bot.commands.handlers.rules import rules_answer  # noqa: PLC0415

                return rules_answer(self.diagnosis_config().defaults)
            case ReplayCommand():
                from bot.commands.handlers.rules import replay  # noqa: PLC0415

                return await replay(*resolve(command.ref), command, self.diagnosis_config(), redactor, now)
            case _:
                assert_never(command)


def error_answer(problem: BotError, redactor: Redactor) -> ErrorAnswer:
    """What went wrong, without secrets, with the next step where there is one."""
    public = redactor.redact(problem.public)[0]
    if isinstance(problem, JobNotFound):
        public = f"{public} `jobs` lists the jobs you can name."
    if isinstance(problem, ProviderError) and problem.retry_after is not None:
        public = f"{public} Try again in {spoken_duration(problem.retry_after)}."
    return ErrorAnswer(
        public,
        usage=problem.usage if isinstance(problem, UsageError) else None,
        is_misuse=isinstance(problem, UsageError | ConfigError),
    )
