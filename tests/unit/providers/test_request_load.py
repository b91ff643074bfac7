"""The bound on requests a minute: what is told is what happened, and it is never passed."""

from __future__ import annotations

from bot.providers.resilience import Gate, HttpLimits, background


class Hand:
    """A monotonic clock set by hand."""

    def __init__(self) -> None:
        self.now = 1000.5

    def __call__(self) -> float:
        return self.now


async def go_through(gate: Gate, times: int) -> None:
    for _ in range(times):
        async with gate.slot():
            pass


async def test_requests_are_counted_for_a_minute_and_then_forgotten() -> None:
    clock = Hand()
    gate = Gate(HttpLimits(requests_per_second=1000), clock)
    await go_through(gate, 3)
    clock.now += 30
    with background():
        await go_through(gate, 2)

    assert gate.load().last_minute == 5
    clock.now += 30
    assert gate.load().last_minute == 2
    clock.now += 3600
    assert gate.load().last_minute == 0


async def test_the_most_a_minute_is_the_rate_and_one_burst() -> None:
    assert Gate(HttpLimits(requests_per_second=50), Hand()).load().most_per_minute == 60 * 50 + 4 * 50
    assert Gate(HttpLimits(requests_per_second=0.1), Hand()).load().most_per_minute == 6 + 1
