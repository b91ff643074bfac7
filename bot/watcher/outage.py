"""Notice that Slack as a whole is unreachable, and when it is back.

During an outage nothing is sent, because each try might arrive without an answer. A ping notices the end within
seconds; then one delivery is tried, and its success releases all others.
"""

import asyncio
import contextlib
import enum
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.errors import DeliveryError

log = logging.getLogger(__name__)


class _State(enum.Enum):
    NORMAL = enum.auto()
    OUTAGE = enum.auto()
    RECOVERING = enum.auto()


@dataclass(frozen=True, slots=True)
class OutageSettings:
    """When an outage is assumed, and how its end is noticed."""

    failures: int = 2
    """Consecutive failures, in any channels, that make an outage."""
    slow_s: float = 5.0
    """A message without an answer for this long counts as an outage, unless later ones were answered."""
    ping_every_s: float = 1.0
    ping_timeout_s: float = 3.0
    longest_ping_s: float = 30.0
    """The longest time between pings while Slack answers pings but refuses messages."""


class Outage:
    """Whether messages can be sent now. Times are those of the event loop."""

    def __init__(self, ping: Callable[[], Awaitable[None]], settings: OutageSettings | None = None) -> None:
        self._ping, self._settings = ping, settings or OutageSettings()
        self._state, self._failures = _State.NORMAL, 0
        self._ping_s, self._pinged_s = self._settings.ping_every_s, float("-inf")
        self._sending: dict[int, float] = {}
        self._is_first_success = True

    def room(self) -> int | None:
        """How many more messages may be sent now; None: no limit."""
        if self._state is _State.NORMAL:
            return None
        return 1 if self._state is _State.RECOVERING and not self._sending else 0

    def start(self, delivery: int) -> None:
        """Record that a message is being sent."""
        self._sending[delivery] = _loop_s()

    def fail(self, delivery: int, *, unreachable: bool) -> None:
        """Record that a message was not sent; `unreachable` if the reason affects every channel."""
        self._sending.pop(delivery, None)
        if not unreachable:
            return
        self._failures += 1
        if self._state is _State.RECOVERING or self._failures >= self._settings.failures:
            self._begin("failures")

    def succeed(self, delivery: int) -> bool:
        """Record that a message arrived; return whether what waits for Slack is to be released."""
        self._sending.pop(delivery, None)
        self._sending = dict.fromkeys(self._sending, _loop_s())
        has_ended = self._is_first_success or self._state is not _State.NORMAL
        if self._state is not _State.NORMAL:
            log.info("slack is reachable again")
        self._state, self._failures, self._is_first_success = _State.NORMAL, 0, False
        self._ping_s = self._settings.ping_every_s
        return has_ended

    async def check(self) -> bool:
        """Notice unanswered messages, and ping during an outage; return whether Slack just answered a ping."""
        now_s = _loop_s()
        if self._state is not _State.OUTAGE and any(
            now_s - started_s > self._settings.slow_s for started_s in self._sending.values()
        ):
            self._begin("no answer")
        if self._state is not _State.OUTAGE or now_s - self._pinged_s < self._ping_s:
            return False
        self._pinged_s = now_s
        with contextlib.suppress(DeliveryError, TimeoutError):
            async with asyncio.timeout(self._settings.ping_timeout_s):
                await self._ping()
            self._state = _State.RECOVERING
            self._ping_s = min(self._settings.longest_ping_s, 2 * self._ping_s)
            self._sending.clear()
        return self._state is _State.RECOVERING

    def _begin(self, why: str) -> None:
        if self._state is _State.NORMAL:
            log.warning("slack is unreachable; messages wait", extra={"reason": why})
        self._state = _State.OUTAGE


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
