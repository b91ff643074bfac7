"""Everything that /readyz, the metrics and `trainwatch check --health` report about the running bot."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.checks import HEARTBEAT_STALE, CheckResult
from bot.domain.durations import spoken_duration, spoken_seconds
from bot.health.slack_monitor import SlackMonitor
from bot.store.store import Store

DATABASE_EVERY_S = 10.0
"""The database is written to at most this often, however often somebody asks."""
DATABASE_TIMEOUT_S = 10.0
INTEGRITY_EVERY_S = 600.0


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What is known about the clock."""

    offset: timedelta
    """How far the system clock is ahead of the time in use."""
    jumps: int


@dataclass(slots=True)
class HealthMonitor:
    """Checks the parts of the running bot. A part that cannot be checked counts as unhealthy."""

    store: Store
    loop_ages_s: Callable[[], Mapping[str, float]]
    """Seconds since the last tick of each loop, by a monotonic clock."""
    loops: Sequence[str]
    slack: SlackMonitor
    platforms: Callable[[], Mapping[str, bool]]
    """Whether each platform with watched jobs could be read."""
    clock: Callable[[], ClockReading]
    started_s: float = field(default_factory=time.monotonic)
    _database: list[CheckResult] = field(default_factory=list, init=False)
    _checked_s: float = field(default=float("-inf"), init=False)
    _integrity_s: float = field(default=float("-inf"), init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def results(self) -> list[CheckResult]:
        """Check everything."""
        database = await self._check_database()
        return [*self.loop_results(), *database, *self.slack.results(), *self._platform_results(), self._clock_result()]

    def loop_results(self) -> list[CheckResult]:
        """Check that each loop ticks."""
        ages_s = self.loop_ages_s()
        running_s = time.monotonic() - self.started_s
        return [_loop_result(name, ages_s.get(name), running_s) for name in self.loops]

    async def _check_database(self) -> list[CheckResult]:
        async with self._lock:
            if time.monotonic() - self._checked_s < DATABASE_EVERY_S:
                return self._database
            with_integrity = time.monotonic() - self._integrity_s >= INTEGRITY_EVERY_S
            try:
                async with asyncio.timeout(DATABASE_TIMEOUT_S):
                    self._database = await self.store.check(with_integrity=with_integrity)
            except TimeoutError:
                self._database = [_DATABASE_SILENT]
            self._checked_s = time.monotonic()
            if with_integrity and all(one.ok for one in self._database):
                self._integrity_s = self._checked_s
            return self._database

    def _platform_results(self) -> list[CheckResult]:
        """Report each platform. Only if none can be read, the bot sees nothing and is unhealthy."""
        platforms = self.platforms()
        sees_something = not platforms or any(platforms.values())
        remedy = "Check the platform's status page, its API key and the network. The channels of its jobs are notified."
        return [
            CheckResult(name, True, "jobs can be read")
            if is_reachable
            else CheckResult(name, sees_something, "no job can be read", remedy)
            for name, is_reachable in sorted(platforms.items())
        ]

    def _clock_result(self) -> CheckResult:
        """Report a system clock that differs. That delays nothing, so it is not a problem of the bot."""
        offset = self.clock().offset
        if abs(offset) < timedelta(seconds=2):
            return CheckResult("Clock", True, "steady")
        side = "ahead of" if offset > timedelta(0) else "behind"
        found = f"the system clock is {spoken_duration(offset)} {side} the time that trainwatch uses"
        return CheckResult("Clock", True, found, "Check the machine's time synchronization.")


_DATABASE_SILENT = CheckResult(
    "Database", False, "busy: it did not answer in time", "Find the process that holds it, or restart the server."
)


def _loop_result(name: str, age_s: float | None, running_s: float) -> CheckResult:
    age_s = running_s if age_s is None else age_s
    if age_s < HEARTBEAT_STALE.total_seconds():
        return CheckResult(f"{name} loop", True, f"last tick {spoken_seconds(age_s)} ago")
    return CheckResult(f"{name} loop", False, f"no tick for {spoken_seconds(age_s)}", "Restart the bot; see its log.")
