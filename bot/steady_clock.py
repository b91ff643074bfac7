"""The time that this process works with: right at the start, and steady when the system clock jumps.

The system clock is read once; from then on a monotonic clock counts. `bot.watcher.clock_sync` sets the time again, with
the agreement of the other processes. Everything that compares times uses `utc_now`.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bot.domain.durations import Clock, ns_from_datetime


def read_system_clock() -> datetime:
    """Return the system clock's time, in UTC. Only a SteadyClock reads it, because it can jump."""
    return datetime.now(UTC)


def monotonic_s() -> float:
    """Return seconds that never jump, including those in which the machine was suspended, where it counts them."""
    return time.clock_gettime(_BOOT_CLOCK) if _BOOT_CLOCK is not None else time.monotonic()


_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class SteadyClock:
    """Returns the current time when called."""

    def __init__(self, system: Clock = read_system_clock, monotonic: Callable[[], float] = monotonic_s) -> None:
        self.system, self.monotonic = system, monotonic
        self._set_to, self._set_at_s = system(), monotonic()

    def __call__(self) -> datetime:
        """Return the current time, in UTC."""
        return self._set_to + timedelta(seconds=self.monotonic() - self._set_at_s)

    def system_offset(self) -> timedelta:
        """Return how far the system clock is ahead."""
        return self.system() - self()

    def set(self, now: datetime) -> None:
        """Set the time."""
        self._set_to, self._set_at_s = now, self.monotonic()


PROCESS_CLOCK = SteadyClock()
"""The one clock of this process: windows of logs are compared with times that polls have stored."""


def utc_now() -> datetime:
    """Return the current time of this process, in UTC."""
    return PROCESS_CLOCK()


def utc_now_ns() -> int:
    """Return the current time of this process, in nanoseconds since the epoch."""
    return ns_from_datetime(PROCESS_CLOCK())
