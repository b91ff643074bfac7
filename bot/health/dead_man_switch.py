"""Ping a URL while trainwatch is healthy, so that the service behind it raises the alarm when the pings stop."""

import logging
import time
from dataclasses import dataclass, field

import aiohttp

from bot import metrics
from bot.health.monitor import HealthMonitor
from bot.network import proxy_for

log = logging.getLogger(__name__)
_TIMEOUT = aiohttp.ClientTimeout(total=20)


@dataclass(slots=True)
class DeadManSwitch:
    """Pings the URL every minute, as a Worker of `run_loop`. The URL is a secret and is never logged."""

    url: str
    monitor: HealthMonitor
    every_s: float = 60.0
    _pinged_s: float = field(default=float("-inf"), init=False)

    async def tick(self) -> int:
        """Ping when it is time and everything is healthy. Always returns 0, because it is idle in between."""
        if time.monotonic() - self._pinged_s < self.every_s:
            return 0
        self._pinged_s = time.monotonic()
        problems = [one.subject for one in self.monitor.results() if not one.ok]
        if problems:
            metrics.PINGS.labels("withheld").inc()
            log.warning("dead man's switch not pinged", extra={"reason": ", ".join(problems)})
            return 0
        reason = await self._ping()
        metrics.PINGS.labels("failed" if reason else "sent").inc()
        if reason:
            log.warning("dead man's switch did not answer", extra={"reason": reason})
        return 0

    async def stop(self) -> None:
        """Do nothing: each tick finishes its work."""

    async def _ping(self) -> str | None:
        """Return why the ping failed, without the URL; None if it arrived."""
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.get(self.url, proxy=proxy_for(self.url)) as response,
            ):
                return None if response.ok else f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return type(error).__name__
