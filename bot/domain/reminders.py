"""What a reminder and an escalation say, when nobody has acknowledged an alert."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder that nobody has acknowledged a page."""

    number: int
    """1 for the first."""
    since: datetime
    """When the page fired."""
    at: datetime
    next_at: datetime | None
    """When the next one is due; None: this is the last."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """A step of an escalation chain."""

    number: int
    """1 for the first."""
    steps: int
    """Of the whole chain."""
    target: str
    """The id of a user, a user group or a channel, `here` or `channel`."""
    since: datetime
    """When the alert fired."""
    at: datetime
