"""Whether Slack answers: its Web API, and in Socket Mode the connection on which commands arrive."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.domain.checks import CheckResult
from bot.domain.durations import spoken_seconds
from bot.errors import DeliveryError

PING_EVERY_S = 15.0
SILENT_AFTER_S = 60.0
"""Slack answers pings of both kinds every 10 to 15 s."""


@dataclass(slots=True)
class SlackMonitor:
    """Pings the Web API, as a Worker of `run_loop`. Times are monotonic."""

    ping: Callable[[], Awaitable[None]]
    socket_silence_s: Callable[[], float] | None
    """Returns the seconds since Slack last sent something on the connection; None: HTTP mode."""
    monotonic: Callable[[], float] = time.monotonic
    _answered_s: float = field(init=False)
    _pinged_s: float = field(default=float("-inf"), init=False)
    _problem: str = field(default="it has not answered yet", init=False)

    def __post_init__(self) -> None:
        self._answered_s = self.monotonic()

    async def tick(self) -> int:
        """Ping when it is time. Always returns 0, because it is idle in between."""
        now_s = self.monotonic()
        if now_s - self._pinged_s < PING_EVERY_S:
            return 0
        self._pinged_s = now_s
        try:
            async with asyncio.timeout(PING_EVERY_S):
                await self.ping()
        except TimeoutError:
            self._problem = "it does not answer"
        except DeliveryError as error:
            self._problem = error.public
        else:
            self._answered_s = self.monotonic()
        return 0

    async def stop(self) -> None:
        """Do nothing: each tick finishes its work."""

    def results(self) -> list[CheckResult]:
        """Return what is known about both ways."""
        silence_s = self.monotonic() - self._answered_s
        found = f"last answer {spoken_seconds(silence_s)} ago"
        results = [_result("Slack Web API", silence_s, found if silence_s < SILENT_AFTER_S else self._problem)]
        if self.socket_silence_s is not None:
            silence_s = self.socket_silence_s()
            results.append(_result("Slack connection", silence_s, f"last sign of life {spoken_seconds(silence_s)} ago"))
        return results


def _result(subject: str, silence_s: float, found: str) -> CheckResult:
    if silence_s < SILENT_AFTER_S:
        return CheckResult(subject, True, found)
    since = f"no answer for {spoken_seconds(silence_s)}"
    text = since if found.startswith("last") else f"{since}: {found}"
    return CheckResult(
        subject, False, text, "Check the network and https://slack-status.com; `trainwatch check` has more."
    )
