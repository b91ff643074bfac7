"""The outbox, the Deliverer and the emulated Slack together: what person_actions do to a channel loses no alert."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.alerts import Delivery, DeliveryKind, Incident
from bot.slack.client import create_client
from bot.slack.notifier import SlackNotifier
from bot.store.migrate import upgrade
from bot.store.store import Store, open_store
from bot.watcher.deliver import Deliverer, DeliverySettings
from emulator.slack.app import BOT_TOKEN, Slack, create_slack, served
from emulator.slack.limits import RateLimits
from emulator.slack.model import Message
from tests.integration.store.building import put_out
from tests.unit.slack.factories import NOW, incident, notification


class Office:
    """A workspace, an outbox and a clock that goes when told."""

    def __init__(self, slack: Slack, store: Store) -> None:
        self.slack, self.store = slack, store
        self.now: datetime = NOW
        self._notifier = SlackNotifier(create_client(BOT_TOKEN, slack.api_url))

    def messages(self, channel: str) -> list[Message]:
        return self.slack.workspace.channel(channel).all_messages

    async def decide(self, channel: str, *kinds: DeliveryKind) -> None:
        """Have a poll find news of the channel's one incident."""
        about: Incident = incident()
        where = self.slack.workspace.channel(channel).id
        news = [Delivery(f"{self.now}:{kind}", where, notification(kind, about)) for kind in kinds]
        await put_out(self.store, self.now, *news, about=about)

    async def deliver(self, after: timedelta = timedelta(0)) -> None:
        """Deliver what is due by then; by a new process, for a channel's rest is counted in real time."""
        self.now += after
        deliverer = self.deliverer()
        while await deliverer.tick():
            pass

    def deliverer(self) -> Deliverer:
        """As a process has one."""
        return Deliverer(self.store, self._notifier, lambda: self.now, DeliverySettings(interval_s=0.0))


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    await upgrade(url)
    slack, store = create_slack(scopes=("chat:write",), limits=RateLimits(enabled=False)), await open_store(url)
    async with served(slack):
        yield Office(slack, store)
    await store.aclose()


async def test_alerts_from_before_the_invitation_arrive_after_it(office: Office) -> None:
    await office.decide("#random", DeliveryKind.ROOT, DeliveryKind.REPLY)
    for _ in range(12):
        await office.deliver(timedelta(minutes=6))
    assert [] == office.messages("#random")

    office.slack.person_actions.invite_bot("ada", "#random")
    await office.deliver(timedelta(minutes=6))

    root, reply = office.messages("#random")
    assert root.ts == reply.thread_ts


async def test_an_invitation_that_is_heard_brings_them_at_once(office: Office) -> None:
    await office.decide("#random", DeliveryKind.ROOT, DeliveryKind.REPLY)
    deliverer = office.deliverer()
    while await deliverer.tick():
        pass
    office.slack.person_actions.invite_bot("ada", "#random")
    random = office.slack.workspace.channel("#random").id

    assert 1 == await office.store.deliveries.retry_now(random, office.now), "the reply is due and waits for its root"
    deliverer.resume_channel(random)
    while await deliverer.tick():
        pass

    root, reply = office.messages("#random")
    assert root.ts == reply.thread_ts


async def test_an_invitation_days_late_loses_no_later_alert(office: Office) -> None:
    await office.decide("#random", DeliveryKind.ROOT)
    await office.deliver()
    await office.deliver(timedelta(days=4))
    office.slack.person_actions.invite_bot("ada", "#random")

    await office.decide("#random", DeliveryKind.EDIT, DeliveryKind.REPLY)
    await office.deliver()

    root, reply = office.messages("#random")
    assert "Errors in the log: llama-8b-sft" in root.text
    assert root.ts == reply.thread_ts


@pytest.mark.parametrize("kind", [DeliveryKind.EDIT, DeliveryKind.REPLY])
async def test_after_someone_deleted_the_alert_its_news_is_posted_anew(office: Office, kind: DeliveryKind) -> None:
    await office.decide("#training", DeliveryKind.ROOT)
    await office.deliver()
    (root,) = office.messages("#training")
    office.slack.workspace.delete(root)
    assert [] == office.messages("#training")

    await office.deliver(timedelta(minutes=5))
    await office.decide("#training", kind)
    await office.deliver()

    (again,) = office.messages("#training")
    assert root.ts != again.ts
    assert again.thread_ts is None
