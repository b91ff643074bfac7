"""The outbox, the Deliverer and the emulated Slack together: no alert is lost, whatever people do to a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.alerts import Delivery, DeliveryKind
from bot.slack.client import create_client
from bot.slack.notifier import SlackNotifier
from bot.store.store import Store
from bot.watcher.deliver import Deliverer, DeliverySettings
from emulator.slack.app import BOT_TOKEN, Slack, served
from emulator.slack.model import Message
from tests.fakes.clock import ManualClock
from tests.integration.slack_harness import slack_with_scopes
from tests.integration.store.building import add_to_outbox
from tests.unit.slack.factories import NOW, incident, notification


class DeliveryHarness:
    """An emulated workspace, an outbox and a manual clock."""

    def __init__(self, slack: Slack, store: Store) -> None:
        self.slack, self.store, self.clock = slack, store, ManualClock(NOW)
        self._notifier = SlackNotifier(create_client(BOT_TOKEN, slack.api_url))

    def sent_messages(self, channel: str) -> list[Message]:
        return self.slack.workspace.channel(channel).all_messages

    async def enqueue(self, channel: str, *kinds: DeliveryKind) -> None:
        """Have a poll put deliveries of one incident into the outbox."""
        about, now = incident(), self.clock()
        channel_id = self.slack.workspace.channel(channel).id
        deliveries = [Delivery(f"{now}:{kind}", channel_id, notification(kind, about)) for kind in kinds]
        await add_to_outbox(self.store, now, *deliveries, about=about)

    async def deliver(self, after: timedelta = timedelta(0)) -> None:
        """Deliver what is due by then, with a new Deliverer, because its pacing uses real time."""
        self.clock.advance(after)
        deliverer = self.deliverer()
        while await deliverer.tick():
            pass

    def deliverer(self) -> Deliverer:
        return Deliverer(self.store, self._notifier, self.clock, DeliverySettings(interval_s=0.0))


@pytest.fixture
async def delivery(store: Store) -> AsyncIterator[DeliveryHarness]:
    slack = slack_with_scopes(["chat:write"])
    async with served(slack):
        yield DeliveryHarness(slack, store)


async def test_alerts_from_before_the_invitation_arrive_after_it(delivery: DeliveryHarness) -> None:
    await delivery.enqueue("#random", DeliveryKind.ROOT, DeliveryKind.REPLY)
    for _ in range(12):
        await delivery.deliver(timedelta(minutes=6))
    assert [] == delivery.sent_messages("#random")

    delivery.slack.person_actions.invite_bot("ada", "#random")
    await delivery.deliver(timedelta(minutes=6))

    root, reply = delivery.sent_messages("#random")
    assert root.ts == reply.thread_ts


async def test_alerts_arrive_at_once_after_an_invitation_that_is_noticed(delivery: DeliveryHarness) -> None:
    await delivery.enqueue("#random", DeliveryKind.ROOT, DeliveryKind.REPLY)
    deliverer = delivery.deliverer()
    while await deliverer.tick():
        pass
    delivery.slack.person_actions.invite_bot("ada", "#random")
    random = delivery.slack.workspace.channel("#random").id

    assert 1 == await delivery.store.deliveries.retry_now(delivery.clock(), channel=random), (
        "the reply is due and waits for its root"
    )
    deliverer.resume_channel(random)
    while await deliverer.tick():
        pass

    root, reply = delivery.sent_messages("#random")
    assert root.ts == reply.thread_ts


async def test_an_invitation_days_late_does_not_lose_later_alerts(delivery: DeliveryHarness) -> None:
    await delivery.enqueue("#random", DeliveryKind.ROOT)
    await delivery.deliver()
    await delivery.deliver(timedelta(days=4))
    delivery.slack.person_actions.invite_bot("ada", "#random")

    await delivery.enqueue("#random", DeliveryKind.EDIT, DeliveryKind.REPLY)
    await delivery.deliver()

    root, reply = delivery.sent_messages("#random")
    assert "Errors in the log on llama-8b-sft" in root.text
    assert root.ts == reply.thread_ts


@pytest.mark.parametrize("kind", [DeliveryKind.EDIT, DeliveryKind.REPLY])
async def test_a_deleted_root_message_is_posted_again(delivery: DeliveryHarness, kind: DeliveryKind) -> None:
    await delivery.enqueue("#training", DeliveryKind.ROOT)
    await delivery.deliver()
    (root,) = delivery.sent_messages("#training")
    delivery.slack.workspace.delete(root)
    assert [] == delivery.sent_messages("#training")

    await delivery.deliver(timedelta(minutes=5))
    await delivery.enqueue("#training", kind)
    await delivery.deliver()

    (again,) = delivery.sent_messages("#training")
    assert root.ts != again.ts
    assert again.thread_ts is None
