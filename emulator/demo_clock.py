"""The demo's clock: the system clock, moved forward on request, for the emulated platforms, Slack and the bot alike.

The bot is another process, so each move is sent to it (``demo_bot.py``). Time never goes back.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(slots=True)
class DemoClock:
    """The system clock plus the seconds it was moved forward."""

    system: Callable[[], float] = time.time
    ahead_s: float = 0.0
    followers: list[Callable[[float], None]] = field(default_factory=list)
    """Each is called with the seconds of a move."""

    def now_s(self) -> float:
        """Return seconds since the epoch."""
        return self.system() + self.ahead_s

    def utc_now(self) -> datetime:
        """Return the time as an aware datetime."""
        return datetime.fromtimestamp(self.now_s(), UTC)

    def move(self, seconds: float) -> None:
        """Move forward at once.

        Raises:
            ValueError: the seconds are negative.
        """
        if seconds < 0:
            raise ValueError("time only moves forward")
        self.ahead_s += seconds
        for follower in self.followers:
            follower(seconds)
