"""A message whose answer is lost is posted once, because it is found in Slack's history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.alerts import Delivery, DeliveryKind, Notification, NotifyReason, Receipt
from bot.slack.client import create_client
from bot.slack.find_posts import PostHistory
from bot.slack.notifier import SlackNotifier
from bot.store.deliveries import VERIFY_AFTER
from bot.store.store import Store
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.outage import OutageSettings
from bot.watcher.reconcile import ReconcileSettings
from emulator.demo_clock import DemoClock
from emulator.slack.app import BOT_TOKEN, Slack, served
from emulator.slack.faults import Fault
from emulator.slack.model import Message
from tests.fakes.clock import ManualClock
from tests.integration.slack_harness import slack_with_scopes
from tests.integration.store.building import add_to_outbox
from tests.support.scopes import GRANTED
from tests.unit.slack.factories import incident, notification

ROOT, REPLY, EDIT, NOTE = DeliveryKind.ROOT, DeliveryKind.REPLY, DeliveryKind.EDIT, DeliveryKind.NOTE
LOST = {
    "reset": Fault("reset", is_applied=True, is_reset=True),
    "server error": Fault("internal_error", status=500, is_applied=True),
    "fatal_error": Fault("fatal_error", is_applied=True),
    "slow answer": Fault("slow", is_applied=True, answer_delay_s=2.0),
}
WITHOUT_HISTORY = [scope for scope in GRANTED if not scope.endswith(":history")]
SETTINGS = DeliverySettings(
    interval_s=0.0,
    send_timeout_s=0.5,
    look_after=timedelta(seconds=3),
    reconcile=ReconcileSettings(every_s=0.0),
    outage=OutageSettings(failures=1000),
)


class Bench:
    """An emulated workspace, an outbox, and a Deliverer of each process."""

    def __init__(self, slack: Slack, store: Store, slack_clock: DemoClock) -> None:
        self.slack, self.store = slack, store
        self.clock, self.slack_clock = ManualClock(datetime.now(UTC)), slack_clock
        self.channel = slack.workspace.channel("#training")
        client = create_client(BOT_TOKEN, slack.api_url)
        self.notifier = SlackNotifier(client, history=PostHistory(client, self.clock))
        self.deliverer = Deliverer(store, self.notifier, self.clock, SETTINGS)

    @property
    def roots(self) -> list[Message]:
        return self.channel.messages

    @property
    def replies(self) -> list[Message]:
        return [one for one in self.channel.all_messages if one.is_reply]

    async def enqueue(self, *kinds: DeliveryKind) -> None:
        about, now = replace(incident(), channel=self.channel.id), self.clock()
        news = [Delivery(f"{now}:{kind}", self.channel.id, notification(kind, about)) for kind in kinds]
        await add_to_outbox(self.store, now, *news, about=about)

    async def deliver(self, *waits_s: float) -> None:
        """Deliver what is due now, and after each of these waits."""
        for wait_s in (0, *waits_s):
            self.clock.advance(timedelta(seconds=wait_s))
            self.slack_clock.move(wait_s)
            while await self.deliverer.tick():
                pass

    def calls(self, method: str) -> int:
        return sum(name == method for name, _ in self.slack.context.calls)


@pytest.fixture
async def bench(store: Store) -> AsyncIterator[Bench]:
    clock = DemoClock()
    slack = slack_with_scopes(GRANTED, clock.now_s)
    async with served(slack):
        yield Bench(slack, store, clock)


@pytest.fixture
async def blind(store: Store) -> AsyncIterator[Bench]:
    """An app without the history scopes."""
    clock = DemoClock()
    slack = slack_with_scopes(WITHOUT_HISTORY, clock.now_s)
    async with served(slack):
        yield Bench(slack, store, clock)


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_a_root_whose_answer_is_lost_is_posted_once(bench: Bench, fault: Fault) -> None:
    bench.slack.context.faults.order("chat.postMessage", replace(fault))
    await bench.enqueue(ROOT, REPLY, EDIT)

    await bench.deliver(3, 1)

    (root,) = bench.roots
    assert [one.thread_ts for one in bench.replies] == [root.ts]
    assert root.edited_ts
    assert bench.calls("conversations.history") == 1


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_a_reply_whose_answer_is_lost_is_posted_once(bench: Bench, fault: Fault) -> None:
    await bench.enqueue(ROOT)
    await bench.deliver()
    bench.slack.context.faults.order("chat.postMessage", replace(fault))
    await bench.enqueue(REPLY)

    await bench.deliver(3, 1)

    assert (len(bench.roots), len(bench.replies)) == (1, 1)
    assert bench.calls("conversations.replies") == 1


async def test_an_escalation_to_a_channel_is_looked_for_there(bench: Bench) -> None:
    bench.slack.context.faults.order("chat.postMessage", replace(LOST["reset"]))
    await bench.enqueue(DeliveryKind.DIRECT)

    await bench.deliver(3, 1)

    assert len(bench.roots) == 1


async def test_a_message_that_slack_did_not_accept_is_sent_after_the_search(bench: Bench) -> None:
    bench.slack.context.faults.order("chat.postMessage", Fault("reset", is_reset=True))
    await bench.enqueue(ROOT)
    await bench.deliver()
    assert bench.roots == []

    await bench.deliver(3, 1)

    assert len(bench.roots) == 1


async def test_what_slack_refused_is_not_searched(bench: Bench) -> None:
    bench.slack.context.faults.order("chat.postMessage", Fault("ratelimited", status=429, retry_after_s=1))
    await bench.enqueue(ROOT)
    await bench.deliver()
    await asyncio.sleep(1.1)
    await bench.deliver(5)
    assert len(bench.roots) == 1
    assert bench.calls("conversations.history") == 0


async def test_an_edit_whose_answer_is_lost_is_repeated_without_a_search(bench: Bench) -> None:
    await bench.enqueue(ROOT, EDIT)
    bench.slack.context.faults.order("chat.update", Fault("reset", is_applied=True, is_reset=True))
    await bench.deliver(3, 3)
    (root,) = bench.roots
    assert len(root.versions) == 3
    assert bench.calls("conversations.history") == 0


async def test_an_edit_that_slack_accepts_late_is_overwritten_by_the_newest_state(bench: Bench) -> None:
    await bench.enqueue(ROOT)
    await bench.deliver()
    bench.slack.context.faults.order("chat.update", Fault("late", is_applied=True, delay_s=1.5))
    await bench.enqueue(EDIT)
    await bench.deliver()
    await bench.store.incidents.acknowledge(incident().id, "U0ADA", bench.clock())
    await bench.deliver(3)
    (root,) = bench.roots
    assert "Acknowledged" in str(root.blocks)
    await bench.slack.person_actions.until(lambda: "Acknowledged" not in str(root.blocks))

    await bench.deliver(VERIFY_AFTER.total_seconds(), 1)

    assert "Acknowledged" in str(root.blocks)
    edits = len(root.versions)
    await bench.deliver(VERIFY_AFTER.total_seconds(), VERIFY_AFTER.total_seconds())
    assert len(root.versions) == edits


async def test_one_request_answers_for_all_messages_of_a_channel(bench: Bench) -> None:
    bench.slack.context.faults.order("chat.postMessage", Fault("reset", is_applied=True, is_reset=True, times=4))
    now = bench.clock()
    note = notification(NOTE, reason=NotifyReason.NOTE, incident=None, text="Ended.")
    await add_to_outbox(bench.store, now, *(Delivery(f"{n}", bench.channel.id, note) for n in range(4)))

    await bench.deliver(3, 1)

    assert len(bench.roots) == 4
    assert bench.calls("conversations.history") == 1


async def test_history_is_read_page_by_page(bench: Bench) -> None:
    bench.slack.context.faults.order("chat.postMessage", Fault("reset", is_applied=True, is_reset=True))
    await bench.enqueue(ROOT)
    await bench.deliver()
    for number in range(450):
        bench.slack.person_actions.say("ada", "#training", f"message {number}")

    await bench.deliver(3, 1)

    assert bench.calls("conversations.history") == 3
    assert sum(one.bot_id is not None for one in bench.roots) == 1


async def test_a_killed_sender_leaves_a_message_that_its_successor_finds(bench: Bench) -> None:
    await bench.enqueue(ROOT)
    (claimed,) = await bench.store.deliveries.claim(bench.clock(), lease=SETTINGS.lease)
    send = bench.notifier.send
    await send(claimed.notification, channel=claimed.channel, root=None, delivery_id=claimed.delivery_id)

    await bench.deliver(SETTINGS.lease.total_seconds(), 1)

    assert len(bench.roots) == 1
    assert (await bench.store.deliveries.backlog(bench.clock())).count == 0


async def test_a_message_that_slack_accepts_late_is_deleted(bench: Bench) -> None:
    late = Fault("late", is_applied=True, delay_s=1.5)
    bench.slack.context.faults.order("chat.postMessage", late)
    await bench.enqueue(ROOT)
    await bench.deliver(3, 1)
    await bench.slack.person_actions.until(lambda: len(bench.roots) == 2)

    await bench.deliver(VERIFY_AFTER.total_seconds(), 1)

    (kept,) = bench.roots
    assert await bench.store.incidents.find(incident().id)
    await bench.enqueue(EDIT)
    await bench.deliver()
    assert kept.edited_ts


async def test_a_clock_that_jumps_ahead_does_not_end_the_wait_for_late_copies(bench: Bench) -> None:
    await bench.enqueue(ROOT)
    (late,) = await bench.store.deliveries.claim(bench.clock(), lease=SETTINGS.lease)
    await bench.deliver(SETTINGS.lease.total_seconds(), 1)
    assert len(bench.roots) == 1

    bench.clock.advance(VERIFY_AFTER)
    await bench.deliver()
    assert bench.calls("conversations.history") == 2

    send = bench.notifier.send
    await send(late.notification, channel=late.channel, root=None, delivery_id=late.delivery_id)
    await bench.deliver(VERIFY_AFTER.total_seconds(), 1)
    assert len(bench.roots) == 1


class PausedNotifier(SlackNotifier):
    """Returns a receipt only when `resumed`, as in a process that the machine suspended."""

    def __init__(self, bench: Bench) -> None:
        client = create_client(BOT_TOKEN, bench.slack.api_url)
        super().__init__(client, history=PostHistory(client, bench.clock))
        self.resumed = asyncio.Event()

    async def send(
        self, notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        receipt = await super().send(notification, channel=channel, root=root, delivery_id=delivery_id)
        await self.resumed.wait()
        return receipt


async def test_a_message_that_is_found_before_its_sender_continues_is_not_deleted(bench: Bench) -> None:
    paused = PausedNotifier(bench)
    sender = Deliverer(bench.store, paused, bench.clock, replace(SETTINGS, send_timeout_s=20.0))
    await bench.enqueue(ROOT)
    await sender.tick()
    await bench.slack.person_actions.until(lambda: len(bench.roots) == 1)

    await bench.deliver(SETTINGS.lease.total_seconds())
    paused.resumed.set()
    while await sender.tick():
        pass

    assert bench.calls("conversations.history") == 1
    assert (len(bench.roots), bench.calls("chat.delete")) == (1, 0)


async def test_a_copy_that_cannot_be_deleted_now_is_deleted_later(bench: Bench) -> None:
    faults = bench.slack.context.faults
    faults.order("chat.postMessage", Fault("late", is_applied=True, delay_s=1.0))
    faults.order("chat.delete", Fault("internal_error", status=500))
    await bench.enqueue(ROOT)
    await bench.deliver(3, 1)
    await bench.slack.person_actions.until(lambda: len(bench.roots) == 2)
    await bench.deliver(VERIFY_AFTER.total_seconds(), 1)
    assert len(bench.roots) == 2

    await bench.deliver(60, 1)

    assert len(bench.roots) == 1


@pytest.mark.parametrize("ahead", [timedelta(hours=-2), timedelta(hours=2)])
async def test_a_message_is_found_although_our_clock_is_wrong(bench: Bench, ahead: timedelta) -> None:
    bench.clock.advance(ahead)
    bench.slack.context.faults.order("chat.postMessage", Fault("reset", is_applied=True, is_reset=True))
    await bench.enqueue(ROOT)

    await bench.deliver(3, 1)

    assert len(bench.roots) == 1


async def test_without_the_scope_a_message_is_sent_again_after_three_seconds(blind: Bench) -> None:
    blind.slack.context.faults.order("chat.postMessage", Fault("reset", is_applied=True, is_reset=True))
    await blind.enqueue(ROOT)
    await blind.deliver(2)
    assert len(blind.roots) == 1

    await blind.deliver(1, 1)

    assert len(blind.roots) == 2
