"""Runs of the demo's stories, from the queue to the summary, as the channel in Slack sees them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.jobs import JobRef
from bot.providers.baseten.api import make_client
from bot.providers.baseten.training import BasetenTraining
from bot.providers.http.client import LimiterPool
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner
from bot.rules.settings import parse_settings
from bot.slack.client import create_client
from bot.slack.notifier import SlackNotifier
from bot.store.store import Store
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.intervals import PollIntervals
from bot.watcher.poll import Poller, PollSettings
from emulator.slack.app import BOT_TOKEN, Slack, create_slack, served
from emulator.slack.limits import RateLimits
from emulator.slack.model import Message
from emulator.stories import start_stories
from tests.fakes.cloud import NOON, Cloud, running_cloud
from tests.fakes.provider import registry_of
from tests.integration.polling import poll_until_idle

DOCUMENT = (Path(__file__).parents[2] / "docs" / "runs.md").read_text(encoding="utf-8")
POLLING = PollSettings(
    intervals=PollIntervals(running=timedelta(seconds=2), waiting=timedelta(seconds=4)),
    lookback=timedelta(minutes=2),
    overlap=timedelta(seconds=20),
    drain=timedelta(seconds=8),
)


@dataclass
class Followed:
    """A channel that follows stories."""

    cloud: Cloud
    slack: Slack
    store: Store

    async def watch(self, job: str, *settings: str, channel: str = "#training") -> None:
        where = self.slack.workspace.channel(channel).id
        await self.store.subscriptions.add(
            where, None, JobRef("baseten", job), "U1", parse_settings(settings), self.cloud.clock()
        )

    async def pass_time(self, seconds: int, every: int = 2) -> None:
        """Poll and deliver as the bot's loops do, with new processes each time."""
        client = make_client("baseten", self.cloud.config("baseten"), LimiterPool())
        provider = BasetenTraining(client, self.cloud.clock)
        registry, config = registry_of(provider), DiagnosisConfig(build_scanner())
        poller = Poller(registry, self.store, self.cloud.clock, Redactor(), config, POLLING, jitter=lambda: 0.5)
        notifier = SlackNotifier(create_client(BOT_TOKEN, self.slack.api_url))
        deliverer = Deliverer(self.store, notifier, self.cloud.clock, DeliverySettings(interval_s=0, edit_interval_s=0))
        for _ in range(seconds // every):
            self.cloud.clock.advance(timedelta(seconds=every))
            await poll_until_idle(poller)
            while await deliverer.tick():
                pass
        await poller.stop()
        await deliverer.stop()
        await registry.aclose()

    def messages(self, channel: str = "#training") -> list[Message]:
        return self.slack.workspace.channel(channel).all_messages

    def thread(self, of: str, channel: str = "#training") -> tuple[Message, list[str]]:
        """The root message of a kind (`run`, `alert`), and the texts of its replies."""
        everything = self.messages(channel)
        (root,) = [one for one in everything if one.thread_ts is None and _event_type(one) == f"trainwatch_{of}"]
        return root, [_text(one) for one in everything if one.thread_ts == root.ts and one is not root]


def _event_type(message: Message) -> str:
    return str((message.metadata or {}).get("event_type"))


def _text(message: Message) -> str:
    """The paragraphs and small print of a message, as people in UTC read them."""
    blocks = message.blocks or []
    rows = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    rows += [one["text"] for block in blocks if block["type"] == "context" for one in block["elements"]]
    return re.sub(r"[*`~]", "", re.sub(r"<[^<>|]*\|([^<>]*)>", r"\1", "\n".join(rows)))


def documented() -> list[str]:
    """The messages in the transcript of docs/runs.md, which blank lines separate."""
    (transcript,) = re.findall(r"```text\n(.*?)```", DOCUMENT, re.DOTALL)
    return [one.strip() for one in transcript.split("\n\n")]


@pytest.fixture
async def followed(store: Store) -> AsyncIterator[Followed]:
    slack = create_slack(limits=RateLimits(enabled=False))
    async with running_cloud() as cloud, served(slack):
        start_stories(cloud.world, NOON)
        yield Followed(cloud, slack, store)


async def test_a_run_from_the_queue_to_the_summary_sends_what_is_documented(followed: Followed) -> None:
    followed.slack.person_actions.invite_bot("ada", "#alerts")
    await followed.watch("p7qr9qv/end2end", "notify=all", "queued=10s")
    await followed.watch("p7qr9qv/end2end", "notify=lifecycle", channel="#alerts")
    shown = []
    for _ in range(15):
        await followed.pass_time(10)
        shown.append(_text(followed.thread("run")[0]).splitlines()[0])

    root, replies = followed.thread("run")
    assert documented() == [_text(root), *replies]
    assert list(dict.fromkeys(shown)) == [
        "⏳ llama-8b-sft is queued",
        "⏳ llama-8b-sft is starting",
        "🟢 llama-8b-sft is running",
        "✅ llama-8b-sft finished after 1 min 10 s",
    ]
    assert [one for one in followed.messages() if one.thread_ts is None] == [root]
    quiet = [one for one in replies if not one.startswith(("⏳", "💾"))]
    assert followed.thread("run", "#alerts")[1] == quiet


async def test_a_failure_on_the_way_has_its_own_message_and_the_run_links_to_it(followed: Followed) -> None:
    await followed.watch("p7qr9qv/oom3r8x", "notify=lifecycle")
    await followed.pass_time(50)

    run, replies = followed.thread("run")
    incident, evidence = followed.thread("alert")
    assert f"/p{incident.ts.replace('.', '')}|GPU out of memory>" in str(run.blocks)
    assert _text(run).startswith("🔴 mistral-long-context failed after 3 h")
    (summary,) = replies
    assert "🔴 GPU out of memory" in summary
    assert [] == [one for one in evidence if "no longer watches" in one]
    assert {run.ts, incident.ts} == {one.ts for one in followed.messages() if one.thread_ts is None}
    assert [] == [one for one in followed.messages() if one.thread_ts == run.ts and one.is_broadcast]
