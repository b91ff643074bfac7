"""Open homes: used, claimed by one process, and forgotten after a while."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.dashboard import MINE, HomeFilter
from bot.store.store import Store

LEASE, LONG_AGO = timedelta(seconds=20), timedelta(minutes=15)


async def test_a_home_keeps_the_filter_and_the_direct_message(store: Store, now: datetime) -> None:
    home, is_first = await store.homes.use("U1", now, channel="D1")
    assert (is_first, home.channel, home.chosen) == (True, "D1", HomeFilter())
    await store.homes.use("U1", now, change=lambda chosen: replace(chosen, scope=MINE))
    home, is_first = await store.homes.use("U1", now + LEASE)
    assert (is_first, home.channel, home.chosen, home.opened_at) == (False, "D1", HomeFilter(MINE), now + LEASE)
    assert "D1" == await store.homes.direct_message_of("U1")
    assert await store.homes.direct_message_of("U2") is None


async def test_each_due_home_is_claimed_once(store: Store, now: datetime) -> None:
    for number in range(20):
        await store.homes.use(f"U{number}", now)
    claims = [store.homes.claim_due(now, now - LONG_AGO, LEASE) for _ in range(4)]
    users = [home.user for claimed in await asyncio.gather(*claims) for home in claimed]
    assert sorted(f"U{number}" for number in range(20)) == sorted(users)
    assert () == await store.homes.claim_due(now, now - LONG_AGO, LEASE)
    await store.homes.release(["U3"], now)
    assert ["U3"] == [one.user for one in await store.homes.claim_due(now, now - LONG_AGO, LEASE)]


async def test_what_is_shown_is_kept_and_an_unused_home_is_not_due(store: Store, now: datetime) -> None:
    await store.homes.use("U1", now)
    await store.homes.set_shown({"U1": "a:b"})
    later = now + LONG_AGO
    assert () == await store.homes.claim_due(later, later - LONG_AGO, LEASE)
    (home,) = await store.homes.claim_due(now, now - LONG_AGO, LEASE)
    assert "a:b" == home.shown


async def test_many_first_uses_at_once_are_one(store: Store, now: datetime) -> None:
    used = await asyncio.gather(*(store.homes.use("U1", now) for _ in range(8)))
    assert 1 == sum(is_first for _, is_first in used)


async def test_the_dashboard_of_an_empty_store_is_empty(store: Store, now: datetime) -> None:
    dashboard = await store.dashboards.read(now)
    assert now == dashboard.at
