"""Which platforms are unreachable, and when one answers again. Kept per process, in memory. Pure.

A platform is unreachable when the last poll of each of its jobs read nothing. While it is, one job is polled every
interval, whatever the jobs' own backoff. The first poll that reads something ends the backoff of all its jobs.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

_LONG_UNPOLLED = timedelta(minutes=30)
"""Three times the longest wait between two polls of a job that cannot be read."""


@dataclass(slots=True)
class _Platform:
    answered_at: dict[int, datetime] = field(default_factory=dict)
    """By watch, for those whose last poll read something."""
    failed_at: dict[int, datetime] = field(default_factory=dict)
    """By watch, for those whose last poll read nothing."""
    back_at: datetime | None = None
    """When a poll first read something after an outage."""
    probed_at: datetime | None = None


class Reachability:
    """The outcomes of polls, by platform."""

    def __init__(self, interval: timedelta) -> None:
        """`interval` is the time between two polls of a running job."""
        self._interval, self._forget_after = interval, interval * 8
        self._forget_failures_after = max(interval * 16, _LONG_UNPOLLED)
        self._platforms: dict[str, _Platform] = {}

    def record(self, provider: str, watch_id: int, now: datetime, *, has_read: bool) -> bool:
        """Record the outcome of a poll; return whether it ends an outage of the platform."""
        platform = self._platforms.setdefault(provider, _Platform())
        if not has_read:
            platform.answered_at.pop(watch_id, None)
            platform.failed_at[watch_id] = now
            return False
        was_unreachable = self._is_unreachable(platform, now)
        platform.failed_at.pop(watch_id, None)
        platform.answered_at[watch_id] = now
        if was_unreachable:
            platform.failed_at.clear()
            platform.back_at, platform.probed_at = now, None
        return was_unreachable

    def is_back_since(self, provider: str, started_at: datetime) -> bool:
        """Return whether an outage of the platform has ended since a poll started."""
        platform = self._platforms.get(provider)
        return platform is not None and platform.back_at is not None and platform.back_at >= started_at

    def unreachable(self, now: datetime) -> list[str]:
        """Return the platforms that are unreachable."""
        return [name for name, platform in self._platforms.items() if self._is_unreachable(platform, now)]

    def states(self, now: datetime) -> dict[str, bool]:
        """Return for each platform whether it is reachable."""
        return {name: not self._is_unreachable(platform, now) for name, platform in self._platforms.items()}

    def take_probes(self, now: datetime) -> list[str]:
        """Return the unreachable platforms that were not probed for an interval, and count them as probed now."""
        due = []
        for name in self.unreachable(now):
            platform = self._platforms[name]
            if platform.probed_at is None or not timedelta(0) <= now - platform.probed_at < self._interval:
                platform.probed_at = now
                due.append(name)
        return due

    def _is_unreachable(self, platform: _Platform, now: datetime) -> bool:
        """A job may be polled by another process from now on, or not at all, so what is old proves nothing."""
        failed = {one: at for one, at in platform.failed_at.items() if now - at < self._forget_failures_after}
        platform.failed_at = failed
        if not failed:
            return False
        recent = {one: at for one, at in platform.answered_at.items() if now - at < self._forget_after}
        platform.answered_at = recent
        return not recent
