"""Pictures of alerts' charts where a workspace takes none of Slack's: they follow the reply, once, in its thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.charts.painter import Painter
from bot.domain.alerts import Delivery, DeliveryKind, NotifyReason, Receipt
from bot.domain.charts import LIMIT, ChartLevel, ChartLine, ChartPoint, LineChart
from bot.domain.destinations import picture_queue
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.slack.client import create_client
from bot.slack.find_posts import PostHistory
from bot.slack.notifier import SlackNotifier
from bot.slack.pictures import Pictures
from bot.slack.render.blocks import Action
from bot.slack.render.charts import is_chart
from bot.store.store import Store
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.outage import OutageSettings
from bot.watcher.reconcile import ReconcileSettings
from emulator.slack.app import BOT_TOKEN, Slack, served
from emulator.slack.faults import Fault
from emulator.slack.model import Message
from tests.fakes.clock import ManualClock
from tests.fakes.provider import FakeProvider
from tests.integration.slack_harness import SlackHarness, running, slack_with_scopes
from tests.integration.store.building import add_to_outbox
from tests.support.scopes import GRANTED
from tests.unit.slack.factories import NOW, alert, errors, incident, notification

SETTINGS = DeliverySettings(
    interval_s=0.0, reconcile=ReconcileSettings(every_s=0.0), outage=OutageSettings(failures=1000)
)
CLIMB = LineChart(
    "GPU memory",
    "GiB",
    (ChartLine("GPU 3", tuple(ChartPoint(NOW.timestamp() + 60 * at, 75 + at / 5) for at in range(20))),),
    (ChartLevel(LIMIT, 80.0),),
)


class Bench:
    """An emulated workspace, an outbox with one incident whose alert has a chart, and what delivers."""

    def __init__(self, slack: Slack, store: Store, painter: Painter) -> None:
        self.slack, self.store, self.clock = slack, store, ManualClock(datetime.now(UTC))
        self.channel = slack.workspace.channel("#training")
        client = create_client(BOT_TOKEN, slack.api_url)
        pictures = Pictures(client, painter, waits_s=(0.1,) * 20)
        notifier = SlackNotifier(client, history=PostHistory(client, self.clock), pictures=pictures)
        self.deliverer = Deliverer(store, notifier, self.clock, SETTINGS, follow_ups=notifier.follow_ups)
        self.about = replace(incident(alert(evidence=replace(errors(), chart=CLIMB))), channel=self.channel.id)

    async def enqueue(self, *kinds: DeliveryKind) -> None:
        """Put deliveries about the incident into the outbox; a picture goes into the thread of its root."""
        roots = [one for one in self.channel.all_messages if not one.is_reply]
        news = []
        for kind in kinds:
            about_it = notification(kind, self.about, reason=NotifyReason.FIRST)
            queue = self.channel.id
            if kind is DeliveryKind.PICTURE:
                about_it = replace(about_it, incident=None, picture=CLIMB, thread=Receipt(self.channel.id, roots[0].ts))
                queue = picture_queue(self.channel.id)
            news.append(Delivery(f"{self.clock()}:{kind}", queue, about_it))
        await add_to_outbox(self.store, self.clock(), *news, about=self.about)

    async def deliver(self, *waits_s: float) -> list[Message]:
        """Deliver what is due now, and after each of these waits; return the replies."""
        for wait_s in (0, *waits_s):
            self.clock.advance(timedelta(seconds=wait_s))
            while await self.deliverer.tick():
                pass
        return [one for one in self.channel.all_messages if one.is_reply]


@asynccontextmanager
async def bench(store: Store, scopes: Iterable[str] = GRANTED) -> AsyncIterator[Bench]:
    slack, painter = slack_with_scopes(scopes), Painter()
    async with served(slack):
        try:
            yield Bench(slack, store, painter)
        finally:
            painter.close()


def images(messages: Iterable[Message]) -> list[dict[str, object]]:
    return [block for one in messages for block in one.blocks or () if block["type"] == "image"]


async def test_a_picture_follows_where_a_chart_is_refused(store: Store) -> None:
    async with bench(store) as there:
        there.slack.workspace.file_processing_s = 0.3
        await there.enqueue(DeliveryKind.ROOT)
        await there.deliver()
        there.slack.context.faults.order("chat.postMessage", Fault("invalid_blocks"))
        await there.enqueue(DeliveryKind.REPLY)

        reply, picture = await there.deliver()

        assert not any(map(is_chart, reply.blocks or ()))
        assert "GPU memory free of 80 GiB" in str(reply.blocks)
        assert "1.2 to 5" in str(reply.blocks)
        (image,) = images([picture])
        assert "GPU memory: GPU 3 from 75 GiB to 78.8 GiB" in str(image["alt_text"])
        (file,) = there.slack.workspace.files.values()
        assert (file.content or b"").startswith(b"\x89PNG")
        assert file.alt_text == image["alt_text"]
        assert (await there.deliver(60))[2:] == []


async def test_a_picture_whose_answer_is_lost_is_posted_once(store: Store) -> None:
    async with bench(store) as there:
        await there.enqueue(DeliveryKind.ROOT)
        await there.deliver()
        there.slack.context.faults.order("chat.postMessage", Fault("reset", is_applied=True, is_reset=True))
        await there.enqueue(DeliveryKind.PICTURE)

        assert 1 == len(images(await there.deliver(3, 1, 60)))


async def test_an_alert_does_not_wait_for_a_picture(store: Store) -> None:
    async with bench(store) as there:
        await there.enqueue(DeliveryKind.ROOT)
        await there.deliver()
        there.slack.workspace.file_processing_s = 3600
        await there.enqueue(DeliveryKind.PICTURE)
        await there.enqueue(DeliveryKind.REPLY)

        (reply,) = await there.deliver()

        assert any(map(is_chart, reply.blocks or ()))


async def test_without_the_scope_for_files_the_text_has_to_do(store: Store) -> None:
    async with bench(store, [scope for scope in GRANTED if scope != "files:write"]) as there:
        await there.enqueue(DeliveryKind.ROOT)
        await there.deliver()
        there.slack.context.faults.order("chat.postMessage", Fault("invalid_blocks"))
        await there.enqueue(DeliveryKind.REPLY)

        (reply,) = await there.deliver(60)

        assert "1.2 to 5" in str(reply.blocks)
        assert not there.slack.workspace.files


async def test_a_heat_map_is_shown_on_request_and_shared(store: Store) -> None:
    points = tuple(MetricPoint(0.9, NOW - timedelta(minutes=60 - at)) for at in range(60))
    gpus = [MetricSeries(GPU_UTILIZATION, points, f"node-{gpu // 8}", gpu % 8) for gpu in range(16)]
    async with running(SlackHarness(store, provider=FakeProvider(series=gpus))) as harness:
        (asked,) = (await harness.command("metrics mem:run/1")).messages
        await harness.slack.person_actions.click("ada", asked, f"{Action.SHOW}:picture")
        shown = await harness.slack.person_actions.until(lambda: asked if images([asked]) else None)
        await harness.slack.person_actions.click("ada", shown, Action.SHARE)
        shared = await harness.slack.person_actions.until(lambda: next(iter(harness.channel().messages), None))

    assert "No GPU differs much from the others." in str(images([shown])[0]["alt_text"])
    assert not any(map(is_chart, shown.blocks or ()))
    assert 1 == len(images([shared]))
