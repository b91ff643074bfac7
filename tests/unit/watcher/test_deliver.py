"""Waiting times between retries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.watcher.deliver import DeliverySettings, retry_delay

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
