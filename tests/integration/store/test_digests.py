"""Digests on each database: incidents join, their deliveries are folded, and one of several plans is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.alerts import DeliveryKind, Incident, Receipt, Severity
from bot.domain.digest_plans import DigestPlan
from bot.domain.digests import DigestState
from bot.domain.jobs import JobRef
from bot.store.store import KEEP_FOR, Store, open_store
from tests.integration.store.building import LEASE, delivery, delivery_states, incident, job, result, watch_job

SECOND = timedelta(seconds=1)
PLATFORM = "platform:baseten"


def root_key(number: int) -> str:
    return f"root {number}"


async def open_incidents(
    store: Store, now: datetime, *numbers: int, group: str = "", severity: Severity = Severity.WARN
) -> list[Incident]:
    """Settle one poll of each job, in one transaction, which opens an incident."""
    for number in numbers:
        await watch_job(store, now, ref=JobRef("baseten", f"job{number}"))
    claimed = [one for one in await store.watches.claim_due(now, lease=LEASE) if int(one.job.id[3:]) in numbers]
    opened = []
    results = []
    for watch in claimed:
        number = int(watch.job.id[3:])
        about = incident(now, id=f"inc-{number}")
        alerts = tuple(replace(one, severity=severity) for one in about.alerts)
        about = replace(about, job=job(watch.job), group=group, alerts=alerts)
        opened.append(about)
        root = delivery(root_key(number), DeliveryKind.ROOT, about=about)
        results.append(result(watch, now + 10 * LEASE, incidents=[about], deliveries=[root]))
    assert len(await store.watches.settle(results, now)) == len(numbers)
    return opened


async def test_a_storm_is_folded_into_one_digest(store: Store, now: datetime, database_url: str) -> None:
    await open_incidents(store, now, *range(20))

    (due,) = await store.digests.list_due(now + 2 * SECOND)
    states = await delivery_states(database_url)
    assert len(due.incidents) == 20
    assert {state for state, _ in states.values()} == {"folded"}
    assert {reason for _, reason in states.values()} == {f"shown by {due.stored.id}"}


async def test_sent_messages_stay_and_waiting_ones_join(store: Store, now: datetime, database_url: str) -> None:
    await open_incidents(store, now, *range(5))
    for one in await store.deliveries.claim(now, lease=LEASE, limit=2):
        await store.deliveries.mark_sent(one.id, one.token, Receipt("C1", f"1.{one.id}"), now)
    await open_incidents(store, now + SECOND, *range(5, 10))

    (due,) = await store.digests.list_due(now + 3 * SECOND)
    states = [state for state, _ in (await delivery_states(database_url)).values()]
    assert len(due.incidents) == 8
    assert (states.count("sent"), states.count("folded")) == (2, 8)


async def test_a_message_that_may_have_arrived_joins_no_storm(store: Store, now: datetime, database_url: str) -> None:
    """Nothing would update it any more, and its copies would stay."""
    await open_incidents(store, now, 0)
    (first,) = await store.deliveries.claim(now, lease=LEASE)
    await store.deliveries.mark_failed(first.id, first.token, "reset", now + SECOND, is_unknown=True)
    (unknown,) = await store.deliveries.attempts.claim(now + SECOND, lease=LEASE)
    await store.deliveries.attempts.mark_absent(unknown, now + SECOND)
    await open_incidents(store, now + 2 * SECOND, *range(1, 10))

    states = await delivery_states(database_url)
    assert states.pop(root_key(0))[0] == "queued"
    assert {state for state, _ in states.values()} == {"folded"}


async def test_only_one_of_two_plans_is_written(store: Store, now: datetime, database_url: str) -> None:
    await open_incidents(store, now, *range(10))
    (due,) = await store.digests.list_due(now + 2 * SECOND)
    root = delivery("digest root", DeliveryKind.NOTE)
    plan = DigestPlan(DigestState(shown="x"), None, None, (root,))

    assert await store.digests.save(due, plan, now)
    assert not await store.digests.save(due, replace(plan, deliveries=(delivery("late"),)), now)
    assert "late" not in await delivery_states(database_url)


async def test_a_change_of_a_member_makes_a_plan_void(store: Store, now: datetime) -> None:
    await open_incidents(store, now, *range(10))
    (due,) = await store.digests.list_due(now + 2 * SECOND)
    await store.incidents.acknowledge("inc-3", "U1", now + SECOND)

    assert not await store.digests.save(due, DigestPlan(DigestState(), None, None), now + 2 * SECOND)
    (again,) = await store.digests.list_due(now + 3 * SECOND)
    assert again.incidents[3].acknowledgement is not None


async def test_a_digest_takes_over_the_message_of_the_first_incident(store: Store, now: datetime) -> None:
    await open_incidents(store, now, 1, group=PLATFORM)
    (first,) = await store.deliveries.claim(now, lease=LEASE)
    await open_incidents(store, now + SECOND, 2, group=PLATFORM)

    assert await store.digests.list_due(now + 3 * SECOND) == []  # the first message is being sent
    await store.deliveries.mark_sent(first.id, first.token, Receipt("C1", "1.1"), now + 3 * SECOND)
    (due,) = await store.digests.list_due(now + 5 * SECOND)
    assert (due.stored.has_root, due.stored.key, len(due.incidents)) == (True, PLATFORM, 2)


async def test_an_incident_that_leaves_gets_a_root_message(store: Store, now: datetime) -> None:
    opened = await open_incidents(store, now, *range(10))
    (due,) = await store.digests.list_due(now + 2 * SECOND)
    plan = DigestPlan(DigestState(shown="x"), now, None, leaving=(opened[0],))
    await store.digests.save(due, plan, now + 2 * SECOND)

    (claimed,) = await store.deliveries.claim(now + 3 * SECOND, lease=LEASE)
    assert claimed.notification.kind is DeliveryKind.ROOT
    assert len(await store.digests.members(due.stored.id)) == 9


async def test_a_digest_is_purged_after_its_incidents(store: Store, now: datetime) -> None:
    await open_incidents(store, now, *range(10))
    (due,) = await store.digests.list_due(now + 2 * SECOND)
    await store.digests.save(due, DigestPlan(DigestState(), now, now), now)
    await store.purge_expired(now + KEEP_FOR + timedelta(days=1))

    assert len(await store.digests.list_due(now)) == 1  # its incidents are open


async def test_processes_that_settle_storms_of_the_same_channels_do_not_block_each_other(
    store: Store, now: datetime, database_url: str
) -> None:
    stores = [store, await open_store(database_url)]
    for turn in range(4):
        at = now + turn * 10 * SECOND
        for number in range(40):
            await watch_job(store, at, ref=JobRef("baseten", f"job{turn}-{number}"))
        batches = [await one.watches.claim_due(at, lease=LEASE, limit=20) for one in stores]
        results = []
        for claimed, channels in zip(batches, (("C1", "C2"), ("C2", "C1")), strict=True):
            opened = [
                replace(incident(at, id=f"inc-{channel}-{watch.id}"), channel=channel, job=job(watch.job))
                for channel in channels
                for watch in claimed
            ]
            roots = [delivery(f"{one.id}", DeliveryKind.ROOT, about=one, channel=one.channel) for one in opened]
            first, *others = claimed
            results.append(
                [
                    result(first, at + 10 * LEASE, incidents=opened, deliveries=roots),
                    *(result(one, at + 10 * LEASE) for one in others),
                ]
            )
        settled = await asyncio.gather(
            *(one.watches.settle(batch, at) for one, batch in zip(stores, results, strict=True))
        )
        assert [len(one) for one in settled] == [20, 20]
    await stores[1].aclose()


async def test_a_digest_whose_incidents_change_all_the_time_is_planned(store: Store, now: datetime) -> None:
    await open_incidents(store, now, *range(10))
    (due,) = await store.digests.list_due(now + 2 * SECOND)
    await open_incidents(store, now + 2 * SECOND, 10)
    plan = DigestPlan(DigestState(shown="x"), None, None, (delivery("digest root", DeliveryKind.NOTE),))

    assert not await store.digests.save(due, plan, now + 2 * SECOND)
    assert await store.digests.save(due, plan, now + 4 * SECOND)
    assert not await store.digests.save(due, plan, now + 4 * SECOND)
    (again,) = await store.digests.list_due(now + 5 * SECOND)
    assert len(again.incidents) == 11
    assert again.stored.state.shown == "x"


async def test_a_digest_does_not_end_while_an_incident_joins(store: Store, now: datetime) -> None:
    await open_incidents(store, now, *range(10))
    (due,) = await store.digests.list_due(now + 2 * SECOND)
    await open_incidents(store, now + 2 * SECOND, 10)

    assert not await store.digests.save(due, DigestPlan(DigestState(shown="x"), now, None), now + 9 * SECOND)
