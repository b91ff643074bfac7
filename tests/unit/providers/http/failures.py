"""Record failures at a circuit breaker."""

from __future__ import annotations

import pytest

from bot.errors import Unavailable
from bot.providers.http.circuit_breaker import CircuitBreaker
from tests.fakes.clock import ManualMonotonicClock


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    """Record failures."""
    for _ in range(times):
        with pytest.raises(Unavailable), breaker.watch():
            raise Unavailable


def open_breaker(breaker: CircuitBreaker, clock: ManualMonotonicClock) -> None:
    """Record failures for a minute, so that it opens."""
    fail(breaker, 9)
    clock.advance(60)
    fail(breaker)
