"""How fast each channel may be sent to: bursts, then a steady rate, slower after a rate limit was reached.

Times are those of the event loop, so that changes of the system clock do not matter.
"""

import asyncio
import math
from dataclasses import dataclass

_FORGET_AFTER_S = 600.0
"""A channel that reached no limit for so long has the configured pace again."""


@dataclass(slots=True)
class _Pace:
    """The pace of one channel."""

    interval_s: float
    burst: int
    next_s: float = 0.0
    """When the next message would be due at the steady rate."""
    paused_until_s: float = 0.0
    limited_until_s: float = 0.0
    """When the `Retry-After` of the last rate limit passes."""
    limited_at_s: float = float("-inf")


class ChannelRateLimiter:
    """Limits the message rate of each channel, with bursts (GCRA), and pauses a channel after a `Retry-After`."""

    def __init__(self, interval_s: float, burst: int, *, slower: float = 1.1, slowest: float = 2.0) -> None:
        """Each rate limit makes a channel `slower` by this factor; all together at most `slowest`."""
        self._interval_s, self._burst, self._slower, self._slowest = interval_s, burst, slower, slowest
        self._paces: dict[str, _Pace] = {}

    def room(self, channel: str) -> int:
        """How many messages the channel accepts now."""
        pace = self._paces.get(channel)
        if pace is None:
            return self._burst
        if self.is_paused(channel):
            return 0
        ahead_s = max(0.0, pace.next_s - _loop_s())
        return pace.burst if pace.interval_s <= 0 else max(0, pace.burst - math.ceil(ahead_s / pace.interval_s))

    def wait_s(self, channel: str) -> float:
        """How long the next message to a channel must wait for its turn."""
        pace = self._paces.get(channel)
        return 0.0 if pace is None else max(0.0, pace.next_s - pace.interval_s * (pace.burst - 1) - _loop_s())

    def record(self, channel: str) -> None:
        """Record that a message is sent now."""
        now_s = _loop_s()
        self._forget(now_s)
        pace = self._pace(channel)
        pace.next_s = max(pace.next_s, now_s) + pace.interval_s

    def slow_down(self, channel: str, wait_s: float) -> None:
        """Pause a channel that reached a rate limit for `wait_s`; then send without bursts, and a little slower."""
        pace, now_s = self._pace(channel), _loop_s()
        pace.limited_until_s = now_s + wait_s
        pace.interval_s = min(self._interval_s * self._slowest, pace.interval_s * self._slower)
        pace.burst, pace.limited_at_s = 1, now_s

    def pause(self, channel: str, wait_s: float) -> None:
        """Pause a channel for `wait_s`."""
        self._pace(channel).paused_until_s = _loop_s() + wait_s

    def resume(self, channel: str | None) -> None:
        """End the pause of a channel, or of all (None), except after a rate limit."""
        for pace in self._paces.values() if channel is None else [self._pace(channel)]:
            pace.paused_until_s = 0.0

    def is_paused(self, channel: str) -> bool:
        """Whether a channel is paused now."""
        pace = self._paces.get(channel)
        return pace is not None and max(pace.paused_until_s, pace.limited_until_s) > _loop_s()

    def _pace(self, channel: str) -> _Pace:
        return self._paces.setdefault(channel, _Pace(self._interval_s, self._burst))

    def _forget(self, now_s: float) -> None:
        """Drop the paces that no longer differ from a new channel's."""
        self._paces = {
            name: pace
            for name, pace in self._paces.items()
            if max(pace.next_s, pace.paused_until_s, pace.limited_at_s + _FORGET_AFTER_S) > now_s
        }


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
