"""A shell that runs commands and records their output."""

from __future__ import annotations

import asyncio
import io
from datetime import datetime, timedelta

from bot.commands.parsing.parser import parse_argv
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.shell import FollowCommand
from bot.commands.subcommands.table import SharedCommand
from bot.errors import BotError
from bot.redaction.redactor import Redactor
from bot.terminal.app import Session
from bot.terminal.follow import FollowContext
from bot.terminal.output import Output
from tests.fakes.provider import NOW, FakeProvider, registry_of

SECRET = "s3cret-key"
"""A configured secret, which no output may contain."""


class Shell:
    """Runs commands on the given providers and records their output."""

    def __init__(self, *providers: FakeProvider, colour: bool = False, width: int = 100) -> None:
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.now = NOW
        self.output = Output(self.stdout, self.stderr, colour=colour, width=width)
        runner = CommandRunner(registry_of(*providers), lambda: self.now, Redactor([SECRET]))
        self.session = Session(runner, self.output)

    async def type(self, *argv: str) -> int:
        command = parse_argv(argv)
        assert isinstance(command, LogsCommand | FollowCommand | SharedCommand)
        return await self.session.run(command)

    @property
    def out(self) -> str:
        return self.stdout.getvalue()

    @property
    def err(self) -> str:
        return self.stderr.getvalue()

    def follow_context(self, *, until: datetime | None = None) -> FollowContext:
        """A context whose sleep advances the clock, and raises StopFollowing after `until`."""

        async def sleep(seconds: float) -> None:
            self.now += timedelta(seconds=seconds)
            if until is not None and self.now > until:
                raise StopFollowing
            await asyncio.sleep(0)

        return FollowContext(self.output, Redactor(), lambda: self.now, sleep)


class StopFollowing(BotError):
    """Raised to end a follow."""
