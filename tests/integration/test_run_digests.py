"""Digests of runs: on request, and of runs that start together."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from bot.domain.alerts import DeliveryKind, Notification, Receipt
from bot.domain.boards import Board, BoardKind, BoardSettings
from bot.domain.jobs import JobRef, JobState
from bot.rules.settings import parse_settings
from bot.store.run_starts import OWN_MESSAGES
from bot.store.store import Store
from bot.watcher.boards import BoardJob
from tests.fakes.clock import ManualClock
from tests.fakes.provider import NOW, FakeProvider
from tests.integration.polling import DATABASE, create_poller, poll_until_idle


async def follow(store: Store, provider: FakeProvider, *jobs: str) -> None:
    for job_id in jobs:
        job = provider.add_job(job_id)
        await store.subscriptions.add("C1", None, job.ref, "U1", parse_settings(["notify=lifecycle"]), NOW)


async def deliver(store: Store, clock: ManualClock) -> list[Notification]:
    sent = []
    while claimed := await store.deliveries.claim(clock(), lease=timedelta(minutes=1), limit=50):
        for one in claimed:
            sent.append(one.notification)
            await store.deliveries.mark_sent(one.id, one.token, Receipt(one.channel, f"1.{one.id}"), clock())
    return sent


def boards_of(sent: list[Notification]) -> list[Board]:
    return [one.board for one in sent if one.board is not None]


async def test_many_runs_at_once_stay_in_one_message(store: Store, clock: ManualClock) -> None:
    provider, names = FakeProvider(), [f"proj/{number:03}" for number in range(120)]
    await follow(store, provider, *names)
    poller, boards = create_poller(store, clock, provider), BoardJob(store, clock)
    await poll_until_idle(poller)
    clock.advance(timedelta(seconds=5))
    await boards.tick()
    started = await deliver(store, clock)

    assert Counter(one.kind for one in started) == {DeliveryKind.ROOT: 1}
    (board,) = boards_of(started)
    assert (board.kind, board.total) == (BoardKind.STARTS, 120)

    for name in names[:100]:
        provider.add_job(name, JobState.SUCCEEDED)
    later: list[Notification] = []
    for _ in range(12):
        clock.advance(timedelta(seconds=15))
        await poll_until_idle(poller)
        await boards.tick()
        later += await deliver(store, clock)
    await poller.stop()

    assert {one.kind for one in later} == {DeliveryKind.EDIT}
    assert 1 <= len(later) <= 4
    assert dict(boards_of(later)[-1].states) == {JobState.RUNNING: 20, JobState.SUCCEEDED: 100}


async def test_a_run_that_the_channel_leaves_is_not_shown_as_running(store: Store, clock: ManualClock) -> None:
    provider, names = FakeProvider(), [f"proj/{number:03}" for number in range(OWN_MESSAGES + 5)]
    await follow(store, provider, *names)
    poller, boards = create_poller(store, clock, provider), BoardJob(store, clock)
    await poll_until_idle(poller)
    clock.advance(timedelta(seconds=5))
    await boards.tick()
    await deliver(store, clock)
    for name in names[:3]:
        await store.subscriptions.remove("C1", JobRef("mem", name))
    await poll_until_idle(poller)
    clock.advance(timedelta(minutes=1, seconds=5))
    await boards.tick()
    await poller.stop()

    assert [one.total for one in boards_of(await deliver(store, clock))] == [len(names) - 3]


async def test_a_few_runs_at_once_have_separate_messages(store: Store, clock: ManualClock) -> None:
    provider = FakeProvider()
    await follow(store, provider, *(f"proj/{number:03}" for number in range(OWN_MESSAGES)))
    poller = create_poller(store, clock, provider)
    await poll_until_idle(poller)
    await BoardJob(store, clock).tick()
    sent = await deliver(store, clock)
    await poller.stop()

    assert [one.kind for one in sent] == [DeliveryKind.ROOT] * OWN_MESSAGES
    assert len({one.run.id for one in sent if one.run is not None}) == OWN_MESSAGES


async def test_several_processes_send_a_live_digest_once(store: Store, clock: ManualClock) -> None:
    provider = FakeProvider()
    await follow(store, provider, "proj/one", "proj/two")
    poller = create_poller(store, clock, provider)
    await poll_until_idle(poller)
    await deliver(store, clock)
    await store.boards.choose("C1", BoardSettings(BoardKind.LIVE, "U1"), clock())

    kinds = []
    for state in (JobState.RUNNING, JobState.RUNNING, JobState.QUEUED, JobState.QUEUED):
        provider.add_job("proj/one", state)
        await poll_until_idle(poller)
        await asyncio.gather(*(BoardJob(store, clock).tick() for _ in range(4)))
        kinds.append([one.kind for one in await deliver(store, clock) if one.board is not None])
        clock.advance(timedelta(minutes=1))
    await poller.stop()

    assert kinds == [[DeliveryKind.ROOT], [], [DeliveryKind.EDIT], []]


async def test_a_digest_that_ends_is_edited_once_more(store: Store, clock: ManualClock) -> None:
    await store.boards.choose("C1", BoardSettings(BoardKind.LIVE, "U1"), clock())
    sent = []
    for settings in (BoardSettings(BoardKind.DAILY, "U1", 540), None):
        await BoardJob(store, clock).tick()
        sent += await deliver(store, clock)
        clock.advance(timedelta(minutes=1))
        await store.boards.choose("C1", settings, clock())
    for _ in range(3):
        clock.advance(timedelta(days=1))
        await BoardJob(store, clock).tick()
        sent += await deliver(store, clock)

    assert [(one.kind, one.has_ended) for one in boards_of(sent)] == [(BoardKind.LIVE, False), (BoardKind.LIVE, True)]


async def test_a_daily_digest_is_sent_once_a_day(store: Store, clock: ManualClock) -> None:
    minute = (NOW + timedelta(minutes=30)).hour * 60 + (NOW + timedelta(minutes=30)).minute
    await store.boards.choose("C1", BoardSettings(BoardKind.DAILY, "U1", minute), clock())
    sent = []
    for _ in range(72):
        clock.advance(timedelta(hours=1))
        await asyncio.gather(*(BoardJob(store, clock).tick() for _ in range(3)))
        sent += await deliver(store, clock)

    assert [one.kind for one in sent] == [DeliveryKind.NOTE] * 3


async def test_a_digest_that_cannot_be_read_shows_nothing_wrong_and_stops_no_other(
    store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    provider = FakeProvider()
    await follow(store, provider, "proj/one")
    poller = create_poller(store, clock, provider)
    await poll_until_idle(poller)
    await poller.stop()
    await deliver(store, clock)
    for channel in ("C1", "C2"):
        await store.boards.choose(channel, BoardSettings(BoardKind.LIVE, "U1"), clock())
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        (stored,) = connection.execute("SELECT last_job FROM watches").fetchone()
        connection.execute("UPDATE watches SET last_job = '{}'")
    await BoardJob(store, clock).tick()
    shown = boards_of(await deliver(store, clock))
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("UPDATE watches SET last_job = ?", (stored,))
    clock.advance(timedelta(minutes=1))
    await BoardJob(store, clock).tick()
    shown += boards_of(await deliver(store, clock))

    assert [(one.channel, one.total) for one in shown] == [("C2", 0), ("C1", 1)]
