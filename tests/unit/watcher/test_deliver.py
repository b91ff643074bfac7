"""Waiting times between retries and between messages."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.watcher.deliver import ChannelRateLimiter, DeliverySettings, retry_delay
from tests.support.virtual_time import in_virtual_time

SETTINGS = DeliverySettings(first_retry=timedelta(seconds=1), longest_retry=timedelta(minutes=5))


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 2), (2, 4), (5, 32), (9, 300), (1000, 300)])
def test_the_wait_doubles_up_to_the_maximum(attempts: int, seconds: int) -> None:
    assert retry_delay(SETTINGS, attempts, None, jitter=1.0) == timedelta(seconds=seconds)


def test_jitter_spreads_retries() -> None:
    assert retry_delay(SETTINGS, 3, None, jitter=0.25) == timedelta(seconds=2)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_retry_after_is_a_minimum(jitter: float) -> None:
    wait = retry_delay(SETTINGS, 1, timedelta(seconds=30), jitter)

    assert timedelta(seconds=30) <= wait <= timedelta(seconds=31)


@in_virtual_time
async def test_a_burst_is_sent_at_once_and_then_one_message_per_interval() -> None:
    limiter = ChannelRateLimiter(interval_s=10.0, burst=3)
    waits = []
    for _ in range(5):
        waits.append(round(limiter.wait_s("C1")))
        limiter.record("C1")

    assert waits == [0, 0, 0, 10, 20]


@in_virtual_time
async def test_channels_do_not_wait_for_each_other() -> None:
    limiter = ChannelRateLimiter(interval_s=10.0, burst=1)
    limiter.record("C1")

    assert (round(limiter.wait_s("C1")), limiter.wait_s("C2")) == (10, 0.0)


@in_virtual_time
async def test_a_paused_channel_resumes_after_its_wait() -> None:
    limiter = ChannelRateLimiter(interval_s=0.0, burst=1)

    limiter.pause("C1", 2)

    assert (limiter.is_paused("C1"), limiter.is_paused("C2"), limiter.paused()) == (True, False, frozenset({"C1"}))
    await asyncio.sleep(3)
    assert (limiter.is_paused("C1"), limiter.paused()) == (False, frozenset())


@in_virtual_time
async def test_a_channel_can_be_resumed_early() -> None:
    limiter = ChannelRateLimiter(interval_s=0.0, burst=1)

    limiter.pause("C1", 300)
    limiter.resume("C1")
    limiter.resume("C2")

    assert (limiter.is_paused("C1"), limiter.paused()) == (False, frozenset())
