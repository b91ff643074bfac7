"""The outbox: deliveries go out in order, once unless a process dies, and never get lost."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from bot.domain.alerts import DeliveryKind, NotifyReason, Receipt
from bot.domain.ownership import Acknowledgement
from bot.store.claimed_deliveries import ClaimedDelivery
from bot.store.engine import Database
from bot.store.store import Store
from tests.integration.store.building import (
    JOB,
    LEASE,
    add_to_outbox,
    claim_one,
    delivery,
    delivery_states,
    incident,
    result,
    watch_job,
)

ROOT, REPLY, EDIT, NOTE = DeliveryKind.ROOT, DeliveryKind.REPLY, DeliveryKind.EDIT, DeliveryKind.NOTE
RECEIPT = Receipt("C1", "1710324000.000100")


async def claim(store: Store, now: datetime) -> list[ClaimedDelivery]:
    return await store.deliveries.claim(now, lease=LEASE)


async def claim_texts(store: Store, now: datetime) -> list[str | None]:
    return [one.notification.text for one in await claim(store, now)]


async def send_next(store: Store, now: datetime) -> str | None:
    """Claim the one delivery that is due, and mark it sent."""
    (one,) = await claim(store, now)
    assert await store.deliveries.mark_sent(one.id, one.token, RECEIPT, now)
    return one.notification.text


async def test_a_claimed_delivery_equals_the_one_added(store: Store, now: datetime) -> None:
    about = incident(now)
    news = delivery("fired", ROOT, about=about)
    await add_to_outbox(store, now, news, about=about)

    (claimed,) = await claim(store, now + timedelta(seconds=1))

    assert (claimed.channel, claimed.notification, claimed.root) == ("C1", news.notification, None)
    assert (claimed.attempts, claimed.created_at) == (1, now)


async def test_a_repeated_dedupe_key_is_ignored(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"), delivery("a"))
    assert await send_next(store, now) == "a"
    await add_to_outbox(store, now + LEASE, delivery("a"), delivery("b"))

    assert await claim_texts(store, now + LEASE) == ["b"]


async def test_replies_and_edits_wait_for_their_root_and_an_edit_overtakes_replies(store: Store, now: datetime) -> None:
    about = incident(now)
    kinds = {"root": ROOT, "reply 1": REPLY, "edit": EDIT, "reply 2": REPLY}
    await add_to_outbox(store, now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about)

    (root,) = await claim(store, now)
    assert (root.notification.kind, root.root) == (ROOT, None)
    assert await claim(store, now) == []
    await store.deliveries.mark_failed(root.id, root.token, "timeout", now + timedelta(seconds=5))
    assert await claim(store, now) == []

    later = now + timedelta(seconds=5)
    assert await send_next(store, later) == "root"
    edit, reply = await claim(store, later)
    assert (edit.notification.text, edit.root) == ("edit", RECEIPT)
    assert (reply.notification.text, reply.root) == ("reply 1", RECEIPT)
    assert await claim(store, later) == []
    await store.deliveries.mark_sent(reply.id, reply.token, Receipt("C1", "2.0"), later)
    assert await send_next(store, later) == "reply 2"


async def test_incidents_and_notes_do_not_wait_for_each_other(store: Store, now: datetime) -> None:
    one, two = incident(now), incident(now, id="inc-2", channel="C2")
    news = [
        delivery("root 1", ROOT, about=one),
        delivery("reply 1", REPLY, about=one),
        delivery("root 2", ROOT, about=two, channel="C2"),
        delivery("note"),
    ]
    await add_to_outbox(store, now, *news, about=one)

    assert await claim_texts(store, now) == ["root 1", "root 2", "note"]


async def test_a_later_edit_supersedes_an_unsent_one(store: Store, database_url: str, now: datetime) -> None:
    about = incident(now)
    kinds = {"root": ROOT, "edit 1": EDIT, "reply": REPLY, "edit 2": EDIT}
    await add_to_outbox(store, now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about)

    assert await send_next(store, now) == "root"
    assert await claim_texts(store, now) == ["edit 2", "reply"]
    assert (await delivery_states(database_url))["edit 1"] == ("superseded", "a later edit replaces it")


async def test_an_edit_being_sent_is_not_superseded(store: Store, now: datetime) -> None:
    about = incident(now)
    await add_to_outbox(
        store, now, delivery("root", ROOT, about=about), delivery("edit 1", EDIT, about=about), about=about
    )
    await send_next(store, now)
    (under_way,) = await claim(store, now)
    await add_to_outbox(store, now + LEASE / 2, delivery("edit 2", EDIT, about=about))

    assert await claim(store, now + LEASE / 2) == []
    assert await store.deliveries.mark_sent(under_way.id, under_way.token, RECEIPT, now)
    assert await send_next(store, now + LEASE / 2) == "edit 2"


async def test_after_a_dead_root_the_next_delivery_opens_the_thread(
    store: Store, database_url: str, now: datetime
) -> None:
    about = incident(now)
    kinds = {"root": ROOT, "reply": REPLY, "reply 2": REPLY}
    await add_to_outbox(store, now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about)
    (root,) = await claim(store, now)
    await store.deliveries.mark_dead(root.id, root.token, "channel_not_found")

    (reply,) = await claim(store, now)
    assert (reply.notification.kind, reply.notification.incident, reply.root) == (ROOT, about, None)
    await store.deliveries.mark_failed(reply.id, reply.token, "timeout", now)
    (again,) = await claim(store, now)
    assert again.notification.kind is ROOT
    await store.deliveries.mark_sent(again.id, again.token, RECEIPT, now)

    (second,) = await claim(store, now)
    assert (second.notification.kind, second.root) == (REPLY, RECEIPT)
    assert (await delivery_states(database_url))["root"] == ("dead", "channel_not_found")


@pytest.mark.parametrize("kind", [REPLY, EDIT])
async def test_a_delivery_replaces_its_deleted_root(store: Store, now: datetime, kind: DeliveryKind) -> None:
    about = incident(now)
    await add_to_outbox(
        store, now, delivery("root", ROOT, about=about), delivery("news", kind, about=about), about=about
    )
    await send_next(store, now)
    (news,) = await claim(store, now)

    assert await store.deliveries.replace_root(news.id, news.token, RECEIPT, now)
    assert not await store.deliveries.replace_root(news.id, news.token, RECEIPT, now)

    (again,) = await claim(store, now)
    assert (again.id, again.notification.kind, again.root) == (news.id, ROOT, None)
    new = Receipt("C1", "2.0")
    await store.deliveries.mark_sent(again.id, again.token, new, now)
    await store.incidents.acknowledge("inc-1", "U7", now)
    (edit,) = await claim(store, now)
    assert (edit.notification.kind, edit.root) == (EDIT, new)


async def test_a_suppressed_root_is_a_row_with_a_reason_and_suppresses_its_thread(
    store: Store, database_url: str, now: datetime
) -> None:
    about = incident(now)
    news = [delivery("root", ROOT, about=about, suppressed_by="silence 3"), delivery("reply", REPLY, about=about)]
    await add_to_outbox(store, now, *news, about=about)

    assert await claim(store, now) == []
    assert await delivery_states(database_url) == {
        "root": ("suppressed", "silence 3"),
        "reply": ("suppressed", "the incident's first message was not sent: silence 3"),
    }


async def test_a_root_sent_later_accepts_replies_again(store: Store, now: datetime) -> None:
    about = incident(now)
    news = [
        delivery("muted", ROOT, about=about, suppressed_by="silence 3"),
        delivery("lost", REPLY, about=about),
        delivery("root", ROOT, about=about),
        delivery("reply", REPLY, about=about),
    ]
    await add_to_outbox(store, now, *news, about=about)

    assert [await send_next(store, now), await send_next(store, now)] == ["root", "reply"]


async def test_a_failed_delivery_is_due_at_its_retry_time(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"))
    (one,) = await claim(store, now)

    assert await store.deliveries.mark_failed(one.id, one.token, "503 \0", now + timedelta(seconds=30))

    assert await claim(store, now + timedelta(seconds=29)) == []
    (again,) = await claim(store, now + timedelta(seconds=30))
    assert again.attempts == 2


async def test_a_postponed_delivery_does_not_count_as_an_attempt(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("a"))
    (one,) = await claim(store, now)

    assert await store.deliveries.postpone(one.id, one.token, now + timedelta(seconds=1))

    assert await claim(store, now) == []
    (again,) = await claim(store, now + timedelta(seconds=1))
    assert again.attempts == 1


async def test_a_busy_channel_leaves_room_for_others(store: Store, now: datetime) -> None:
    crowd = [delivery(f"crowd {number}") for number in range(10)]
    await add_to_outbox(store, now, *crowd, delivery("alone", channel="C2"), delivery("later", channel="C3"))

    first = await store.deliveries.claim(now, lease=LEASE, limit=5, room={"C1": 4, "C2": 4, "C3": 0}.__getitem__)
    second = await store.deliveries.claim(now, lease=LEASE, room={"C1": 0, "C2": 4, "C3": 4}.__getitem__)

    assert [one.notification.text for one in first] == ["crowd 0", "crowd 1", "crowd 2", "crowd 3", "alone"]
    assert [one.notification.text for one in second] == ["later"]


async def test_the_backlog_has_the_count_and_the_longest_wait(store: Store, now: datetime) -> None:
    assert (await store.deliveries.backlog(now)).count == 0
    await add_to_outbox(store, now, delivery("a"), delivery("b"))
    (one, _) = await claim(store, now)
    await store.deliveries.mark_sent(one.id, one.token, RECEIPT, now)

    backlog = await store.deliveries.backlog(now + timedelta(seconds=7))

    assert (backlog.count, backlog.oldest) == (1, timedelta(seconds=7))


async def test_an_undecodable_delivery_is_marked_dead_without_affecting_others(
    store: Store, database_url: str, now: datetime
) -> None:
    await add_to_outbox(store, now, delivery("bad"), delivery("good"))
    database = Database(database_url)
    async with database.write() as connection:
        await connection.execute(text("UPDATE deliveries SET notification = '{}' WHERE dedupe_key = 'bad'"))
    await database.aclose()

    assert await claim_texts(store, now) == ["good"]
    assert (await delivery_states(database_url))["bad"] == ("dead", "cannot be read: written by another version")


async def test_acknowledging_names_the_person_and_edits_the_root(store: Store, now: datetime) -> None:
    about = incident(now)
    await add_to_outbox(store, now, delivery("root", ROOT, about=about), about=about)
    await send_next(store, now)

    acknowledged = await store.incidents.acknowledge("inc-1", "U7", now)

    assert acknowledged is not None
    assert acknowledged.acknowledgement == Acknowledgement("U7", now)
    assert await store.incidents.find("inc-1") == acknowledged
    assert (await claim_one(store, now)).incidents == (acknowledged,)
    (edit,) = await claim(store, now)
    assert (edit.notification.kind, edit.notification.reason) == (EDIT, NotifyReason.CHANGED)
    assert (edit.notification.incident, edit.root) == (acknowledged, RECEIPT)


async def test_a_second_acknowledgement_changes_nothing_unless_it_takes_over(store: Store, now: datetime) -> None:
    about = incident(now)
    await add_to_outbox(store, now, delivery("root", ROOT, about=about), about=about)
    await send_next(store, now)

    first = await store.incidents.acknowledge("inc-1", "U7", now)
    assert await store.incidents.acknowledge("inc-1", "U7", now + timedelta(seconds=1)) == first
    assert (await store.deliveries.backlog(now)).count == 1
    assert await store.incidents.acknowledge("inc-1", "U8", now + timedelta(seconds=2)) == first
    assert await store.incidents.acknowledge("inc-1", "U8", now, taken_from="U9") == first
    assert (await store.deliveries.backlog(now)).count == 1
    later = now + timedelta(seconds=3)
    second = await store.incidents.acknowledge("inc-1", "U8", later, taken_from="U7")
    assert second is not None
    assert second.acknowledgement == Acknowledgement("U8", later, taken_from="U7")
    assert (await store.deliveries.backlog(now)).count == 2  # a newer edit, and the takeover in the thread


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_resolved_incident_cannot_be_acknowledged(store: Store, now: datetime, forgotten: bool) -> None:
    over = incident(now, resolved=True)
    await watch_job(store, now)
    watch = await claim_one(store, now)
    await store.watches.settle([result(watch, now, incidents=[over], unsubscribe=forgotten)], now)

    assert await store.incidents.acknowledge("inc-1", "U7", now) == over
    assert (await store.deliveries.backlog(now)).count == 0


async def test_acknowledging_an_unknown_incident_returns_none(store: Store, now: datetime) -> None:
    assert await store.incidents.acknowledge("inc-404", "U7", now) is None


async def test_open_incidents_are_listed_by_channel(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    watch = await claim_one(store, now)
    here, there = incident(now), incident(now, id="inc-2", channel="C2")
    over = incident(now, id="inc-3", resolved=True)
    await store.watches.settle([result(watch, now, incidents=[here, there, over])], now)

    assert await store.incidents.list_open("C1") == (here,)
    assert await store.incidents.list_open("C1", JOB) == (here,)
    assert await store.incidents.list_open("C3") == ()


async def payloads(database_url: str) -> dict[str, bool]:
    """Whether each delivery still has its notification, by dedupe key."""
    database = Database(database_url)
    async with database.read() as connection:
        found = (await connection.execute(text("SELECT dedupe_key, notification <> '' FROM deliveries"))).all()
    await database.aclose()
    return {key: bool(kept) for key, kept in found}


async def test_finished_deliveries_keep_no_payload(store: Store, database_url: str, now: datetime) -> None:
    """Each contains a whole incident, so a noisy job would fill the disk."""
    about, muted = incident(now), incident(now, id="inc-2")
    news = [
        delivery("root", ROOT, about=about),
        delivery("edit 1", EDIT, about=about),
        delivery("edit 2", EDIT, about=about),
        delivery("muted", ROOT, about=muted, suppressed_by="silence 3"),
        delivery("muted too", EDIT, about=muted),
        delivery("dead"),
        delivery("waiting"),
    ]
    await add_to_outbox(store, now, *news, about=about)
    for one in await claim(store, now):
        if one.notification.text == "root":
            await store.deliveries.mark_sent(one.id, one.token, RECEIPT, now)
        elif one.notification.text == "dead":
            await store.deliveries.mark_dead(one.id, one.token, "refused")
    assert await send_next(store, now) == "edit 2"

    kept = await payloads(database_url)

    assert {key for key, is_kept in kept.items() if is_kept} == {"dead", "waiting"}


async def test_thousands_of_rows_are_purged(store: Store, database_url: str, now: datetime) -> None:
    old = now - timedelta(days=31)
    await add_to_outbox(store, old, *(delivery(f"{number}", suppressed_by="silence 1") for number in range(2500)))

    assert await store.purge_expired(now) == 2500
    assert await delivery_states(database_url) == {}


async def test_only_expired_rows_are_purged(store: Store, database_url: str, now: datetime) -> None:
    old = now - timedelta(days=31)
    await add_to_outbox(store, old, delivery("sent"), delivery("waiting"), about=incident(old, resolved=True))
    first = (await claim(store, old))[0]
    await store.deliveries.mark_sent(first.id, first.token, RECEIPT, old)
    await add_to_outbox(store, now, delivery("fresh", suppressed_by="silence 1"), about=incident(now, id="inc-2"))
    await store.silences.add("C1", (), "U1", old, old)

    assert await store.purge_expired(now) == 3

    assert set(await delivery_states(database_url)) == {"waiting", "fresh"}
    assert await store.incidents.find("inc-1") is None
    assert await store.incidents.find("inc-2") is not None


async def test_retry_now_makes_waiting_deliveries_due_but_not_those_being_sent(store: Store, now: datetime) -> None:
    await add_to_outbox(store, now, delivery("waits"), delivery("goes"), delivery("elsewhere", channel="C2"))
    waits, goes, elsewhere = await claim(store, now)
    for one in (waits, elsewhere):
        await store.deliveries.mark_failed(one.id, one.token, "not_in_channel", now + timedelta(minutes=5))

    assert 1 == await store.deliveries.retry_now(now, channel="C1")
    assert await claim_texts(store, now) == ["waits"]
    assert await store.deliveries.mark_sent(goes.id, goes.token, RECEIPT, now)
