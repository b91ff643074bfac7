"""One command typed in a shell, from its platforms to the output and an exit code. `bot.__main__` builds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType

from bot.commands.command import (
    JobsCommand,
    LogsCommand,
    MetricsCommand,
    StatusCommand,
    WatchCommand,
)
from bot.commands.looking import list_jobs, read_metrics, read_status
from bot.domain.redaction import Redactor
from bot.rules.settings import parse_settings
from bot.terminal.downloading import download
from bot.terminal.following import World, follow
from bot.terminal.logs import print_logs
from bot.terminal.machine import jobs_json, metrics_json, status_json
from bot.terminal.output import Output
from bot.terminal.render.answers import render

if TYPE_CHECKING:
    from bot.providers.registry import Registry

FINE, REFUSED = 0, 1
"""Exit codes; 2, what was typed or set up is wrong, comes from a UsageError or ConfigError."""

Reading = LogsCommand | MetricsCommand | StatusCommand | JobsCommand | WatchCommand
"""The commands that need platforms and nothing else."""


@dataclass(frozen=True, slots=True)
class Session:
    """A shell's command with all it needs."""

    registry: Registry
    redactor: Redactor
    output: Output
    clock: Callable[[], datetime]

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
            case WatchCommand():
                provider, ref = self.registry.resolve(command.ref)
                settings = parse_settings(command.settings)
                world = World(self.output, self.redactor, self.clock)
                await follow(provider, ref, LogsCommand(command.ref, follow=True), world, settings)
                return FINE

    async def _logs(self, command: LogsCommand) -> int:
        provider, ref = self.registry.resolve(command.ref)
        if command.follow:
            await follow(provider, ref, command, World(self.output, self.redactor, self.clock))
        elif command.download is not None:
            await download(provider, ref, command, self.output, self.redactor, self.clock())
        else:
            await print_logs(provider, ref, command, self.output, self.redactor, self.clock())
        return FINE

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
            show(self.output, what)


def show(output: Output, what: RenderableType) -> None:
    """Print something rich can render."""
    output.clear_progress()
    width = output.width if output.colour else max(output.width, 160)
    console = Console(
        file=output.out, force_terminal=output.colour, color_system="auto" if output.colour else None,
        width=width, highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    console.print(what)
