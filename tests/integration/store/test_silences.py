"""Silences with an author, a reason and an end."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.alerts import Receipt
from bot.domain.job_matching import Matcher
from bot.store.store import Store
from tests.integration.store.building import claim_one, watch_job

HOUR = timedelta(hours=1)
MATCHERS = (Matcher("rule", "error_lines"), Matcher("job", "baseten:proj/job"))


async def test_a_silence_keeps_author_matchers_reason_and_end(store: Store, now: datetime) -> None:
    silence = await store.silences.add("C1", MATCHERS, "U1", now + HOUR, now, reason="maintenance \0")

    assert (silence.channel, silence.matchers, silence.created_by) == ("C1", MATCHERS, "U1")
    assert (silence.created_at, silence.ends_at, silence.reason) == (now, now + HOUR, "maintenance \ufffd")
    assert await store.silences.active("C1", now) == (silence,)


async def test_a_silence_expires(store: Store, now: datetime) -> None:
    await store.silences.add("C1", (), "U1", now + HOUR, now)

    assert await store.silences.active("C1", now + HOUR) == ()


async def test_a_silence_can_be_ended_once_and_only_in_its_channel(store: Store, now: datetime) -> None:
    silence = await store.silences.add("C1", (), "U1", now + HOUR, now)

    assert await store.silences.end(silence.id, now, channel="C2") is None
    ended = await store.silences.end(silence.id, now, channel="C1")
    assert ended is not None
    assert ended.ends_at == now
    assert await store.silences.end(silence.id, now) is None
    assert await store.silences.active("C1", now) == ()


async def test_a_silence_keeps_the_message_that_announced_it(store: Store, now: datetime) -> None:
    silence = await store.silences.add("C1", (), "U1", now + HOUR, now)
    await store.silences.set_message(silence.id, Receipt("C1", "1.5"))

    ended = await store.silences.end(silence.id, now)
    assert ended is not None
    assert ended.message == Receipt("C1", "1.5")


async def test_a_claimed_watch_has_the_silences_of_its_channels(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    here = await store.silences.add("C1", MATCHERS, "U1", now + HOUR, now)
    await store.silences.add("C2", MATCHERS, "U1", now + HOUR, now)
    await store.silences.add("C1", MATCHERS, "U1", now, now - HOUR)

    assert (await claim_one(store, now)).silences == (here,)
