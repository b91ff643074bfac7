"""After an outage of Slack, what waits is sent at once: the first message that arrives releases all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.alerts import Delivery, DeliveryKind, NotifyReason
from bot.slack.client import create_client
from bot.slack.notifier import SlackNotifier
from bot.store.store import Store
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.outage import OutageSettings
from emulator.slack.app import BOT_TOKEN, Slack, served
from emulator.slack.faults import Fault
from tests.fakes.clock import ManualClock
from tests.integration.slack_harness import slack_with_scopes
from tests.integration.store.building import add_to_outbox
from tests.support.scopes import GRANTED
from tests.support.waiting import LONGEST_S, eventually
from tests.unit.slack.factories import notification

CHANNELS = 20
OUTAGES = {
    "connection reset": Fault("reset", is_reset=True, times=10**6),
    "server error": Fault("service_unavailable", status=503, times=10**6),
    "no answer": Fault("stall", delay_s=60.0, times=10**6),
}
SETTINGS = DeliverySettings(
    longest_retry=timedelta(hours=1),
    first_retry=timedelta(hours=1),
    look_after=timedelta(0),
    send_timeout_s=0.5,
    outage=OutageSettings(slow_s=0.2, ping_every_s=0.1, ping_timeout_s=0.2),
)


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    slack = slack_with_scopes([scope for scope in GRANTED if not scope.endswith(":history")])
    async with served(slack):
        yield slack


def posted(slack: Slack) -> int:
    return sum(len(channel.messages) for channel in slack.workspace.channels.values())


async def fill_outbox(store: Store, slack: Slack, now: datetime) -> None:
    """One note for each of many channels."""
    news = []
    for number in range(CHANNELS):
        channel = slack.workspace.add_channel(f"runs-{number}", members=("ada", "trainwatch")).id
        note = notification(DeliveryKind.NOTE, reason=NotifyReason.NOTE, incident=None, text="Ended.")
        news.append(Delivery(f"{number}", channel, note))
    await add_to_outbox(store, now, *news)


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
async def test_everything_is_sent_when_slack_is_back(store: Store, slack: Slack, outage: Fault) -> None:
    clock = ManualClock(datetime.now(UTC))
    await fill_outbox(store, slack, clock())
    deliverer = Deliverer(store, SlackNotifier(create_client(BOT_TOKEN, slack.api_url)), clock, SETTINGS)
    slack.context.faults.order("*", replace(outage))
    running = asyncio.create_task(_deliver(deliverer))
    await eventually(lambda: sum(method == "auth.test" for method, _ in slack.context.calls) > 1)
    assert posted(slack) == 0

    slack.context.faults.clear()

    await eventually(lambda: posted(slack) >= CHANNELS, LONGEST_S)  # the manual clock passes no retry time
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await deliverer.stop()


async def test_nothing_is_tried_while_slack_is_unreachable(store: Store, slack: Slack) -> None:
    clock = ManualClock(datetime.now(UTC))
    await fill_outbox(store, slack, clock())
    settings = replace(SETTINGS, channels=2)
    deliverer = Deliverer(store, SlackNotifier(create_client(BOT_TOKEN, slack.api_url)), clock, settings)
    slack.context.faults.order("*", Fault("reset", is_reset=True, times=10**6))

    for _ in range(30):
        await deliverer.tick()
    await deliverer.stop()

    tried = sum(method == "chat.postMessage" for method, _ in slack.context.calls)
    assert tried < 3 + settings.channels + 1


async def _deliver(deliverer: Deliverer) -> None:
    while True:
        await deliverer.tick()
        await asyncio.sleep(0.01)
