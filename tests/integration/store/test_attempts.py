"""Attempts whose outcome is unknown: a message is looked for before it is sent again, and copies are found later."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from bot.domain.alerts import DeliveryKind, Receipt
from bot.errors import WaitsFor
from bot.store.claimed_deliveries import ClaimedDelivery
from bot.store.deliveries import VERIFY_AFTER
from bot.store.engine import Database
from bot.store.schema import deliveries
from bot.store.store import Store
from tests.integration.store.building import LEASE, add_to_outbox, delivery, delivery_states, incident

RECEIPT = Receipt("C1", "1710324000.000100")
COPY = Receipt("C1", "1710324009.000100")
SECOND = timedelta(seconds=1)


async def claim(store: Store, now: datetime) -> list[ClaimedDelivery]:
    return await store.deliveries.claim(now, lease=LEASE)


async def claim_unknown(store: Store, now: datetime) -> list[ClaimedDelivery]:
    return await store.deliveries.attempts.claim(now, lease=LEASE)


async def lose_answer(store: Store, now: datetime) -> ClaimedDelivery:
    """Claim the only delivery; its attempt has an unknown outcome."""
    (one,) = await claim(store, now)
    assert await store.deliveries.mark_failed(one.id, one.token, "reset", now + SECOND, is_unknown=True)
    return one


async def test_a_delivery_whose_lease_expired_is_looked_for_before_it_is_sent_again(
    store: Store, now: datetime
) -> None:
    await add_to_outbox(store, now, delivery("a"))
    (first,) = await claim(store, now)

    assert await claim_unknown(store, now + LEASE - SECOND) == []
    assert await claim(store, now + LEASE) == []
    (unknown,) = await claim_unknown(store, now + LEASE)
    assert (unknown.id, unknown.delivery_id, unknown.unsure_since) == (first.id, first.delivery_id, now)
    assert not await store.deliveries.mark_failed(first.id, first.token, "late", now)
    assert await store.deliveries.attempts.mark_absent(unknown, now + LEASE)

    (second,) = await claim(store, now + LEASE)
    assert (second.id, second.attempts, second.unsure_since) == (first.id, 2, now)
    assert await store.deliveries.mark_sent(second.id, second.token, RECEIPT, now + LEASE)
    assert await claim(store, now + 10 * LEASE) == []


async def test_a_lost_answer_is_looked_for_after_its_wait(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"))
    await lose_answer(store, now)

    assert await claim_unknown(store, now) == []
    assert await claim(store, now + SECOND) == []
    (unknown,) = await claim_unknown(store, now + SECOND)
    assert await store.deliveries.attempts.postpone(unknown, now + 2 * SECOND)
    assert await claim_unknown(store, now + SECOND) == []
    (again,) = await claim_unknown(store, now + 2 * SECOND)
    assert await store.deliveries.mark_sent(again.id, again.token, RECEIPT, now + 2 * SECOND)
    assert await claim_unknown(store, now + 10 * LEASE) == []


async def test_what_was_refused_is_sent_again_without_a_search(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"))
    (one,) = await claim(store, now)
    await store.deliveries.mark_failed(one.id, one.token, "not_in_channel", now)

    assert await claim_unknown(store, now) == []
    (again,) = await claim(store, now)
    assert again.unsure_since is None
    await store.deliveries.mark_sent(again.id, again.token, RECEIPT, now)
    assert await store.deliveries.attempts.claim_sent(now + 10 * VERIFY_AFTER, lease=LEASE) == []


async def test_an_edit_is_repeated_without_a_search(store: Store, now: datetime) -> None:
    about = incident(now)
    kinds = {"root": DeliveryKind.ROOT, "edit": DeliveryKind.EDIT}
    await add_to_outbox(store, now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about)
    (root,) = await claim(store, now)
    await store.deliveries.mark_sent(root.id, root.token, RECEIPT, now)
    await claim(store, now)

    assert await claim_unknown(store, now + LEASE) == []
    (edit,) = await claim(store, now + LEASE)
    assert edit.notification.kind is DeliveryKind.EDIT


async def test_the_sender_of_a_message_that_was_found_meanwhile_has_sent_no_copy(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"))
    (sender,) = await claim(store, now)
    (finder,) = await claim_unknown(store, now + LEASE)
    assert await store.deliveries.mark_sent(finder.id, finder.token, RECEIPT, now + LEASE)

    assert await store.deliveries.mark_sent(sender.id, sender.token, RECEIPT, now + LEASE)
    assert not await store.deliveries.mark_sent(sender.id, sender.token, COPY, now + LEASE)


async def test_an_edit_whose_claim_expired_is_superseded_by_a_later_one_and_the_newest_state_is_shown_again(
    store: Store, now: datetime
) -> None:
    about = incident(now)
    kinds = {"root": DeliveryKind.ROOT, "edit 1": DeliveryKind.EDIT}
    await add_to_outbox(store, now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about)
    (root,) = await claim(store, now)
    await store.deliveries.mark_sent(root.id, root.token, RECEIPT, now)
    await claim(store, now)  # its process is killed
    await add_to_outbox(store, now + LEASE / 2, delivery("edit 2", DeliveryKind.EDIT, about=about))
    assert await claim(store, now + LEASE / 2) == []

    (edit,) = await claim(store, now + LEASE)
    assert edit.notification.text == "edit 2"
    await store.deliveries.mark_sent(edit.id, edit.token, RECEIPT, now + LEASE, edit=edit.notification)

    assert await claim(store, now + LEASE) == []
    (again,) = await claim(store, now + LEASE + VERIFY_AFTER)
    assert (again.notification.text, again.notification.incident) == ("edit 2", about)
    await store.deliveries.mark_sent(again.id, again.token, RECEIPT, now + LEASE + VERIFY_AFTER)
    assert await claim(store, now + LEASE + 3 * VERIFY_AFTER) == []


async def test_an_edit_sent_again_after_its_claim_expired_shows_the_newest_state_once_more(
    store: Store, now: datetime
) -> None:
    about = incident(now)
    kinds = {"root": DeliveryKind.ROOT, "edit": DeliveryKind.EDIT}
    await add_to_outbox(store, now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about)
    (root,) = await claim(store, now)
    await store.deliveries.mark_sent(root.id, root.token, RECEIPT, now)
    await claim(store, now)  # its process is killed

    (edit,) = await claim(store, now + LEASE)
    await store.deliveries.mark_sent(edit.id, edit.token, RECEIPT, now + LEASE, edit=edit.notification)

    (again,) = await claim(store, now + LEASE + VERIFY_AFTER)
    assert (again.delivery_id != edit.delivery_id, again.notification.kind) == (True, DeliveryKind.EDIT)


async def test_replies_wait_for_a_root_whose_outcome_is_unknown(store: Store, now: datetime) -> None:
    about = incident(now)
    kinds = {"root": DeliveryKind.ROOT, "reply": DeliveryKind.REPLY, "edit": DeliveryKind.EDIT}
    await add_to_outbox(store, now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about)
    await lose_answer(store, now)

    assert await claim(store, now + SECOND) == []
    (root,) = await claim_unknown(store, now + SECOND)
    await store.deliveries.mark_sent(root.id, root.token, RECEIPT, now + SECOND)
    assert [one.root for one in await claim(store, now + SECOND)] == [RECEIPT, RECEIPT]


async def test_a_message_sent_after_an_unknown_outcome_is_verified_once(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"))
    first = await lose_answer(store, now)
    (unknown,) = await claim_unknown(store, now + SECOND)
    await store.deliveries.attempts.mark_absent(unknown, now + SECOND)
    (second,) = await claim(store, now + SECOND)
    await store.deliveries.mark_sent(second.id, second.token, RECEIPT, now + SECOND)

    attempts, due = store.deliveries.attempts, now + SECOND + VERIFY_AFTER
    assert await attempts.claim_sent(due - SECOND, lease=LEASE) == []
    (sent,) = await attempts.claim_sent(due, lease=LEASE)
    assert (sent.delivery_id, sent.receipt, sent.unsure_since) == (first.delivery_id, RECEIPT, now)
    assert await attempts.claim_sent(due, lease=LEASE) == []
    await attempts.mark_verified([sent.id], is_single=True)
    assert await attempts.claim_sent(due + 10 * LEASE, lease=LEASE) == []


@pytest.mark.parametrize("by", [timedelta(hours=2), timedelta(hours=-2), timedelta(minutes=1), -SECOND])
async def test_attempts_move_with_a_clock_that_is_set(store: Store, now: datetime, by: timedelta) -> None:
    await add_to_outbox(store, now, delivery("sent"))
    await lose_answer(store, now)
    (unknown,) = await claim_unknown(store, now + SECOND)
    await store.deliveries.mark_sent(unknown.id, unknown.token, RECEIPT, now)
    await add_to_outbox(store, now, delivery("unknown"))
    await lose_answer(store, now)

    await store.due_times.move_attempts(by, now + by, with_leases=False)

    searched_since = now + min(2 * by, timedelta(0))
    assert await store.deliveries.attempts.claim_sent(now + by + VERIFY_AFTER - SECOND, lease=LEASE) == []
    (sent,) = await store.deliveries.attempts.claim_sent(now + by + VERIFY_AFTER, lease=LEASE)
    (lost,) = await claim_unknown(store, now + SECOND)
    assert (sent.unsure_since, lost.unsure_since) == (searched_since, searched_since)


@pytest.mark.parametrize("runs", [True, False])
async def test_the_newest_state_is_shown_again_although_the_clock_was_set_since_an_edit(
    store: Store, now: datetime, *, runs: bool
) -> None:
    """Slack may accept the first edit after the second one. `runs`: its sender was not killed."""
    about, by = incident(now), timedelta(hours=2)
    kinds = {"root": DeliveryKind.ROOT, "edit 1": DeliveryKind.EDIT}
    await add_to_outbox(store, now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about)
    (root,) = await claim(store, now)
    await store.deliveries.mark_sent(root.id, root.token, RECEIPT, now)
    (first,) = await claim(store, now)
    if runs:
        await store.deliveries.mark_failed(first.id, first.token, "timeout", now + SECOND, is_unknown=True)

    await store.due_times.move_attempts(by, now + by, with_leases=runs)

    later = now + by + SECOND
    await add_to_outbox(store, later, delivery("edit 2", DeliveryKind.EDIT, about=about))
    (second,) = await claim(store, later)
    await store.deliveries.mark_sent(second.id, second.token, RECEIPT, later, edit=second.notification)
    (again,) = await claim(store, later + VERIFY_AFTER)
    assert again.notification.text == "edit 2"


@pytest.mark.parametrize("by", [timedelta(hours=2), timedelta(hours=-2)])
@pytest.mark.parametrize("runs", [True, False])
async def test_an_edit_that_shows_the_newest_state_again_keeps_its_wait_when_the_clock_is_set(
    store: Store, now: datetime, by: timedelta, *, runs: bool
) -> None:
    about, moved = incident(now), now + by
    kinds = {"root": DeliveryKind.ROOT, "edit 1": DeliveryKind.EDIT}
    await add_to_outbox(store, now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about)
    (root,) = await claim(store, now)
    await store.deliveries.mark_sent(root.id, root.token, RECEIPT, now)
    (first,) = await claim(store, now)
    await store.deliveries.mark_failed(first.id, first.token, "timeout", now, is_unknown=True)
    (first,) = await claim(store, now)
    await store.deliveries.mark_sent(first.id, first.token, RECEIPT, now, edit=first.notification)

    await store.due_times.move_attempts(by, moved, with_leases=runs)
    if by < timedelta(0):
        await store.due_times.make_due(moved, LEASE)

    assert await claim(store, moved + VERIFY_AFTER - SECOND) == []
    assert len(await claim(store, moved + VERIFY_AFTER)) == 1


@pytest.mark.parametrize("corrects", [True, False])
async def test_a_verification_that_a_wrong_clock_planned_comes_neither_late_nor_at_once(
    store: Store, now: datetime, *, corrects: bool
) -> None:
    wrong = now + timedelta(hours=3)
    await add_to_outbox(store, wrong, delivery("sent"))
    await lose_answer(store, wrong)
    (unknown,) = await claim_unknown(store, wrong + SECOND)
    await store.deliveries.mark_sent(unknown.id, unknown.token, RECEIPT, wrong)

    if corrects:
        furthest = timedelta(hours=1)
        await store.due_times.correct(now, furthest_poll=furthest, furthest_delivery=furthest)
    else:
        await store.due_times.make_due(now, LEASE)

    attempts = store.deliveries.attempts
    assert await attempts.claim_sent(now + VERIFY_AFTER - SECOND, lease=LEASE) == []
    assert [one.id for one in await attempts.claim_sent(now + VERIFY_AFTER, lease=LEASE)] == [unknown.id]


async def test_a_clock_that_is_set_forward_ends_no_lease(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"))
    (one,) = await claim(store, now)
    by = timedelta(hours=2)

    await store.due_times.move_attempts(by, now + by, with_leases=True)

    assert await claim_unknown(store, now + by + LEASE - SECOND) == []
    assert [found.id for found in await claim_unknown(store, now + by + LEASE)] == [one.id]


async def test_the_first_receipt_counts_when_two_processes_sent_a_message(store: Store, now: datetime) -> None:
    about = incident(now)
    await add_to_outbox(store, now, delivery("root", DeliveryKind.ROOT, about=about), about=about)
    (slow,) = await claim(store, now)
    (unknown,) = await claim_unknown(store, now + LEASE)
    await store.deliveries.attempts.mark_absent(unknown, now + LEASE)
    (fast,) = await claim(store, now + LEASE)

    assert await store.deliveries.mark_sent(slow.id, slow.token, RECEIPT, now + LEASE)
    assert not await store.deliveries.mark_sent(fast.id, fast.token, COPY, now + LEASE)

    assert await store.incidents.find_by_root(RECEIPT) == about
    (sent,) = await store.deliveries.attempts.claim_sent(now + LEASE + VERIFY_AFTER, lease=LEASE)
    assert sent.receipt == RECEIPT


@pytest.mark.parametrize("waits_for", list(WaitsFor))
async def test_recovery_releases_only_what_waits_for_it(store: Store, now: datetime, waits_for: WaitsFor) -> None:
    await add_to_outbox(store, now, *(delivery(name, channel=name) for name in (*WaitsFor, "other")))
    for one in await claim(store, now):
        reason = WaitsFor(one.channel) if one.channel in list(WaitsFor) else None
        await store.deliveries.mark_failed(one.id, one.token, "x", now + timedelta(hours=1), waits_for=reason)

    assert await store.deliveries.retry_now(now, waits_for=waits_for) == 1
    assert [one.channel for one in await claim(store, now)] == [waits_for]


async def test_a_row_that_cannot_be_read_is_given_up_and_the_others_are_looked_for(
    store: Store, now: datetime, database_url: str
) -> None:
    await add_to_outbox(store, now, delivery("a"), delivery("b"))
    for one in await claim(store, now):
        await store.deliveries.mark_failed(one.id, one.token, "reset", now + SECOND, is_unknown=True)
    database = Database(database_url)
    async with database.write() as connection:
        await connection.execute(update(deliveries).where(deliveries.c.dedupe_key == "a").values(notification="[]"))
    await database.aclose()

    assert [one.notification.text for one in await claim_unknown(store, now + SECOND)] == ["b"]
    assert (await delivery_states(database_url))["a"] == ("dead", "cannot be read: written by another version")
