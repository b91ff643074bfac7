"""When alerts share a message and when changes are announced, in the terms of Alertmanager."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Grouping:
    """How alerts are grouped. docs/rules.md compares the terms with Alertmanager's and Prometheus'."""

    group_wait: timedelta = timedelta(seconds=1)
    """How long a new digest waits for more alerts before its first message."""
    downtime_wait: timedelta = timedelta(seconds=10)
    """The same for the message about a downtime, until most jobs have been polled."""
    group_interval: timedelta = timedelta(minutes=1)
    """How long an alert must have ended before a reply announces it; one that fires again before has no reply."""
    storm_size: int = 8
    """Incidents that a channel gets as separate messages within `storm_window`; more become a digest."""
    storm_window: timedelta = timedelta(minutes=1)
    close_after: timedelta = timedelta(minutes=5)
    """A digest takes no more incidents when none has joined for this long."""
    reopen_within: timedelta = timedelta(hours=1)
    """An alert that fires again this soon after its incident ended opens that incident again."""
    most_firings: int = 3
    """An alert that fires more often than this within `flap_window` is flapping."""
    flap_window: timedelta = timedelta(hours=1)
    calm_after: timedelta = timedelta(minutes=20)
    """A flapping alert is stable when it has neither fired nor ended for this long."""


STANDARD = Grouping()


@dataclass(frozen=True, slots=True)
class Firings:
    """How often an alert has fired in its incident."""

    count: int
    first_at: datetime
    recent: tuple[datetime, ...] = ()
    """When it fired within the flap window, oldest first."""
    is_flapping: bool = False
