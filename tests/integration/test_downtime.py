"""After an absence of trainwatch: one message in each channel, with one line for each job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import DeliveryKind, Severity
from bot.domain.downtime import Downtime, find_downtime
from bot.domain.jobs import JobState
from bot.slack.render.alerts import render_notification
from bot.store.store import Store
from tests.fakes.clock import ManualClock
from tests.fakes.provider import NOW, FakeProvider
from tests.integration.polling import SETTINGS, create_poller
from tests.integration.test_digests import Channel
from tests.unit.slack.validity import problems

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
async def channel(store: Store, provider: FakeProvider, clock: ManualClock) -> AsyncIterator[Channel]:
    """A channel whose bot has polled its jobs once."""
    poller = create_poller(store, clock, provider)
    channel = Channel(store, provider, clock, poller)
    yield channel
    await channel.poller.stop()


async def restart(channel: Channel) -> None:
    """An hour later, start a bot that knows how long none has run."""
    await channel.poller.stop()
    began = channel.clock()
    channel.clock.advance(HOUR)
    downtime = find_downtime(began, channel.clock(), timedelta(seconds=10))
    assert downtime is not None
    channel.poller = create_poller(
        channel.store, channel.clock, channel.provider, settings=replace(SETTINGS, downtime=downtime)
    )
    await channel.run(40, every=5)


def end(channel: Channel, number: int, state: JobState, minutes: int) -> None:
    """Let a job end some minutes after it was polled last."""
    job = channel.provider.add_job(f"run/{number:03}", state)
    at = channel.clock() + minutes * MINUTE
    error = "exit code 1" if state is JobState.FAILED else None
    channel.provider.jobs[job.ref.id] = replace(job, started_at=NOW - HOUR, ended_at=at, error=error)


async def test_one_message_has_one_line_for_each_job(channel: Channel) -> None:
    await channel.watch(10)
    end(channel, 0, JobState.FAILED, 20)
    end(channel, 1, JobState.FAILED, 50)
    end(channel, 2, JobState.SUCCEEDED, 30)
    end(channel, 3, JobState.SUCCEEDED, 31)
    channel.provider.log("run/004", "ERROR: connection reset", at=channel.clock() + 10 * MINUTE)
    channel.provider.log("run/005", "ERROR: still broken", at=channel.clock() + 59 * MINUTE)
    await restart(channel)

    (root,) = channel.roots()
    lines = [line for line in channel.newest().splitlines() if "run/00" in line]
    assert "I was down from" in channel.newest()
    assert "3 jobs need attention" in channel.newest()
    assert [line.split()[1] for line in lines] == [f"run/00{number}" for number in (0, 1, 5, 4, 2, 3)]
    assert "back to normal" in lines[3]
    assert lines[4].endswith("Finished")
    assert root.mention is Severity.PAGE
    assert channel.replies() == []
    assert problems(render_notification(root)) == []


async def test_what_has_ended_notifies_nobody(channel: Channel) -> None:
    await channel.watch(4)
    channel.provider.log("run/001", "ERROR: connection reset", at=channel.clock() + 10 * MINUTE)
    end(channel, 2, JobState.SUCCEEDED, 30)
    await restart(channel)

    (root,) = channel.roots()
    assert root.mention is None
    assert "Nothing needs attention" in channel.newest()
    assert channel.replies() == []


async def test_without_events_there_is_no_message(channel: Channel) -> None:
    await channel.watch(3)
    await restart(channel)

    assert channel.sent == []


async def test_what_happens_later_is_reported_as_usual(channel: Channel) -> None:
    await channel.watch(3)
    await restart(channel)
    channel.fail(1)
    await channel.run(20, every=5)

    assert [one.digest for one in channel.roots()] == [None]


async def test_an_incident_from_before_continues_in_its_thread(channel: Channel) -> None:
    await channel.watch(2)
    channel.provider.log("run/001", "ERROR: connection reset", at=channel.clock())
    await channel.run(15, every=5)
    before = len(channel.sent)
    channel.provider.log("run/001", "ERROR: disk broke", at=channel.clock() + 59 * MINUTE)
    await restart(channel)

    assert DeliveryKind.ROOT not in [one.kind for one in channel.sent[before:]]


@pytest.mark.parametrize(
    ("minutes", "interval_s", "is_down"), [(1, 15, False), (6, 15, True), (6, 60, False), (60, 60, True)]
)
def test_a_downtime_is_long_compared_with_the_poll_interval(minutes: int, interval_s: int, is_down: bool) -> None:
    found = find_downtime(NOW, NOW + minutes * MINUTE, timedelta(seconds=interval_s))

    assert found == (Downtime(NOW, NOW + minutes * MINUTE) if is_down else None)
    assert find_downtime(None, NOW, MINUTE) is None
