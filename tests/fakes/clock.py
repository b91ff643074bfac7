"""A clock that only tests move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class ManualClock:
    """Returns `now` when called; tests set it or advance it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def advance(self, span: timedelta) -> None:
        """Move forward by `span`."""
        self.now += span


@dataclass
class ManualMonotonicClock:
    """Returns seconds that never go back; tests advance it."""

    now: float = 1000.5

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self.now += seconds
