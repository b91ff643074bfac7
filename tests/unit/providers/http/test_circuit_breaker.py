"""When the circuit breaker opens, probes and closes."""

from __future__ import annotations

import pytest

from bot.errors import JobNotFound
from bot.providers.http.circuit_breaker import CircuitBreaker
from tests.fakes.clock import ManualMonotonicClock
from tests.unit.providers.http.failures import fail, open_breaker


@pytest.fixture
def clock() -> ManualMonotonicClock:
    return ManualMonotonicClock()


@pytest.fixture
def breaker(clock: ManualMonotonicClock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def test_many_failures_within_a_minute_do_not_open_it(breaker: CircuitBreaker, clock: ManualMonotonicClock) -> None:
    fail(breaker, 100)
    clock.advance(59)
    fail(breaker)
    assert breaker.open_for() is None
    clock.advance(1)
    fail(breaker)
    assert breaker.open_for() == 5.0


def test_any_response_in_between_keeps_it_closed(breaker: CircuitBreaker, clock: ManualMonotonicClock) -> None:
    for _ in range(20):
        fail(breaker, 30)
        clock.advance(30)
        with pytest.raises(JobNotFound), breaker.watch():
            raise JobNotFound
        clock.advance(29)
    assert breaker.open_for() is None


def test_it_probes_after_each_pause_until_the_first_response(
    breaker: CircuitBreaker, clock: ManualMonotonicClock
) -> None:
    open_breaker(breaker, clock)
    pauses = []
    for _ in range(5):
        pause = breaker.open_for()
        assert pause is not None
        pauses.append(pause)
        clock.advance(pause)
        assert breaker.open_for() is None
        fail(breaker)
    assert pauses == [5.0] * 5
    with breaker.watch():
        pass
    assert breaker.open_for() is None


def test_only_one_probe_is_allowed_at_a_time(breaker: CircuitBreaker, clock: ManualMonotonicClock) -> None:
    open_breaker(breaker, clock)
    clock.advance(5)
    assert breaker.open_for() is None
    with breaker.watch():
        assert breaker.open_for() is not None
    assert breaker.open_for() is None
