"""What the health addresses and the dead man's switch report: loops, database, Slack, platforms, clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.errors import DeliveryError
from bot.health.canary import CANARY_CHANNEL, Canary, CanaryRoute
from bot.health.database_monitor import DatabaseMonitor
from bot.health.dead_man_switch import DeadManSwitch
from bot.health.exposition import Exposition
from bot.health.monitor import ClockReading, HealthMonitor
from bot.health.server import create_health_app
from bot.health.slack_monitor import SlackMonitor
from bot.store.store import Store
from bot.watcher.deliver import Deliverer
from tests.fakes.channels import Channels
from tests.fakes.clock import ManualClock, ManualMonotonicClock
from tests.fakes.provider import FakeProvider, registry_of

LOOPS = ("poll", "deliver")


@dataclass
class Bot:
    """The parts of a bot that its health depends on; tests break them."""

    store: Store
    clock: ManualClock
    seconds: ManualMonotonicClock = field(default_factory=ManualMonotonicClock)
    ages_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LOOPS, 1.0))
    slack_error: DeliveryError | None = None
    socket_silence_s: float = 1.0
    platforms: dict[str, bool] = field(default_factory=lambda: {"baseten": True, "fireworks": True})
    offset: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.database = DatabaseMonitor(self.store, self.seconds)
        self.slack = SlackMonitor(self.ping, lambda: self.socket_silence_s, self.seconds)
        self.monitor = HealthMonitor(
            self.database, lambda: self.ages_s, LOOPS, self.slack, lambda: self.platforms, self.read_clock
        )
        self.canary = Canary(self.store, self.clock)
        registry = registry_of(FakeProvider())
        self.exposition = Exposition(self.store, registry, self.monitor, self.canary, self.clock)

    async def ping(self) -> None:
        if self.slack_error is not None:
            raise self.slack_error

    def read_clock(self) -> ClockReading:
        return ClockReading(self.offset, jumps=0)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass with a check every 15 s."""
        for _ in range(int(seconds // 15)):
            self.seconds.advance(15)
            await self.slack.tick()
            await self.database.tick()

    def failing(self) -> list[str]:
        return [one.subject for one in self.monitor.results() if not one.ok]


@pytest.fixture
async def bot(store: Store, clock: ManualClock) -> Bot:
    bot = Bot(store, clock)
    await bot.pass_time(15)
    return bot


@pytest.fixture
async def client(bot: Bot) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(create_health_app(bot.monitor, bot.exposition))) as client:
        yield client


async def test_a_healthy_bot_is_ready(bot: Bot, client: TestClient[Any, Any]) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert 200 == (await client.get(path)).status
    body = await (await client.get("/readyz")).json()
    assert body["ok"]
    subjects = {one["subject"] for one in body["checks"]}
    assert {"poll loop", "Database writable", "Slack Web API", "Slack connection", "baseten", "Clock"} <= subjects


@pytest.mark.parametrize("name", LOOPS)
async def test_a_stuck_loop_fails_both_checks(bot: Bot, client: TestClient[Any, Any], name: str) -> None:
    bot.ages_s[name] = 121
    assert [f"{name} loop"] == bot.failing()
    assert [503, 503] == [(await client.get(path)).status for path in ("/healthz", "/readyz")]


async def test_a_dead_slack_fails_readiness_but_not_liveness(bot: Bot, client: TestClient[Any, Any]) -> None:
    bot.slack_error = DeliveryError("Slack cannot be reached.", reason="timeout", permanent=False)
    await bot.pass_time(45)
    assert [] == bot.failing()
    await bot.pass_time(30)
    assert ["Slack Web API"] == bot.failing()
    assert [200, 503] == [(await client.get(path)).status for path in ("/healthz", "/readyz")]
    bot.slack_error = None
    await bot.pass_time(15)
    assert [] == bot.failing()


async def test_a_silent_socket_fails_readiness(bot: Bot) -> None:
    bot.socket_silence_s = 61
    assert ["Slack connection"] == bot.failing()


@pytest.mark.parametrize(
    ("platforms", "failing"),
    [
        ({}, []),
        ({"baseten": True, "fireworks": False}, []),
        ({"baseten": False, "fireworks": False}, ["baseten", "fireworks"]),
        ({"baseten": False}, ["baseten"]),
    ],
)
async def test_a_platform_counts_when_none_can_be_read(
    bot: Bot, platforms: dict[str, bool], failing: list[str]
) -> None:
    bot.platforms = platforms
    assert failing == bot.failing()


@pytest.mark.parametrize("hours", [2, -2])
async def test_a_system_clock_that_differs_is_reported_but_harmless(bot: Bot, hours: int) -> None:
    bot.offset = timedelta(hours=hours)
    assert [] == bot.failing()
    found = next(one.found for one in bot.monitor.results() if one.subject == "Clock")
    assert "2 h" in found
    assert ("ahead of" in found) == (hours > 0)


async def test_a_database_that_goes_away_fails_readiness(bot: Bot, tmp_path: Path) -> None:
    (tmp_path / "bot.db").write_bytes(b"this is not a database" * 1000)
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"bot.db{suffix}").unlink(missing_ok=True)
    await bot.store.aclose()
    await bot.pass_time(15)
    (problem,) = [one for one in bot.monitor.results() if not one.ok]
    assert "not a database" in problem.found
    assert "Restore a backup" in str(problem.remedy)


async def test_the_canary_goes_through_the_outbox_and_not_to_slack(bot: Bot, clock: ManualClock) -> None:
    channels = Channels()
    deliverer = Deliverer(bot.store, CanaryRoute(channels, bot.canary), clock)
    for _ in range(3):
        clock.advance(timedelta(minutes=3))
        await bot.canary.tick()
        clock.advance(timedelta(seconds=2))
        while await deliverer.tick():
            pass
        assert clock() == bot.canary.arrived_at
    assert [] == channels.tried
    text = (await bot.exposition.write()).decode()
    assert "trainwatch_canary_age_seconds 0.0" in text
    assert 'trainwatch_queue_depth{severity="other"} 0.0' in text
    assert 'trainwatch_incidents{state="resolved"} 0.0' in text
    assert CANARY_CHANNEL not in text


async def test_the_dead_mans_switch_is_pinged_only_while_healthy(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    pings: list[str] = []
    status = 200

    async def receive(request: web.Request) -> web.Response:
        pings.append(request.path)
        return web.Response(status=status)

    application = web.Application()
    application.router.add_get("/secret-token", receive)
    async with TestServer(application) as server:
        switch = DeadManSwitch(str(server.make_url("/secret-token")), bot.monitor, every_s=0)
        await switch.tick()
        assert ["/secret-token"] == pings
        bot.ages_s["poll"] = 121
        await switch.tick()
        assert 1 == len(pings)
        bot.ages_s["poll"] = 1
        status = 500
        await switch.tick()
    await switch.tick()
    assert "secret-token" not in caplog.text + str([vars(one) for one in caplog.records])
    assert caplog.messages == [
        "dead man's switch not pinged",
        "dead man's switch did not answer",
        "dead man's switch did not answer",
    ]
    await asyncio.sleep(0)
