"""Messages about runs in the outbox, on each database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.domain.alerts import Delivery, DeliveryKind, Notification, NotifyReason, Receipt
from bot.domain.boards import BoardKind, BoardSettings
from bot.domain.jobs import JobRef, JobState
from bot.domain.runs import RunReport, RunStatistics
from bot.domain.subscriptions import RuleSettings
from bot.domain.watches import PollResult
from bot.rules.boards import plan_board
from bot.store.engine import Database
from bot.store.run_starts import join_starts
from bot.store.schema import boards
from bot.store.store import Store
from tests.integration.store.building import LEASE, job
from tests.integration.store.conftest import NOW


def about(number: int, kind: DeliveryKind, key: str, state: JobState = JobState.RUNNING) -> Delivery:
    ref = JobRef("baseten", f"proj/{number:03}")
    report = RunReport(f"run-{number:012}", "C1", job(ref, state), RunStatistics(), NOW)
    return Delivery(key, "C1", Notification(kind, NotifyReason.RUN, report.job, run=report))


async def settle(store: Store, now: datetime, *deliveries: Delivery) -> None:
    """Save the result of a poll of one job with these deliveries."""
    await store.subscriptions.add("C1", None, JobRef("baseten", "proj/000"), "U1", RuleSettings(), now)
    (watch,) = await store.watches.claim_due(now, lease=LEASE)
    result = PollResult(watch.id, watch.token, next_due_at=now + timedelta(hours=1), deliveries=deliveries)
    assert await store.watches.settle([result], now)


async def send(store: Store, now: datetime) -> list[tuple[DeliveryKind, str]]:
    sent = []
    while claimed := await store.deliveries.claim(now, lease=LEASE):
        for one in claimed:
            shown = one.notification.run or one.notification.board
            assert shown is not None
            assert one.notification.kind is not DeliveryKind.EDIT or one.root is not None
            sent.append((one.notification.kind, shown.id))
            await store.deliveries.mark_sent(one.id, one.token, Receipt("C1", f"1.{one.id}"), now)
    return sent


async def test_a_thread_keeps_its_order_and_a_decision_that_is_repeated_adds_nothing(store: Store) -> None:
    decided = [
        about(1, DeliveryKind.ROOT, "root"),
        about(1, DeliveryKind.REPLY, "started"),
        about(1, DeliveryKind.EDIT, "e1"),
    ]
    await settle(store, NOW, *decided)
    await settle(store, NOW, *decided, about(1, DeliveryKind.EDIT, "e2"), about(1, DeliveryKind.REPLY, "first step"))

    kinds = [kind for kind, _ in await send(store, NOW)]
    assert kinds[0] is DeliveryKind.ROOT
    assert sorted(kinds[1:]) == [DeliveryKind.EDIT, DeliveryKind.REPLY, DeliveryKind.REPLY]
    assert await send(store, NOW + LEASE) == []


async def test_the_thread_of_a_run_knows_its_job(store: Store) -> None:
    await settle(store, NOW, about(1, DeliveryKind.ROOT, "root"))
    (claimed,) = await store.deliveries.claim(NOW, lease=LEASE)
    root = Receipt("C1", "1.5")
    await store.deliveries.mark_sent(claimed.id, claimed.token, root, NOW)

    assert await store.runs.find_job(root) == "baseten:proj/001"
    assert await store.runs.find_job(replace(root, ts="1.6")) is None


async def test_many_starts_share_a_message_that_follows_them(store: Store) -> None:
    await settle(store, NOW, *(about(number, DeliveryKind.ROOT, f"{number}:root") for number in range(20)))
    assert await send(store, NOW) == []

    later = NOW + timedelta(seconds=5)
    (board,) = await store.boards.list_due(later)
    plan = plan_board(board, await store.boards.started_together(board.id), later)
    assert await store.boards.save(board, plan.shown, plan.next_at, plan.delivery, later)
    assert not await store.boards.save(board, plan.shown, plan.next_at, plan.delivery, later)
    assert await send(store, later) == [(DeliveryKind.ROOT, board.id)]

    await settle(
        store,
        later,
        about(3, DeliveryKind.EDIT, "3:edit", JobState.SUCCEEDED),
        about(3, DeliveryKind.REPLY, "3:ended", JobState.SUCCEEDED),
    )
    assert await store.boards.list_due(later) == []
    (again,) = await store.boards.list_due(later + timedelta(minutes=1))
    states = [row.job.state for row in await store.boards.started_together(again.id)]
    assert states.count(JobState.SUCCEEDED) == 1
    assert await send(store, later) == []


async def test_a_channel_has_one_digest(store: Store) -> None:
    for kind in (BoardKind.LIVE, BoardKind.DAILY, BoardKind.LIVE):
        await store.boards.choose("C1", BoardSettings(kind, "U1", 540), NOW)
        chosen = await store.boards.of_channel("C1")
        assert chosen is not None
        assert chosen.kind is kind
    await store.boards.choose("C1", None, NOW)
    assert await store.boards.of_channel("C1") is None


async def test_edits_of_runs_are_kept_for_a_day(store: Store) -> None:
    await settle(store, NOW, *(about(1, DeliveryKind.EDIT, f"edit {number}") for number in range(5)))
    await send(store, NOW)
    assert await store.purge_expired(NOW + timedelta(hours=23)) == 0
    assert await store.purge_expired(NOW + timedelta(hours=25)) == 4


async def test_old_messages_are_purged(store: Store) -> None:
    await settle(store, NOW, *(about(number, DeliveryKind.ROOT, f"{number}:root") for number in range(1, 20)))
    await store.boards.choose("C2", BoardSettings(BoardKind.LIVE), NOW)
    await store.purge_expired(NOW + timedelta(days=31))

    assert [one.channel for one in await store.boards.list_due(NOW + timedelta(days=31))] == ["C2"]


async def test_two_processes_open_one_message_for_runs_that_start_together(database_url: str, now: datetime) -> None:
    """The second waits for the first to commit; on SQLite it waits for the write lock."""
    first, second = Database(database_url), Database(database_url)
    groups = [
        [about(number, DeliveryKind.ROOT, f"root-{number}") for number in range(begin, begin + 12)] for begin in (0, 50)
    ]

    async def join(database: Database, roots: list[Delivery]) -> None:
        async with database.write() as connection:
            await join_starts(database, connection, roots, now)

    async with first.write() as connection:
        await join_starts(first, connection, groups[0], now)
        other = asyncio.create_task(join(second, groups[1]))
        await asyncio.wait([other], timeout=0.3)
    await other
    async with first.read() as connection:
        assert 1 == len((await connection.execute(select(boards.c.id))).all())
    await first.aclose()
    await second.aclose()
