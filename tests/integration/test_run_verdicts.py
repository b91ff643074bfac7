"""The verdict on a run given earlier ones: polls of a fake platform, a real store, and the emulated Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.jobs import JobState
from bot.domain.subscriptions import RuleSettings
from bot.slack.client import create_client
from bot.slack.notifier import SlackNotifier
from bot.store.store import Store
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.poll import Poller
from emulator.slack.app import BOT_TOKEN, Slack, served
from tests.fakes.clock import ManualClock
from tests.fakes.provider import FakeProvider
from tests.integration.polling import poll_until_idle
from tests.integration.slack_harness import slack_with_scopes

STEPS = [f"step {n} loss {3 - n / 100:.2f}" for n in range(1, 20)]
XID = "node gpu-17 kernel: NVRM: Xid (PCI:0000:3b:00): 119, pid=1, Timeout waiting for RPC from GSP"
NCCL = "gpu-17:4711:4999 [3] NCCL WARN NET/IB: Got completion from peer with status=12 opcode=0 len=0 vendor err 129"
CRASH = [
    "Traceback (most recent call last):",
    '  File "/work/train.py", line 9, in main',
    "    run()",
    "ValueError: bad sample 7",
]


class Runs:
    """Jobs of one project that run one after the other, one a day."""

    def __init__(self, slack: Slack, store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller) -> None:
        self.slack, self.store, self.provider, self.clock, self.poller = slack, store, provider, clock, poller
        self.channel = slack.workspace.channel("#training")
        self._count = 0

    async def run(self, *lines: str, state: JobState = JobState.FAILED, name: str = "llama-sft") -> str:
        """Let a job log these lines and end; return what its thread and its message show."""
        self._count += 1
        before, job_id = len(self.channel.all_messages), f"proj/job{self._count}"
        job = self.provider.add_job(job_id, name=name)
        await self.store.subscriptions.add(self.channel.id, None, job.ref, "U1", RuleSettings(), self.clock())
        self.provider.log(job_id, *STEPS, *lines, at=self.clock())
        await poll_until_idle(self.poller)
        self.provider.add_job(job_id, state, name=name)
        for _ in range(4):
            self.clock.advance(timedelta(minutes=5))
            await poll_until_idle(self.poller)
        notifier = SlackNotifier(create_client(BOT_TOKEN, self.slack.api_url))
        deliverer = Deliverer(self.store, notifier, self.clock, DeliverySettings(interval_s=0.0))
        while await deliverer.tick():
            pass
        self.clock.advance(timedelta(days=1) - timedelta(minutes=20))
        return "\n".join(str(message.blocks) for message in self.channel.all_messages[before:])


@pytest.fixture
async def runs(store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller) -> AsyncIterator[Runs]:
    slack = slack_with_scopes(["chat:write"])
    async with served(slack):
        yield Runs(slack, store, provider, clock, poller)


async def test_third_failure_on_a_node_within_a_week_suspects_the_node(runs: Runs) -> None:
    first = await runs.run(XID, name="a")
    second = await runs.run(NCCL, name="b")
    third = await runs.run("node gpu-17: bus error", "Bus error (core dumped)", "node gpu-17 failed", name="c")

    assert "within a week" not in first + second
    assert "*Change node:* third failure on gpu-17 within a week. *To be sure:*" in third


async def test_same_failure_as_yesterday_and_a_version_that_changed(runs: Runs) -> None:
    await runs.run("NCCL version 2.21.5", state=JobState.SUCCEEDED)
    changed = await runs.run("NCCL version 2.22.3", *CRASH)
    again = await runs.run("NCCL version 2.22.3", *CRASH)

    assert "*Fix first:* the last good run of this project used NCCL 2.21.5, this one 2.22.3." in changed
    assert "*Fix first:* same failure as yesterday's run of this job." in again
    assert "the last good run of this project used NCCL 2.21.5, this one 2.22.3" in again


async def test_comparing_sends_no_further_message(runs: Runs) -> None:
    first, second = await runs.run(*CRASH), await runs.run(*CRASH)

    assert first.count("bad sample 7") == second.count("bad sample 7")
    assert second.count("same failure as yesterday's run of this job") == 2, "in the message and in its thread"
