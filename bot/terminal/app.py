"""One command typed in a shell, from its platforms to the output and an exit code. `bot.__main__` builds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import RenderableType

from bot.commands.handlers.diagnose import diagnose
from bot.commands.handlers.job_queries import list_jobs, read_metrics, read_status
from bot.commands.handlers.replay import replay
from bot.commands.handlers.rules import rules_answer
from bot.commands.subcommands.jobs import DiagnoseCommand, JobsCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.rules import ReplayCommand, RulesCommand
from bot.commands.subcommands.subscriptions import WatchCommand
from bot.commands.subcommands.table import Reading
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, shipped_diagnosis_config
from bot.rules.settings import overlay, parse_settings
from bot.terminal.download import download
from bot.terminal.follow import FollowContext, follow
from bot.terminal.json_output import diagnosis_json, jobs_json, metrics_json, replay_json, rules_json, status_json
from bot.terminal.local_alerts import Alerting
from bot.terminal.logs import print_logs
from bot.terminal.output import Output, print_rich
from bot.terminal.render.answers import render

if TYPE_CHECKING:
    from bot.providers.registry import Registry

FINE, REFUSED = 0, 1
"""Exit codes; 2, what was typed or set up is wrong, comes from a UsageError or ConfigError."""


@dataclass(frozen=True, slots=True)
class Session:
    """A shell's command with all it needs."""

    registry: Registry
    redactor: Redactor
    output: Output
    clock: Callable[[], datetime]
    diagnosis_config: Callable[[], DiagnosisConfig] = shipped_diagnosis_config
    """Asked when a command needs it: compiling signatures takes a moment."""

    async def run(self, command: Reading) -> int:
        """Write what the command asks for; the exit code.

        Raises:
            BotError: it did not work, and why.
        """
        match command:
            case LogsCommand():
                return await self._logs(command)
            case MetricsCommand():
                return await self._metrics(command)
            case StatusCommand():
                provider, ref = self.registry.resolve(command.ref)
                status = await read_status(provider, ref, self.redactor, self.clock())
                self._show(status_json(status) if command.json else render(status))
                return FINE
            case JobsCommand():
                return await self._jobs(command)
            case DiagnoseCommand() | RulesCommand() | ReplayCommand():
                await self._understand(command)
                return FINE
            case WatchCommand():
                await self._watch(command)
                return FINE

    async def _logs(self, command: LogsCommand) -> int:
        provider, ref = self.registry.resolve(command.ref)
        if command.follow:
            await follow(provider, ref, command, FollowContext(self.output, self.redactor, self.clock))
        elif command.download is not None:
            await download(provider, ref, command, self.output, self.redactor, self.clock())
        else:
            await print_logs(provider, ref, command, self.output, self.redactor, self.clock())
        return FINE

    async def _watch(self, command: WatchCommand) -> None:
        diagnosis_config = self.diagnosis_config()
        settings = overlay(diagnosis_config.defaults, parse_settings(command.settings, diagnosis_config.defaults))
        provider, ref = self.registry.resolve(command.ref)
        world = FollowContext(self.output, self.redactor, self.clock)
        alerting = Alerting(settings, diagnosis_config.scanner)
        await follow(provider, ref, LogsCommand(command.ref, follow=True), world, alerting)

    async def _understand(self, command: DiagnoseCommand | RulesCommand | ReplayCommand) -> None:
        diagnosis_config = self.diagnosis_config()
        if isinstance(command, RulesCommand):
            rules = rules_answer(diagnosis_config.defaults)
            self._show(rules_json(rules) if command.json else render(rules))
            return
        provider, ref = self.registry.resolve(command.ref)
        now = self.clock()
        if isinstance(command, DiagnoseCommand):
            diagnosis = await diagnose(provider, ref, command, diagnosis_config.scanner, self.redactor, now)
            self._show(diagnosis_json(diagnosis) if command.json else render(diagnosis))
        else:
            past = await replay(provider, ref, command, diagnosis_config, self.redactor, now)
            self._show(replay_json(past) if command.json else render(past))

    async def _metrics(self, command: MetricsCommand) -> int:
        provider, ref = self.registry.resolve(command.ref)
        answer = await read_metrics(provider, ref, command, self.redactor, self.clock())
        self._show(metrics_json(answer) if command.json else render(answer))
        return REFUSED if answer.gaps and not answer.summaries else FINE

    async def _jobs(self, command: JobsCommand) -> int:
        answer = await list_jobs(self.registry, command, self.redactor)
        self._show(jobs_json(answer) if command.json else render(answer))
        return REFUSED if any(one.problem and one.lists for one in answer.providers) else FINE

    def _show(self, what: RenderableType) -> None:
        """A document as it is, anything else through rich; a pipe gets wide tables and no colours."""
        if isinstance(what, str):
            self.output.write(what)
        else:
            print_rich(self.output, what)
