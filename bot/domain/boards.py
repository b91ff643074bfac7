"""Digests of runs: one message about many runs of a channel, on request or because many started at once."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from bot.domain.jobs import Job, JobState

BOARD_ROWS = 40
"""Runs that one message lists."""


class BoardKind(enum.StrEnum):
    """When a digest of runs is sent."""

    LIVE = "live"
    """One message about all runs, edited in place."""
    DAILY = "daily"
    """A new message each day."""
    STARTS = "starts"
    """One message about runs that started together, edited in place."""


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """The digest that a channel chose."""

    kind: BoardKind
    by: str = ""
    """Slack user id."""
    minute: int = 0
    """Minutes after midnight, of a daily digest."""
    zone: str = "UTC"
    """A time zone of the IANA database."""

    def next_at(self, after: datetime) -> datetime:
        """When the next daily digest is due."""
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - the shell starts faster without it

        zone = ZoneInfo(self.zone)
        day = after.astimezone(zone).date()
        at = [
            datetime.combine(day + timedelta(days=days), time(*divmod(self.minute, 60)), zone).astimezone(UTC)
            for days in range(3)
        ]
        return next(one for one in at if one > after)


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One run in a digest."""

    job: Job
    """With its progress."""
    firing: int = 0
    """Alerts that fire in the channel."""


@dataclass(frozen=True, slots=True)
class Board:
    """A digest of runs as its message shows it."""

    id: str
    """`brd-` and 12 hex digits."""
    channel: str
    kind: BoardKind
    at: datetime
    rows: tuple[BoardRow, ...]
    """Those to list, with alerts first."""
    states: tuple[tuple[JobState, int], ...]
    """How many runs are in each state."""
    troubled: int = 0
    """Runs with an alert that fires."""
    has_ended: bool = False
    """Whether the message is edited no more."""

    @property
    def total(self) -> int:
        """The number of runs."""
        return sum(count for _, count in self.states)


@dataclass(frozen=True, slots=True)
class StoredBoard:
    """A digest of runs as stored."""

    id: str
    channel: str
    settings: BoardSettings
    due_at: datetime
    shown: str
    """Hash of what the message shows; "" before the first."""
    changes: int
    """Number of changes until now; another change makes a plan void."""
    has_ended: bool = False
    """Whether the channel ended it or chose another."""
