"""Messages that were refused are listed by channel and reason."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.check import check_store
from bot.domain.undelivered import Undelivered
from bot.store.store import Store
from tests.integration.store.building import LEASE, add_to_outbox, delivery

LATER = timedelta(minutes=5)


async def refuse(store: Store, now: datetime, *, is_dead: bool, reason: str) -> None:
    for one in await store.deliveries.claim(now, lease=LEASE):
        if is_dead:
            await store.deliveries.mark_dead(one.id, one.token, reason)
        else:
            await store.deliveries.mark_failed(one.id, one.token, reason, now + LATER)


async def test_refused_messages_are_grouped_by_channel_and_reason(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"), delivery("b"), delivery("c", channel="C2"))
    await refuse(store, now, is_dead=False, reason="is_archived: The channel is archived.")
    await add_to_outbox(store, now + LATER / 2, delivery("d"))
    await refuse(store, now + LATER / 2, is_dead=True, reason="edit_window_closed (too old)")
    listed = await store.undelivered.list(now + LATER / 2)
    assert listed == (
        Undelivered("C1", "edit_window_closed (too old)", 1, now + LATER / 2, is_waiting=False),
        Undelivered("C1", "is_archived: The channel is archived.", 2, now, is_waiting=True),
        Undelivered("C2", "is_archived: The channel is archived.", 1, now, is_waiting=True),
    )


async def test_messages_that_wait_for_their_first_try_or_were_sent_are_not_listed(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"))
    assert () == await store.undelivered.list(now + LATER)


async def test_a_message_that_was_given_up_is_listed_for_a_week(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"))
    await refuse(store, now, is_dead=True, reason="msg_too_long")
    assert 1 == len(await store.undelivered.list(now + timedelta(days=6)))
    assert () == await store.undelivered.list(now + timedelta(days=8))


async def test_check_reports_what_waits_as_a_problem_and_what_is_lost_as_a_fact(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"), delivery("b", channel="C2"))
    waiting, lost = await store.deliveries.claim(now, lease=LEASE)
    await store.deliveries.mark_failed(waiting.id, waiting.token, "restricted_action: Ask a workspace admin.", now)
    await store.deliveries.mark_dead(lost.id, lost.token, "msg_too_long (The message is too long for Slack.)")
    results = {one.subject: one for one in await check_store(store, now + LATER)}
    assert not results["Waiting for C1"].ok
    assert "Ask a workspace admin" in results["Waiting for C1"].found
    assert results["Not delivered to C2"].ok
    assert "too long" in results["Not delivered to C2"].found
