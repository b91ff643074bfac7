"""Rate limits: settings, the count of recent requests, and the upper bound per minute."""

from __future__ import annotations

import pytest

from bot.errors import ConfigError
from bot.providers.http.rate_limits import HttpLimits, RequestCounter
from bot.providers.http.retry import Limiter
from tests.fakes.clock import ManualMonotonicClock


def test_requests_are_counted_for_sixty_seconds() -> None:
    clock = ManualMonotonicClock()
    counter = RequestCounter(clock)
    for _ in range(3):
        counter.record()
    clock.advance(30)
    for _ in range(2):
        counter.record()

    assert counter.total() == 5
    clock.advance(30)
    assert counter.total() == 2
    clock.advance(3600)
    assert counter.total() == 0


@pytest.mark.parametrize(("requests_per_second", "expected"), [(50, 60 * 50 + 4 * 50), (0.1, 6 + 1)])
def test_the_bound_per_minute_is_the_rate_plus_one_burst(requests_per_second: float, expected: int) -> None:
    assert Limiter(HttpLimits(requests_per_second)).admission.max_per_minute == expected


def test_limits_are_read_from_the_settings() -> None:
    limits = HttpLimits.from_config("acme", {"acme_requests_per_second": "2.5", "acme_concurrency": "7"})
    assert (limits.requests_per_second, limits.concurrency, limits.attempts) == (2.5, 7, HttpLimits().attempts)


@pytest.mark.parametrize("text", ["many", "0", "-1", "nan", "inf", "1e30", "1001", "9" * 400])
def test_an_invalid_limit_names_the_setting_the_rule_and_the_value(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HttpLimits.from_config("acme", {"acme_concurrency": text})
    assert caught.value.public == "ACME_CONCURRENCY must be a number from 1 to 1,000."
