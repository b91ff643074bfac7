"""Digests whose messages or rows meet trouble: what they show still arrives, and other channels do not wait."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import update

from bot.domain.alerts import DeliveryKind, Receipt, Severity
from bot.domain.digest_plans import DigestPlan
from bot.domain.digests import DigestState
from bot.domain.notify import NotifySettings, QuietHours
from bot.health.canary import CANARY_CHANNEL, Canary
from bot.store.deliveries import VERIFY_AFTER
from bot.store.engine import Database
from bot.store.schema import digests, incidents
from bot.store.store import Store
from bot.watcher.digest import DigestJob
from tests.fakes.clock import ManualClock
from tests.integration.store.building import LEASE, delivery
from tests.integration.store.test_digests import PLATFORM, SECOND, open_incidents


async def sent_channels(store: Store, now: datetime) -> list[str]:
    return [one.channel for one in await store.deliveries.claim(now, lease=LEASE)]


async def test_a_canary_deletes_no_message_of_a_digest(store: Store, now: datetime) -> None:
    await open_incidents(store, now, *range(10))
    (due,) = await store.digests.list_due(now + 2 * SECOND)
    plan = DigestPlan(DigestState(shown="x"), None, None, (delivery("digest root"),))
    await store.digests.save(due, plan, now + 2 * SECOND)

    await Canary(store, ManualClock(now + 3 * SECOND)).tick()

    assert sorted(await sent_channels(store, now + 4 * SECOND)) == ["C1", CANARY_CHANNEL]


@pytest.mark.parametrize("table", [digests, incidents])
async def test_a_digest_is_shown_although_a_row_cannot_be_read(
    store: Store, now: datetime, database_url: str, table: object
) -> None:
    await open_incidents(store, now, *range(10))
    database = Database(database_url)
    statement = update(digests).values(value="[]")
    if table is incidents:
        statement = update(incidents).where(incidents.c.id == "inc-3").values(value="[]")
    async with database.write() as connection:
        await connection.execute(statement)
    await database.aclose()

    assert await DigestJob(store, ManualClock(now + 2 * SECOND)).tick() == 1

    (root,) = await store.deliveries.claim(now + 3 * SECOND, lease=LEASE)
    assert root.notification.kind is DeliveryKind.ROOT
    assert root.notification.digest is not None
    assert len(root.notification.digest.members) == (9 if table is incidents else 10)


async def test_a_digest_is_shown_again_after_an_edit_whose_sender_died(store: Store, now: datetime) -> None:
    await open_incidents(store, now, *range(10))
    clock = ManualClock(now + 2 * SECOND)
    await DigestJob(store, clock).tick()
    while claimed := await store.deliveries.claim(clock(), lease=LEASE):
        for one in claimed:
            await store.deliveries.mark_sent(one.id, one.token, Receipt("C1", "1.1"), clock())
    await store.incidents.acknowledge("inc-3", "U1", clock())
    clock.advance(30 * SECOND)
    await DigestJob(store, clock).tick()
    assert DeliveryKind.EDIT in [one.notification.kind for one in await store.deliveries.claim(clock(), lease=LEASE)]

    clock.advance(LEASE)
    (edit,) = await store.deliveries.claim(clock(), lease=LEASE)  # the reply is looked for first
    await store.deliveries.mark_sent(edit.id, edit.token, Receipt("C1", "1.1"), clock(), edit=edit.notification)

    clock.advance(VERIFY_AFTER)
    (again,) = await store.deliveries.claim(clock(), lease=LEASE)
    assert again.delivery_id != edit.delivery_id
    assert again.notification.digest == edit.notification.digest


async def test_a_time_zone_that_is_unknown_stops_no_digest(store: Store, now: datetime) -> None:
    quiet = QuietHours(0, 60, zone="Mars/Olympus")
    await store.preferences.change_channel("C1", lambda _: NotifySettings(quiet=quiet), "U1", now)
    await open_incidents(store, now, *range(10), severity=Severity.PAGE)

    assert await DigestJob(store, ManualClock(now + 2 * SECOND)).tick() == 1
    assert await sent_channels(store, now + 3 * SECOND) == ["C1"]


async def test_an_edit_that_is_being_sent_does_not_replace_a_digest(store: Store, now: datetime) -> None:
    await open_incidents(store, now, 1, group=PLATFORM)
    (root,) = await store.deliveries.claim(now, lease=LEASE)
    await store.deliveries.mark_sent(root.id, root.token, Receipt("C1", "1.1"), now)
    await store.incidents.acknowledge("inc-1", "U1", now)
    (edit,) = await store.deliveries.claim(now, lease=LEASE)
    await open_incidents(store, now + SECOND, 2, group=PLATFORM)

    assert await store.digests.list_due(now + 3 * SECOND) == []
    await store.deliveries.mark_failed(edit.id, edit.token, "reset", now + 4 * SECOND, is_unknown=True)
    assert await store.digests.list_due(now + 5 * SECOND) == []
    (edit,) = await store.deliveries.claim(now + 5 * SECOND, lease=LEASE)
    await store.deliveries.mark_sent(
        edit.id, edit.token, Receipt("C1", "1.1"), now + 5 * SECOND, edit=edit.notification
    )
    assert len(await store.digests.list_due(now + 7 * SECOND)) == 1
    assert await store.deliveries.claim(now + 10 * LEASE, lease=LEASE) == []
