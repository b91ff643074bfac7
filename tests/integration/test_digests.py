"""Many alerts at once become one message: decided by the real poller, stored, planned and rendered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import repeat

import pytest

from bot.domain.alerts import DeliveryKind, Notification, NotifyReason, Receipt, Severity
from bot.domain.jobs import JobState
from bot.errors import JobNotFound, Unavailable
from bot.rules.digest import LISTED_JOBS
from bot.slack.render.alerts import render_notification
from bot.store.store import Store
from bot.watcher.digest import DigestJob
from bot.watcher.poll import Poller
from tests.fakes.clock import ManualClock
from tests.fakes.provider import FakeProvider
from tests.integration.polling import poll_until_idle, watch
from tests.unit.slack.validity import problems, shown

JOBS = 25


@dataclass
class Channel:
    """One channel: polls, plans and sends, second by second."""

    store: Store
    provider: FakeProvider
    clock: ManualClock
    poller: Poller
    sent: list[Notification] = field(default_factory=list)

    @property
    def digests(self) -> DigestJob:
        return DigestJob(self.store, self.clock)

    async def watch(self, count: int) -> None:
        await watch(self.store, self.provider, *(f"run/{number:03}" for number in range(count)))
        await self.run(1)

    def fail(self, *numbers: int, error: str = "NCCL timeout") -> None:
        for number in numbers:
            job = self.provider.add_job(f"run/{number:03}", JobState.FAILED)
            self.provider.jobs[job.ref.id] = replace(job, error=error)

    async def run(self, seconds: int, *, every: int = 1) -> None:
        """Let time pass; everything that is due is sent at once."""
        for _ in range(0, seconds, every):
            self.clock.advance(timedelta(seconds=every))
            await poll_until_idle(self.poller)
            await self.digests.tick()
            while claimed := await self.store.deliveries.claim(self.clock(), lease=timedelta(minutes=1), limit=100):
                for one in claimed:
                    self.sent.append(one.notification)
                    receipt = Receipt(one.channel, f"1.{one.id}")
                    await self.store.deliveries.mark_sent(one.id, one.token, receipt, self.clock())

    def roots(self) -> list[Notification]:
        return [one for one in self.sent if one.kind in (DeliveryKind.ROOT, DeliveryKind.NOTE)]

    def replies(self) -> list[Notification]:
        return [one for one in self.sent if one.kind is DeliveryKind.REPLY]

    def newest(self) -> str:
        """The root message of the digest as it is now."""
        heads = [one for one in self.sent if one.digest and one.kind is not DeliveryKind.REPLY]
        return shown(render_notification(heads[-1]))


@pytest.fixture
def channel(store: Store, provider: FakeProvider, clock: ManualClock, poller: Poller) -> Channel:
    return Channel(store, provider, clock, poller)


async def test_a_storm_of_failures_is_one_message_that_lists_every_job(channel: Channel) -> None:
    await channel.watch(JOBS)
    channel.fail(*range(JOBS))
    await channel.run(30)

    assert [one.kind for one in channel.roots()] == [DeliveryKind.ROOT]
    assert channel.roots()[0].mention is Severity.PAGE
    listed = [member.name for one in channel.replies() if one.digest for member in one.digest.members]
    assert sorted(listed) == [f"run/{number:03}" for number in range(JOBS)]
    assert len(channel.replies()) == JOBS // LISTED_JOBS + 1
    assert "25 jobs: Job failed" in channel.newest()
    assert [problem for one in channel.sent for problem in problems(render_notification(one))] == []


async def test_the_first_alerts_of_a_storm_that_grows_have_messages_of_their_own(channel: Channel) -> None:
    await channel.watch(JOBS)
    for number in range(0, JOBS, 3):
        channel.fail(*range(number, min(number + 3, JOBS)))
        await channel.run(1)
    await channel.run(16, every=4)

    single = [one for one in channel.roots() if one.digest is None]
    digests = [one for one in channel.roots() if one.digest is not None]
    assert (len(single) <= 8, len(digests)) == (True, 1)
    named = {one.job.name for one in single}
    listed = [member.name for one in channel.replies() if one.digest for member in one.digest.members]
    assert named | set(listed) == {f"run/{number:03}" for number in range(JOBS)}
    assert named.isdisjoint(listed)


async def test_few_alerts_are_separate_messages(channel: Channel) -> None:
    await channel.watch(8)
    channel.fail(*range(8))
    await channel.run(30)

    assert len(channel.roots()) == 8
    assert all(one.digest is None for one in channel.roots())


async def test_alerts_spread_over_minutes_are_separate_messages(channel: Channel) -> None:
    await channel.watch(12)
    for number in range(12):
        channel.fail(number)
        await channel.run(20, every=10)

    assert all(one.digest is None for one in channel.roots())


async def test_a_digest_groups_by_cause_and_counts_the_rest(channel: Channel) -> None:
    await channel.watch(20)
    channel.fail(*range(20))
    for number, word in enumerate(["loss", "disk", "node"]):
        channel.provider.log(f"run/{number:03}", f"ERROR: {word} broke", at=channel.clock())
    await channel.run(30)

    assert "jobs: Job failed" in channel.newest()


async def test_later_changes_of_members_edit_the_digest_only(channel: Channel) -> None:
    await channel.watch(JOBS)
    channel.fail(*range(JOBS))
    await channel.run(30)
    before = len(channel.sent)
    await channel.run(120, every=10)  # the jobs' logs are drained and their subscriptions end

    after = channel.sent[before:]
    assert {one.kind for one in after} <= {DeliveryKind.EDIT}
    assert all(one.digest is not None for one in after)


async def test_a_page_after_the_digest_closed_has_a_message_of_its_own(channel: Channel) -> None:
    await channel.watch(10)
    for number in range(10):
        channel.provider.log(f"run/{number:03}", "ERROR: disk broke", at=channel.clock())
    await channel.run(20, every=5)
    await channel.run(400, every=100)
    before = len(channel.sent)
    channel.fail(3)
    await channel.run(30)

    roots = [one for one in channel.sent[before:] if one.kind is DeliveryKind.ROOT]
    assert [one.job.name for one in roots] == ["run/003"]
    assert roots[0].digest is None
    assert roots[0].mention is Severity.PAGE


async def test_a_page_that_nobody_acknowledged_is_reminded_of_once_for_all(channel: Channel) -> None:
    await channel.watch(JOBS)
    channel.fail(*range(JOBS))
    await channel.run(30)
    await channel.run(3600, every=60)

    reminders = [one for one in channel.replies() if one.reason is NotifyReason.REMINDER]
    assert len(reminders) == 1
    assert "Nobody has acknowledged 25 alerts" in shown(render_notification(reminders[0]))


def fail_platform(channel: Channel, error: BaseException | None) -> None:
    channel.provider.status_error, channel.provider.log_errors = error, repeat(error)


async def test_an_unreachable_platform_is_one_message_for_all_its_jobs(channel: Channel) -> None:
    await channel.watch(12)
    fail_platform(channel, Unavailable("mem did not answer in time.", provider="mem"))
    await channel.run(900, every=150)
    during, text = len(channel.sent), channel.newest()
    fail_platform(channel, None)
    await channel.run(900, every=150)

    assert len(channel.roots()) == 1
    assert "Mem cannot be read* \N{MIDDLE DOT} 12 jobs" in text
    assert all(f"run/{number:03}" in text for number in range(12))
    assert [one.kind for one in channel.sent[:during] if one.kind is DeliveryKind.REPLY] == []
    assert [one.reason for one in channel.sent[during:] if one.kind is DeliveryKind.REPLY] == [NotifyReason.RESOLVED]
    assert "Mem can be read again" in channel.newest()


async def test_the_message_of_the_first_job_becomes_that_of_its_platform(channel: Channel) -> None:
    await channel.watch(1)
    fail_platform(channel, Unavailable("mem did not answer in time.", provider="mem"))
    await channel.run(400, every=60)
    await watch(channel.store, channel.provider, "late/1", "late/2")
    await channel.run(900, every=150)

    assert [one.digest for one in channel.roots()] == [None]
    assert "3 jobs" in channel.newest()


async def test_a_job_that_the_platform_does_not_know_has_a_separate_message(channel: Channel) -> None:
    await channel.watch(3)
    fail_platform(channel, JobNotFound("No such job.", provider="mem"))
    await channel.run(900, every=150)

    assert [one.digest for one in channel.roots()] == [None, None, None]


async def test_a_failure_during_an_outage_has_a_message_of_its_own(channel: Channel) -> None:
    await channel.watch(10)
    fail_platform(channel, Unavailable("mem did not answer in time.", provider="mem"))
    await channel.run(900, every=150)
    fail_platform(channel, None)
    channel.fail(4)
    await channel.run(900, every=150)

    assert [one.job.name for one in channel.roots() if one.digest is None] == ["run/004"]
    assert len(channel.roots()) == 2
