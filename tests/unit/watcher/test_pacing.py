"""How fast each channel is sent to."""

from __future__ import annotations

import asyncio

from bot.watcher.pacing import ChannelRateLimiter
from tests.support.virtual_time import in_virtual_time


def send(limiter: ChannelRateLimiter, channel: str = "C1") -> int:
    """Send what the channel accepts now, and return the number."""
    room = limiter.room(channel)
    for _ in range(room):
        limiter.record(channel)
    return room


@in_virtual_time
async def test_a_burst_is_sent_at_once_and_then_one_message_per_interval() -> None:
    limiter = ChannelRateLimiter(interval_s=10.0, burst=3)
    sent = [send(limiter)]
    for _ in range(4):
        await asyncio.sleep(10.001)
        sent.append(send(limiter))

    assert sent == [3, 1, 1, 1, 1]


@in_virtual_time
async def test_a_channel_that_rested_accepts_a_burst_again() -> None:
    limiter = ChannelRateLimiter(interval_s=10.0, burst=3)
    send(limiter)

    await asyncio.sleep(30.001)

    assert send(limiter) == 3


@in_virtual_time
async def test_channels_do_not_wait_for_each_other() -> None:
    limiter = ChannelRateLimiter(interval_s=10.0, burst=1)
    send(limiter)

    assert (limiter.room("C1"), limiter.room("C2")) == (0, 1)
    assert limiter.wait_s("C1") > 0
    await asyncio.sleep(10.001)
    assert limiter.wait_s("C1") == 0


@in_virtual_time
async def test_a_paused_channel_accepts_nothing_until_its_wait_has_passed() -> None:
    limiter = ChannelRateLimiter(interval_s=0.0, burst=1)

    limiter.pause("C1", 2)

    assert (limiter.room("C1"), limiter.room("C2")) == (0, 1)
    await asyncio.sleep(3)
    assert limiter.room("C1") == 1


@in_virtual_time
async def test_a_pause_ends_early_but_not_a_rate_limit() -> None:
    limiter = ChannelRateLimiter(interval_s=1.0, burst=2)
    limiter.pause("C1", 300)
    limiter.pause("C2", 300)
    limiter.slow_down("C3", 300)

    limiter.resume("C1")
    assert [limiter.room(channel) for channel in ("C1", "C2", "C3")] == [2, 0, 0]
    limiter.resume(None)
    assert [limiter.room(channel) for channel in ("C1", "C2", "C3")] == [2, 2, 0]


@in_virtual_time
async def test_a_rate_limit_ends_the_bursts_of_its_channel_for_ten_minutes() -> None:
    limiter = ChannelRateLimiter(interval_s=1.0, burst=4)
    limiter.slow_down("C1", 5)
    assert send(limiter) == 0

    await asyncio.sleep(5.001)
    assert [send(limiter), send(limiter), send(limiter, "C2")] == [1, 0, 4]
    await asyncio.sleep(1.001)
    assert send(limiter) == 0, "a little slower than before"
    await asyncio.sleep(0.1)
    assert send(limiter) == 1

    await asyncio.sleep(601)
    send(limiter, "C2")
    assert send(limiter) == 4
