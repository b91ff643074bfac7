"""Who has an incident, and its reminders: several people and processes at once, restarts, and deleted watches."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from bot.domain.alerts import DeliveryKind, Incident, NotifyReason, Receipt, Severity
from bot.domain.jobs import JobState
from bot.domain.notify import MentionTarget, NotifySettings, OwnerContact, QuietHours
from bot.domain.ownership import Acknowledgement, Closing
from bot.store.engine import Database
from bot.store.store import KEEP_FOR, KEEP_OPEN_FOR, Store, open_store
from bot.watcher.remind import ReminderJob
from tests.fakes.clock import ManualClock
from tests.integration.store.building import LEASE, claim_one, delivery, delivery_states, incident, result, watch_job

HOUR = timedelta(hours=1)
PEOPLE = [f"U{number}" for number in range(8)]


def failure(now: datetime, **changes: object) -> Incident:
    """The incident of a failed job after its end."""
    live = incident(now)
    pages = tuple(replace(one, severity=Severity.PAGE) for one in live.alerts)
    failed = replace(live.job, state=JobState.FAILED)
    return replace(live, job=failed, alerts=pages, resolved_at=now, **changes)  # type: ignore[arg-type]


async def save(store: Store, now: datetime, *saved: Incident, ends: bool = True) -> None:
    """Settle a poll that saved these incidents and, by default, ended the watch."""
    await watch_job(store, now)
    watch = await claim_one(store, now)
    roots = [delivery(f"root {one.id}", DeliveryKind.ROOT, about=one) for one in saved]
    settled = result(watch, now, incidents=saved, deliveries=roots, unsubscribe=ends)
    assert await store.watches.settle([settled], now) == {watch.id}


async def send_all(store: Store, now: datetime) -> list[NotifyReason]:
    """Send everything that is due, one delivery of an incident after the other."""
    reasons = []
    while claimed := await store.deliveries.claim(now, lease=LEASE):
        for one in claimed:
            await store.deliveries.mark_sent(one.id, one.token, Receipt(one.channel, str(one.id)), now)
            reasons.append(one.notification.reason)
    return reasons


async def test_of_several_people_at_once_one_takes_an_incident(database_url: str, store: Store, now: datetime) -> None:
    await save(store, now, failure(now))
    stores = [await open_store(database_url) for _ in PEOPLE]

    seen = await asyncio.gather(
        *(one.incidents.acknowledge("inc-1", user, now) for one, user in zip(stores, PEOPLE, strict=True))
    )

    owners = {one.acknowledgement.by for one in seen if one and one.acknowledgement}
    assert len(owners) == 1
    saved = await store.incidents.find("inc-1")
    assert saved is not None
    assert saved.acknowledgement == Acknowledgement(owners.pop(), now)
    assert list((await delivery_states(database_url)).values()).count(("queued", "changed")) == 1
    await asyncio.gather(*(one.aclose() for one in stores))


async def test_of_several_takeovers_at_once_one_succeeds_and_is_recorded_in_the_thread(
    database_url: str, store: Store, now: datetime
) -> None:
    await save(store, now, failure(now))
    await store.incidents.acknowledge("inc-1", "U9", now)
    stores = [await open_store(database_url) for _ in PEOPLE]
    later = now + HOUR

    await asyncio.gather(
        *(
            one.incidents.acknowledge("inc-1", user, later, taken_from="U9")
            for one, user in zip(stores, PEOPLE, strict=True)
        )
    )

    saved = await store.incidents.find("inc-1")
    assert saved is not None
    assert saved.acknowledgement is not None
    assert saved.acknowledgement.taken_from == "U9"
    reasons = [reason for _, reason in (await delivery_states(database_url)).values()]
    assert reasons.count("taken over") == 1
    await asyncio.gather(*(one.aclose() for one in stores))


async def test_of_several_people_at_once_one_closes_an_incident(database_url: str, store: Store, now: datetime) -> None:
    await save(store, now, failure(now))
    stores = [await open_store(database_url) for _ in PEOPLE]

    seen = await asyncio.gather(
        *(one.incidents.close("inc-1", user, now) for one, user in zip(stores, PEOPLE, strict=True))
    )

    assert len({one.closing for one in seen if one}) == 1
    assert await store.incidents.acknowledge("inc-1", "U1", now + HOUR) == seen[0]
    await asyncio.gather(*(one.aclose() for one in stores))


async def test_a_recovered_incident_cannot_be_acknowledged_or_closed(store: Store, now: datetime) -> None:
    over = incident(now, resolved=True)
    await save(store, now, over)

    assert await store.incidents.acknowledge("inc-1", "U1", now) == over
    assert await store.incidents.close("inc-1", "U1", now) == over


async def test_reminders_are_sent_after_the_watch_is_deleted_until_somebody_acknowledges(
    store: Store, now: datetime
) -> None:
    clock = ManualClock(now)
    await save(store, now, failure(now))
    job, reasons = ReminderJob(store, clock), list[tuple[float, NotifyReason]]()
    for quarter in range(16):
        clock.now = now + quarter * HOUR / 4
        await job.tick()
        reasons += [(quarter / 4, reason) for reason in await send_all(store, clock.now)]

    assert reasons == [
        (0, NotifyReason.FIRST),
        (0.5, NotifyReason.REMINDER),
        (1.5, NotifyReason.REMINDER),
        (3.5, NotifyReason.REMINDER),
    ]
    await store.incidents.acknowledge("inc-1", "U1", clock.now)
    clock.now = now + 40 * HOUR
    assert await job.tick() == 0


async def test_several_processes_and_restarts_send_each_reminder_once(
    database_url: str, store: Store, now: datetime
) -> None:
    await save(store, now, *(failure(now, id=f"inc-{number}") for number in range(5)))
    for minutes in range(0, 100, 10):
        at = now + timedelta(minutes=minutes)
        stores = [await open_store(database_url) for _ in range(4)]
        await asyncio.gather(*(ReminderJob(one, ManualClock(at)).tick() for one in stores for _ in range(2)))
        await asyncio.gather(*(one.aclose() for one in stores))

    reasons = [reason for _, reason in (await delivery_states(database_url)).values()]
    assert reasons.count("reminder") == 10


async def test_an_acknowledgement_withdraws_a_reminder_that_is_not_sent_yet(
    database_url: str, store: Store, now: datetime
) -> None:
    await save(store, now, failure(now))
    await send_all(store, now)
    later = now + HOUR
    assert await ReminderJob(store, ManualClock(later)).tick() == 1

    await store.incidents.acknowledge("inc-1", "U1", later)

    assert await send_all(store, later) == [NotifyReason.CHANGED]
    assert [state for state, _ in (await delivery_states(database_url)).values()].count("superseded") == 1


async def test_a_recovery_withdraws_a_reminder_that_is_not_sent_yet(
    database_url: str, store: Store, now: datetime
) -> None:
    live = replace(failure(now), job=incident(now).job, resolved_at=None)
    await save(store, now, live, ends=False)
    await send_all(store, now)
    later = now + HOUR
    assert await ReminderJob(store, ManualClock(later)).tick() == 1

    (watch,) = await store.watches.claim_due(later, lease=LEASE)
    recovered = replace(live, alerts=incident(now, resolved=True).alerts, resolved_at=later)
    await store.watches.settle([result(watch, later, incidents=[recovered])], later)

    assert await send_all(store, later) == []
    assert [state for state, _ in (await delivery_states(database_url)).values()].count("superseded") == 1


@pytest.mark.parametrize("ended", ["silence", "settings"])
async def test_reminders_are_planned_again_when_a_silence_or_setting_changes(
    store: Store, now: datetime, ended: str
) -> None:
    await save(store, now, failure(now))
    clock = ManualClock(now + HOUR)
    job = ReminderJob(store, clock)
    silence = await store.silences.add("C1", (), "U1", now + 9 * HOUR, now)
    off = await store.preferences.change_channel("C1", lambda one: replace(one, reminders=False), "U1", now)
    assert not off.reminders
    assert await job.tick() == 0

    if ended == "silence":
        await store.preferences.change_channel("C1", lambda one: replace(one, reminders=True), "U1", clock.now)
        assert await job.tick() == 0
        await store.silences.end(silence.id, clock.now)
    else:
        await store.silences.end(silence.id, clock.now)
        assert await job.tick() == 0
        await store.preferences.change_channel("C1", lambda one: replace(one, reminders=True), "U1", clock.now)
    assert await job.tick() == 1


async def test_an_undecodable_incident_does_not_stop_the_reminders_of_others(
    database_url: str, store: Store, now: datetime
) -> None:
    await save(store, now, failure(now), failure(now, id="inc-2"))
    database = Database(database_url)
    async with database.write() as connection:
        await connection.execute(text("UPDATE incidents SET value = '{}' WHERE id = 'inc-1'"))
    await database.aclose()

    assert await ReminderJob(store, ManualClock(now + HOUR)).tick() == 1


async def test_an_incident_that_cannot_be_planned_does_not_stop_the_reminders_of_others(
    store: Store, now: datetime
) -> None:
    await save(store, now, failure(now), replace(failure(now, id="inc-2"), channel="C2"))
    unknown_zone = NotifySettings(quiet=QuietHours(1320, 420, "Europe/Gone"))
    await store.preferences.change_channel("C1", lambda _: unknown_zone, "U1", now)
    job = ReminderJob(store, ManualClock(now + HOUR))

    assert await job.tick() == 1
    assert await job.tick() == 0


async def test_the_settings_of_a_channel_and_a_person_are_kept(store: Store, now: datetime) -> None:
    mentions = {Severity.PAGE: (MentionTarget("S1", "oncall"), MentionTarget("here"))}
    quiet = QuietHours(1320, 420, "Europe/Berlin")
    settings = NotifySettings(mentions, False, 2 * HOUR, quiet, False, OwnerContact.DM)
    assert await store.preferences.of_channel("C1") == NotifySettings()
    assert await store.preferences.change_channel("C1", lambda _: settings, "U1", now) == settings
    assert await store.preferences.of_channel("C1") == settings
    assert await store.preferences.of_channel("C2") == NotifySettings()

    await store.preferences.set_contact("U1", OwnerContact.OFF)
    assert await store.preferences.contact_of("U1") is OwnerContact.OFF
    await store.preferences.set_contact("U1", None)
    assert await store.preferences.contact_of("U1") is None


async def test_a_failure_that_nobody_closed_is_kept_longer(store: Store, now: datetime) -> None:
    closed = failure(now, id="inc-2", closing=Closing("U1", now))
    await save(store, now, failure(now), closed)
    await send_all(store, now)

    await store.purge_expired(now + KEEP_FOR + HOUR)
    assert await store.incidents.find("inc-1") is not None
    assert await store.incidents.find("inc-2") is None
    await store.purge_expired(now + KEEP_OPEN_FOR + HOUR)
    assert await store.incidents.find("inc-1") is None
