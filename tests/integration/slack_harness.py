"""The bot's Slack side on the emulated Slack: real Bolt, real commands on SQLite, one fake provider."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from slack_bolt.async_app import AsyncApp

from bot.charts.painter import Painter
from bot.commands.channel_runner import ChannelRunner
from bot.commands.handlers.job_lookup import JobDirectory
from bot.commands.runner import CommandRunner
from bot.domain.access import OPEN_ACCESS, AccessPolicy
from bot.domain.alerts import Delivery, DeliveryKind, Incident
from bot.domain.logs import LogLine
from bot.domain.subscriptions import RuleSettings
from bot.domain.watches import PollResult
from bot.providers.budget import UNLIMITED, BudgetLimits
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, shipped_diagnosis_config
from bot.slack.connection import SocketConnection, create_app
from bot.slack.contacts import Contacts
from bot.slack.copies import CopyCleaner, watch_copies
from bot.slack.listeners import Listeners, register
from bot.slack.log_sharing import SharedLogLimits
from bot.slack.notifier import SlackNotifier
from bot.slack.pictures import Pictures
from bot.slack.running_commands import NoteTimes
from bot.store.store import Store
from bot.watcher.deliver import Deliverer
from emulator.slack.app import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Slack, create_slack, served
from emulator.slack.limits import RateLimits
from emulator.slack.model import Channel, Message
from emulator.slack.person_actions import Seen
from tests.fakes.clock import ManualClock
from tests.fakes.provider import FakeProvider, registry_of
from tests.support.scopes import GRANTED
from tests.support.waiting import LONGEST_S
from tests.unit.slack.factories import NOW, REF, incident, job, line, notification

SECRET = "hunter2hunter2"
"""A configured secret, which no message may contain."""


def step_lines(count: int, text: str = "step {} loss 2.5") -> list[LogLine]:
    """Lines of one rank, a second apart, the newest a second before NOW; `{}` is their number."""
    return [line(text.format(number), (number - count) / 60) for number in range(count)]


def create_provider() -> FakeProvider:
    """A platform named baseten with one running job, whose log holds two lines."""
    return FakeProvider(step_lines(2), name="baseten", jobs={REF.id: job()})


@dataclass
class SlackHarness:
    """Everything a test touches."""

    store: Store
    slack: Slack = field(default_factory=lambda: create_slack(scopes=GRANTED, limits=RateLimits(enabled=False)))
    provider: FakeProvider = field(default_factory=create_provider)
    diagnosis_config: Callable[[], DiagnosisConfig] = shipped_diagnosis_config
    patience_s: float = 60.0
    """How long an answer may take before a note is shown."""
    progress_s: float = 60.0
    """How much later its progress is shown, and how often it is edited."""
    limits: BudgetLimits = UNLIMITED
    """Of one command."""
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    access: AccessPolicy = OPEN_ACCESS
    shared_logs: SharedLogLimits = field(default_factory=lambda: SharedLogLimits(quiet_s=0.05))
    app: AsyncApp = field(init=False)
    listeners: Listeners = field(init=False)
    contacts: Contacts = field(init=False)
    painter: Painter = field(default_factory=Painter)

    def start(self) -> None:
        """Build the app; call it while the emulated Slack is served."""
        registry, redactor = registry_of(self.provider), Redactor([SECRET])
        directory = JobDirectory(self.store.known_jobs.save)
        commands = CommandRunner(registry, self.clock, redactor, self.diagnosis_config, directory=directory)
        runner = ChannelRunner(commands, self.store)
        self.app = create_app(BOT_TOKEN, api_url=self.slack.api_url, signing_secret=SIGNING_SECRET)
        times = NoteTimes(self.patience_s, self.progress_s)
        self.listeners = Listeners(
            runner,
            self.store,
            self.clock,
            access=self.access,
            note_times=times,
            limits=self.limits,
        )
        messages = self.listeners.messages
        self.listeners.messages = replace(messages, sharing=replace(messages.sharing, sizes=self.shared_logs))
        register(self.app, self.listeners)
        watch_copies(self.app, CopyCleaner(self.store.copies, self.clock, self.listeners.tasks, delay_s=0.1))
        self.contacts = Contacts(self.app.client, self.store.preferences, self.clock)

    def channel(self, name: str = "#training") -> Channel:
        return self.slack.workspace.channel(name)

    async def command(
        self, text: str = "", *, user: str = "ada", channel: str = "#training", wait_s: float = LONGEST_S
    ) -> Seen:
        """Type `/train` and this text."""
        return await self.slack.person_actions.slash(user, channel, "/train", text, wait_s=wait_s)

    async def post_alert(self) -> Message:
        """Post an incident's root message into #training."""
        root = notification(DeliveryKind.ROOT)
        await SlackNotifier(self.app.client).send(root, channel=self.channel().id, root=None, delivery_id="dlv-1")
        return self.channel().messages[-1]

    async def save_incident(self, about: Incident, *kinds: DeliveryKind) -> None:
        """Have a poll of the job save this incident and these deliveries."""
        await self.save(
            about,
            *(Delivery(f"{index}", about.channel, notification(kind, about)) for index, kind in enumerate(kinds)),
        )

    async def save(self, about: Incident, *deliveries: Delivery) -> None:
        """Have a poll of the job save this incident and these deliveries."""
        now = self.clock()
        await self.store.subscriptions.add(about.channel, "T1", about.job.ref, "U0ADA", RuleSettings(), now)
        (watch,) = await self.store.watches.claim_due(now, lease=timedelta(minutes=1))
        result = PollResult(
            watch.id,
            watch.token,
            next_due_at=now + timedelta(minutes=1),
            last_job=about.job,
            seen_at=now,
            incidents=[about],
            deliveries=deliveries,
        )
        await self.store.watches.settle([result], now)

    async def deliver(self) -> None:
        """Send what is due, as the delivery loop does."""
        pictures = Pictures(self.app.client, self.painter, (0.05, 0.05, 0.05))
        notifier = SlackNotifier(self.app.client, self.contacts, pictures=pictures)
        deliverer = Deliverer(self.store, notifier, self.clock, follow_ups=notifier.follow_ups)
        while await deliverer.tick():
            pass

    async def saved_incident(self) -> Incident:
        """The incident as stored."""
        saved = await self.store.incidents.find(incident().id)
        assert saved is not None
        return saved

    async def acknowledged_by(self) -> str | None:
        """Who acknowledged the saved incident."""
        taken = (await self.saved_incident()).acknowledgement
        return taken.by if taken else None


@asynccontextmanager
async def running(harness: SlackHarness) -> AsyncIterator[SlackHarness]:
    """The harness, connected by Socket Mode."""
    harness.slack.sockets.ack_within_s = LONGEST_S
    async with served(harness.slack):
        harness.start()
        connection = SocketConnection(harness.app, APP_TOKEN, ping_s=10)
        task = asyncio.create_task(connection.run())
        try:
            await connection.connected()
            await harness.slack.sockets.wait_for_connections()
            yield harness
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await harness.listeners.tasks.drain(1)
            harness.painter.close()
            harness.listeners.painter.close()


def slack_with_scopes(scopes: Iterable[str], clock: Callable[[], float] = time.time) -> Slack:
    """An emulated Slack whose app was granted these scopes only, and its clock."""
    return create_slack(scopes=scopes, limits=RateLimits(enabled=False), clock=clock, steady=time.time)


def at_least(count: int, messages: list[Message]) -> list[Message] | None:
    """The messages once there are enough, for `person_actions.until`."""
    return messages if len(messages) >= count else None
