"""The bound on requests a minute: what is told is what happened, and it is never passed."""

from __future__ import annotations

from bot.providers.http.admission import Gate, LastMinute
from bot.providers.http.rate_limits import HttpLimits


class Hand:
    """A monotonic clock set by hand."""

    def __init__(self) -> None:
        self.now = 1000.5

    def __call__(self) -> float:
        return self.now


def test_requests_are_counted_for_a_minute_and_then_forgotten() -> None:
    clock = Hand()
    begun = LastMinute(clock)
    for _ in range(3):
        begun.add()
    clock.now += 30
    for _ in range(2):
        begun.add()

    assert begun.total() == 5
    clock.now += 30
    assert begun.total() == 2
    clock.now += 3600
    assert begun.total() == 0


def test_the_most_a_minute_is_the_rate_and_one_burst() -> None:
    assert Gate(HttpLimits(requests_per_second=50), Hand()).max_per_minute == 60 * 50 + 4 * 50
    assert Gate(HttpLimits(requests_per_second=0.1), Hand()).max_per_minute == 6 + 1
