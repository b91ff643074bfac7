"""Everything that /readyz, the metrics and `trainwatch check --health` report about the running bot."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.checks import HEARTBEAT_STALE, CheckResult
from bot.domain.durations import spoken_duration, spoken_seconds
from bot.health.database_monitor import DatabaseMonitor
from bot.health.slack_monitor import SlackMonitor


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What is known about the clock."""

    offset: timedelta
    """How far the system clock is ahead of the time in use."""
    jumps: int


@dataclass(slots=True)
class HealthMonitor:
    """Checks the parts of the running bot. A part that cannot be checked counts as unhealthy."""

    database: DatabaseMonitor
    loop_ages_s: Callable[[], Mapping[str, float]]
    """Seconds since the last tick of each loop, by a monotonic clock."""
    loops: Sequence[str]
    slack: SlackMonitor
    platforms: Callable[[], Mapping[str, bool]]
    """Whether each platform with watched jobs could be read."""
    clock: Callable[[], ClockReading]
    started_s: float = field(default_factory=time.monotonic)

    def results(self) -> list[CheckResult]:
        """Return the state of everything, at once."""
        return [
            *self.loop_results(),
            *self.database.results(),
            *self.slack.results(),
            *self._platform_results(),
            self._clock_result(),
        ]

    def loop_results(self) -> list[CheckResult]:
        """Check that each loop ticks."""
        ages_s = self.loop_ages_s()
        running_s = time.monotonic() - self.started_s
        return [_loop_result(name, ages_s.get(name), running_s) for name in self.loops]

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


def _loop_result(name: str, age_s: float | None, running_s: float) -> CheckResult:
    age_s = running_s if age_s is None else age_s
    if age_s < HEARTBEAT_STALE.total_seconds():
        return CheckResult(f"{name} loop", True, f"last tick {spoken_seconds(age_s)} ago")
    return CheckResult(f"{name} loop", False, f"no tick for {spoken_seconds(age_s)}", "Restart the bot; see its log.")
