"""Heartbeats of the loops."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.store.store import Store


async def test_a_loop_that_never_ran_has_no_heartbeat(store: Store) -> None:
    assert await store.last_heartbeat("poll") is None


async def test_the_newest_heartbeat_of_each_loop_is_kept(store: Store, now: datetime) -> None:
    await store.heartbeat("poll", now)
    await store.heartbeat("poll", now + timedelta(seconds=5))
    await store.heartbeat("deliver", now)

    assert await store.last_heartbeat("poll") == now + timedelta(seconds=5)
    assert await store.last_heartbeat("deliver") == now
