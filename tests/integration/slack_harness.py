"""The bot's Slack side on the emulated Slack, with a runner and a store that say what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from slack_bolt.async_app import AsyncApp

from bot.commands.answers import Answer, Asker, ErrorAnswer, SystemStatus
from bot.commands.handlers.rules import rules_answer
from bot.commands.parsing import parser as grammar
from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.help import overview
from bot.commands.parsing.spec import Frontend
from bot.commands.subcommands.help import HelpCommand
from bot.commands.subcommands.jobs import StatusAnswer, StatusCommand
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.commands.subcommands.subscriptions import (
    SilenceAnswer,
    SilenceCommand,
    UnwatchAnswer,
    UnwatchCommand,
    WatchAnswer,
    WatchCommand,
    Watched,
)
from bot.commands.subcommands.table import Command
from bot.domain.alerts import Incident
from bot.domain.logs import LogLine
from bot.domain.subscriptions import Silence, Subscription
from bot.providers.base import RequestRate
from bot.rules.settings import AS_SHIPPED
from bot.slack.background_tasks import TaskSet
from bot.slack.connection import SocketConnection, create_app
from bot.slack.listeners import Runner, register
from emulator.slack.app import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Slack, create_slack, served
from emulator.slack.limits import RateLimits
from tests.unit.slack.factories import NOW, REF, incident, job, line

GRANTED = ("app_mentions:read", "channels:read", "chat:write", "commands", "files:write", "groups:read")


@dataclass
class FakeRunner:
    """Answers from canned values; remembers who asked what."""

    asked: list[tuple[Command, Asker]] = field(default_factory=list)
    lines: tuple[LogLine, ...] = (line("step 1 loss 2.5"), line("step 2 loss 2.4"))
    delay_s: float = 0.0
    failure: Exception | None = None
    gate: asyncio.Event | None = None

    async def run(self, command: Command, asker: Asker) -> Answer:
        self.asked.append((command, asker))
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(self.delay_s)
        if self.failure is not None:
            raise self.failure
        subscription = Subscription(1, asker.channel or "", REF, asker.user, NOW)
        match command:
            case LogsCommand():
                pinned = format_command(command)
                return LogsAnswer(
                    REF, self.lines, None, NOW, len(self.lines), pinned=pinned, older=f"{pinned} --tail 7"
                )
            case StatusCommand():
                return StatusAnswer(job(), NOW)
            case WatchCommand():
                return WatchAnswer(subscription, job(), True, rules_answer(AS_SHIPPED).rules)
            case UnwatchCommand():
                return UnwatchAnswer((REF,))
            case SilenceCommand():
                return SilenceAnswer(Silence(7, asker.channel or "", (), asker.user, NOW, NOW + command.duration))
            case HelpCommand():
                return overview(Frontend.SLACK)
            case _:
                return ErrorAnswer("There is no such job.")

    async def strain(self) -> SystemStatus:
        return SystemStatus(timedelta(minutes=2), 3, timedelta(minutes=1), {"baseten": RequestRate(1234, 3200)})


@dataclass
class FakeStore:
    """What listeners ask of the store."""

    known: dict[str, Incident] = field(default_factory=lambda: {"inc-0123456789ab": incident()})
    acknowledged: list[tuple[str, str, datetime]] = field(default_factory=list)
    waiting: int = 0
    """Messages that wait for an invitation."""
    watches: bool = False
    """Whether channels watch something."""

    @property
    def deliveries(self) -> FakeStore:
        return self

    @property
    def subscriptions(self) -> FakeStore:
        return self

    async def acknowledge(self, incident_id: str, user: str, now: datetime) -> Incident | None:
        self.acknowledged.append((incident_id, user, now))
        return self.known.get(incident_id)

    async def retry_now(self, channel: str, now: datetime) -> int:
        return self.waiting

    async def list(self, channel: str) -> Sequence[Watched]:
        return await self.of_user("U0ADA") if self.watches else []

    async def of_user(self, user: str) -> Sequence[Watched]:
        return [Watched(Subscription(1, "C0RUNS", REF, user, NOW), job(), NOW - timedelta(minutes=1), 2)]

    async def last_heartbeat(self, name: str) -> datetime | None:
        return NOW - timedelta(seconds=3)


@dataclass
class Bench:
    """Everything a test touches."""

    slack: Slack
    app: AsyncApp
    runner: FakeRunner
    store: FakeStore
    tasks: TaskSet


@asynccontextmanager
async def socket_bench(scopes: Iterable[str] = GRANTED, answering: Runner | None = None) -> AsyncIterator[Bench]:
    """The bot connected by Socket Mode; `answering` answers in place of the canned one."""
    slack = create_slack(scopes=scopes, limits=RateLimits(enabled=False))
    async with served(slack):
        app = create_app(BOT_TOKEN, api_url=slack.api_url, signing_secret=SIGNING_SECRET)
        runner, store = FakeRunner(), FakeStore()
        tasks = register(app, answering or runner, store, lambda: NOW)
        bench = Bench(slack, app, runner, store, tasks)
        connection = SocketConnection(app, APP_TOKEN, ping_s=1)
        running = asyncio.create_task(connection.run())
        try:
            await connection.connected()
            await slack.sockets.wait_for_connections()
            yield bench
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await tasks.drain(1)


def asked(bench: Bench) -> list[str]:
    """The commands that were run, as text."""
    return [type(command).__name__ for command, _ in bench.runner.asked]


def parsed(text: str) -> Command:
    """The command a text stands for."""
    return grammar.parse(text)
