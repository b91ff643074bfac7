"""How long to wait between attempts and between messages."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.watcher.deliver import DeliverySettings, Pacer, retry_delay

SETTINGS = DeliverySettings(first_retry=timedelta(seconds=1), longest_retry=timedelta(minutes=5))


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 2), (2, 4), (5, 32), (9, 300), (1000, 300)])
def test_the_wait_doubles_up_to_its_ceiling(attempts: int, seconds: int) -> None:
    assert retry_delay(SETTINGS, attempts, None, jitter=1.0) == timedelta(seconds=seconds)


def test_the_wait_is_spread_so_that_many_do_not_come_back_together() -> None:
    assert retry_delay(SETTINGS, 3, None, jitter=0.25) == timedelta(seconds=2)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_never_sooner_than_the_channel_asked_for(jitter: float) -> None:
    wait = retry_delay(SETTINGS, 1, timedelta(seconds=30), jitter)

    assert timedelta(seconds=30) <= wait <= timedelta(seconds=31)


async def test_a_burst_goes_at_once_and_then_one_message_an_interval() -> None:
    pacer = Pacer(interval_s=10.0, burst=3)
    waits = []
    for _ in range(5):
        waits.append(round(pacer.wait_s("C1")))
        pacer.note("C1")

    assert waits == [0, 0, 0, 10, 20]


async def test_channels_do_not_wait_for_each_other() -> None:
    pacer = Pacer(interval_s=10.0, burst=1)
    pacer.note("C1")

    assert (round(pacer.wait_s("C1")), pacer.wait_s("C2")) == (10, 0.0)


async def test_a_channel_that_asks_to_be_left_alone_is_closed_for_as_long() -> None:
    pacer = Pacer(interval_s=0.0, burst=1)

    pacer.close("C1", 0.02)

    assert (pacer.is_closed("C1"), pacer.is_closed("C2"), pacer.closed()) == (True, False, frozenset({"C1"}))
    await asyncio.sleep(0.03)
    assert (pacer.is_closed("C1"), pacer.closed()) == (False, frozenset())


async def test_a_channel_can_be_opened_before_its_time() -> None:
    pacer = Pacer(interval_s=0.0, burst=1)

    pacer.close("C1", 300)
    pacer.open("C1")
    pacer.open("C2")

    assert (pacer.is_closed("C1"), pacer.closed()) == (False, frozenset())
