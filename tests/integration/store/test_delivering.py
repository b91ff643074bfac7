"""The Deliverer on a real outbox: everything arrives once, in order, and a bad channel delays no other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.alerts import DeliveryKind, Notification, Receipt
from bot.errors import DeliveryError, WaitsFor
from bot.store.store import Store
from bot.watcher.deliver import Deliverer, DeliverySettings
from bot.watcher.outage import OutageSettings
from tests.fakes.channels import Channels
from tests.fakes.clock import ManualClock
from tests.integration.store.building import LEASE, add_to_outbox, delivery, delivery_states, incident
from tests.support.waiting import LONGEST_S, eventually

QUICK = DeliverySettings(interval_s=0.0, send_timeout_s=1.0, grace_s=0.1)


async def drain(deliverer: Deliverer) -> None:
    """Tick until there is nothing to do now."""
    while await deliverer.tick():
        pass


@pytest.fixture
def clock(now: datetime) -> ManualClock:
    return ManualClock(now)


def refuse(*, permanent: bool, retry_after: timedelta | None = None) -> DeliveryError:
    return DeliveryError("Refused.", reason="refused", permanent=permanent, retry_after=retry_after)


async def test_the_deliveries_of_an_incident_arrive_in_order(store: Store, clock: ManualClock) -> None:
    about = incident(clock.now)
    kinds = {"root": DeliveryKind.ROOT, "reply": DeliveryKind.REPLY, "edit": DeliveryKind.EDIT}
    news = [delivery(key, kind, about=about) for key, kind in kinds.items()]
    await add_to_outbox(store, clock.now, *news, about=about)
    channels = Channels()

    await drain(Deliverer(store, channels, clock, QUICK))

    assert channels.arrived == ["root", "edit", "reply"]
    assert channels.roots == {"root": None, "edit": Receipt("C1", "1.0"), "reply": Receipt("C1", "1.0")}
    assert (await store.deliveries.backlog(clock.now)).count == 0


async def test_a_permanent_error_marks_the_delivery_dead_and_others_arrive(
    store: Store, database_url: str, clock: ManualClock
) -> None:
    await add_to_outbox(store, clock.now, delivery("a"), delivery("bad"), delivery("b"))
    channels = Channels(bad=refuse(permanent=True))

    await drain(Deliverer(store, channels, clock, QUICK))

    assert channels.arrived == ["a", "b"]
    assert (await delivery_states(database_url))["bad"] == ("dead", "refused (Refused.)")


async def test_a_temporary_error_is_retried_until_the_message_arrives(store: Store, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, delivery("a"), delivery("b"))
    channels = Channels(a=refuse(permanent=False))
    deliverer = Deliverer(store, channels, clock, QUICK, jitter=lambda: 1.0)

    await drain(deliverer)
    clock.advance(timedelta(seconds=1))
    await drain(deliverer)
    assert (channels.tried, channels.arrived) == (["a", "b"], ["b"])

    clock.advance(timedelta(seconds=1))
    await drain(deliverer)
    channels.trouble.clear()
    clock.advance(timedelta(seconds=4))
    await drain(deliverer)

    assert (channels.tried, channels.arrived) == (["a", "b", "a", "a"], ["b", "a"])


async def test_retry_after_pauses_only_its_channel(store: Store, clock: ManualClock) -> None:
    limited = refuse(permanent=False, retry_after=timedelta(seconds=30))
    await add_to_outbox(store, clock.now, delivery("a"), delivery("b"), delivery("c", channel="C2"))
    channels = Channels(a=limited)

    await drain(Deliverer(store, channels, clock, QUICK))

    assert (channels.tried, channels.arrived) == (["a", "c"], ["c"])
    again = Deliverer(store, Channels(), clock, QUICK)  # another process
    await drain(again)
    assert (await store.deliveries.backlog(clock.now)).count == 1


async def test_a_hanging_channel_delays_only_itself(store: Store, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, delivery("hang"), delivery("a"), delivery("b", channel="C2"))
    channels = Channels(hang=asyncio.Event)
    deliverer = Deliverer(store, channels, clock, QUICK)

    await deliverer.tick()
    assert channels.arrived == ["b"]
    await drain(deliverer)

    assert channels.arrived == ["b", "a"]
    assert (await store.deliveries.backlog(clock.now)).count == 1


async def test_a_delivery_that_keeps_crashing_is_given_up(store: Store, database_url: str, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, delivery("bug"), delivery("a"))
    channels = Channels(bug=KeyError("x"))
    deliverer = Deliverer(store, channels, clock, QUICK)

    for _ in range(8):
        await drain(deliverer)
        clock.advance(timedelta(minutes=5))

    assert (channels.tried.count("bug"), channels.arrived) == (5, ["a"])
    assert (await delivery_states(database_url))["bug"][1].startswith("bug: KeyError")


async def test_a_delivery_is_given_up_after_days(store: Store, database_url: str, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, delivery("a"))
    deliverer = Deliverer(store, Channels(a=refuse(permanent=False)), clock, QUICK)

    await drain(deliverer)
    clock.advance(timedelta(days=4))
    await drain(deliverer)

    assert (await delivery_states(database_url))["a"] == ("dead", "gave up after 2 attempts: refused (Refused.)")


async def test_a_dead_root_does_not_suppress_later_alerts(store: Store, clock: ManualClock) -> None:
    about = incident(clock.now)
    await add_to_outbox(store, clock.now, delivery("root", DeliveryKind.ROOT, about=about), about=about)
    channels = Channels(root=refuse(permanent=True))
    deliverer = Deliverer(store, channels, clock, QUICK)
    await drain(deliverer)

    clock.advance(timedelta(minutes=10))
    kinds = {"edit": DeliveryKind.EDIT, "reply": DeliveryKind.REPLY}
    await add_to_outbox(store, clock.now, *(delivery(key, kind, about=about) for key, kind in kinds.items()))
    await drain(deliverer)

    assert channels.roots == {"edit": None, "reply": Receipt("C1", "1.0")}


async def test_a_root_deleted_by_a_person_is_posted_again(store: Store, clock: ManualClock) -> None:
    about = incident(clock.now)
    kinds = {"root": DeliveryKind.ROOT, "gone": DeliveryKind.REPLY, "next": DeliveryKind.REPLY}
    await add_to_outbox(
        store, clock.now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about
    )
    deleted = DeliveryError("Deleted.", reason="thread_not_found", permanent=True, root_gone=True)
    channels = Channels()
    send = channels.send

    async def refuse_first_root(
        notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        if root == Receipt("C1", "1.0"):
            raise deleted
        return await send(notification, channel=channel, root=root, delivery_id=delivery_id)

    channels.send = refuse_first_root  # type: ignore[method-assign]
    await drain(Deliverer(store, channels, clock, QUICK))

    assert channels.roots == {"root": None, "gone": None, "next": Receipt("C1", "2.0")}


async def test_a_reply_refused_for_an_unknown_reason_does_not_block_the_next(
    store: Store, database_url: str, clock: ManualClock
) -> None:
    about = incident(clock.now)
    kinds = {"root": DeliveryKind.ROOT, "odd": DeliveryKind.REPLY, "next": DeliveryKind.REPLY}
    await add_to_outbox(
        store, clock.now, *(delivery(key, kind, about=about) for key, kind in kinds.items()), about=about
    )
    odd = DeliveryError("Odd.", reason="invalid_odd", permanent=False, unlisted=True)
    channels = Channels(odd=odd)
    deliverer = Deliverer(store, channels, clock, QUICK)

    for _ in range(6):
        await drain(deliverer)
        clock.advance(timedelta(minutes=5))

    assert channels.arrived == ["root", "next"]
    assert (await delivery_states(database_url))["odd"] == ("dead", "gave up after 5 attempts: invalid_odd (Odd.)")


async def test_messages_to_one_channel_are_rate_limited(store: Store, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, *(delivery(f"{number}") for number in range(6)), delivery("x", channel="C2"))
    channels = Channels()
    deliverer = Deliverer(store, channels, clock, DeliverySettings(interval_s=3600.0, burst=2, grace_s=0.0))

    for _ in range(3):
        await deliverer.tick()
    await eventually(lambda: len(channels.arrived) == 3)
    await deliverer.tick()
    await deliverer.stop()

    assert sorted(channels.arrived) == ["0", "1", "x"]


async def test_messages_over_the_burst_are_sent_after_a_wait(store: Store, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, *(delivery(f"{number}") for number in range(6)), delivery("x", channel="C2"))
    channels = Channels()

    await drain(Deliverer(store, channels, clock, DeliverySettings(interval_s=0.1, burst=2)))

    assert sorted(channels.arrived) == ["0", "1", "2", "3", "4", "5", "x"]
    assert channels.arrived.index("x") <= 2


async def test_stop_waits_for_messages_being_sent_and_releases_the_rest(store: Store, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, delivery("slow"), delivery("a"), delivery("b"))
    channels = Channels(slow=asyncio.Event)
    deliverer = Deliverer(store, channels, clock, DeliverySettings(interval_s=0.0, grace_s=LONGEST_S))
    await deliverer.tick()

    stopping = asyncio.create_task(deliverer.stop())
    await asyncio.sleep(0.05)
    channels.hanging.set()
    await stopping

    assert channels.arrived == ["slow"]
    successor = Channels()
    await drain(Deliverer(store, successor, clock, QUICK))
    assert successor.arrived == ["a", "b"]


async def test_a_message_cancelled_by_stop_is_sent_after_its_lease(store: Store, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, delivery("hang"))
    deliverer = Deliverer(store, Channels(hang=asyncio.Event), clock, DeliverySettings(grace_s=0.05))
    await deliverer.tick()

    await deliverer.stop()

    successor = Channels()
    await drain(Deliverer(store, successor, clock, QUICK))
    assert successor.arrived == []
    clock.advance(QUICK.lease)
    await drain(Deliverer(store, successor, clock, QUICK))
    assert successor.arrived == ["hang"]


async def test_two_processes_deliver_everything_once(store: Store, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, *(delivery(f"{number}", channel=f"C{number % 7}") for number in range(40)))
    channels = Channels()

    await asyncio.gather(*(drain(Deliverer(store, channels, clock, QUICK)) for _ in range(2)))

    assert sorted(channels.arrived) == sorted(f"{number}" for number in range(40))


async def test_a_message_that_fails_always_does_not_keep_others_from_ending_an_outage(
    store: Store, clock: ManualClock
) -> None:
    about = incident(clock.now)
    root, edit = (delivery(kind.value, kind, about=about) for kind in (DeliveryKind.ROOT, DeliveryKind.EDIT))
    failing = DeliveryError("x", reason="internal_error", permanent=False, unreachable=True, waits_for=WaitsFor.SLACK)
    channels = Channels(edit=failing)
    outage = OutageSettings(failures=1, ping_every_s=0.0, longest_ping_s=0.0)
    deliverer = Deliverer(store, channels, clock, replace(QUICK, outage=outage))
    await add_to_outbox(store, clock.now, root, edit, about=about)
    for _ in range(5):
        await deliverer.tick()

    clock.advance(LEASE)
    other = replace(about, id="inc-2", channel="C2")
    await add_to_outbox(store, clock.now, delivery("reply", DeliveryKind.REPLY, about=other, channel="C2"))
    for _ in range(5):
        await deliverer.tick()

    assert channels.arrived == ["root", "reply"]


async def test_a_message_that_stays_in_the_process_does_not_end_an_outage(store: Store, clock: ManualClock) -> None:
    channels, local = Channels(), "trainwatch-canary"
    channels.unreachable = DeliveryError(
        "x", reason="x", permanent=False, unreachable=True, waits_for=WaitsFor.SLACK, outcome_unknown=False
    )
    outage = OutageSettings(failures=1, ping_every_s=0.0, longest_ping_s=0.0)
    deliverer = Deliverer(store, channels, clock, replace(QUICK, outage=outage, local_channels=frozenset({local})))
    await add_to_outbox(store, clock.now, *(delivery(key) for key in ("a", "b")))
    await deliverer.tick()
    await add_to_outbox(store, clock.now, delivery("canary", channel=local))
    for _ in range(5):
        clock.advance(timedelta(minutes=5))
        await deliverer.tick()
    assert "canary" not in channels.tried

    channels.unreachable = None
    for _ in range(9):
        clock.advance(timedelta(minutes=5))
        await deliverer.tick()
    assert sorted(channels.arrived) == ["a", "b", "canary"]


def test_no_message_is_sent_for_longer_than_its_lease() -> None:
    assert DeliverySettings().longest_send_s == 20.0
    assert DeliverySettings(lease=timedelta(seconds=5)).longest_send_s == 4.0


async def test_messages_that_do_not_fit_into_the_lease_are_claimed_again(store: Store, clock: ManualClock) -> None:
    await add_to_outbox(store, clock.now, *(delivery(str(number)) for number in range(4)))
    channels = Channels()
    short = replace(QUICK, lease=timedelta(milliseconds=1), burst=4)
    deliverer = Deliverer(store, channels, clock, short)
    while len(channels.arrived) < 4:
        await deliverer.tick()
        clock.advance(timedelta(seconds=1))
    assert sorted(channels.arrived) == ["0", "1", "2", "3"]
