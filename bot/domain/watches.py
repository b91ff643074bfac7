"""A watched job as the watcher claims it, and what one poll of it changes.

`bot.store.watches` reads the first and writes the second; `bot.watcher.decide` turns one into the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.alerts import Alert, Delivery, Incident, Memory, Receipt
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogCursor
from bot.domain.run_history import EndedRun
from bot.domain.subscriptions import Silence, Subscription


@dataclass(frozen=True, slots=True)
class PollShare:
    """The part of the jobs that one of several processes polls first."""

    rank: int
    """The place of this process among those that run, from 0."""
    processes: int
    grace: timedelta = timedelta(seconds=1.5)
    """A job of another process that is overdue by this is polled by any; longer than an idle loop rests."""


@dataclass(frozen=True, slots=True)
class ClaimedWatch:
    """A job to poll, ours until the lease ends, as stored when it was claimed."""

    id: int
    """Never reused, not even after the watch is deleted."""
    job: JobRef
    token: str
    """Proves the claim when the result is saved."""
    fails: int
    """Consecutive polls that read neither the status nor the log."""
    cursor: LogCursor | None
    last_job: Job | None
    """As of the last poll; None before the first."""
    created_at: datetime
    seen_at: datetime | None
    """When the platform last answered."""
    memory: Memory = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    """Empty after the last channel unsubscribed: this poll closes open incidents and deletes the watch."""
    alerts: tuple[Alert, ...] = ()
    incidents: tuple[Incident, ...] = ()
    """The open incidents of all channels, and those that ended a short time ago."""
    silences: tuple[Silence, ...] = ()
    """The active silences of the subscriptions' channels."""
    roots: Mapping[str, Receipt] = field(default_factory=dict)
    """The root messages of its incidents that are posted, by incident id."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """The new state of a watch after a poll, and what changed."""

    watch_id: int
    token: str
    next_due_at: datetime
    fails: int = 0
    cursor: LogCursor | None = None
    last_job: Job | None = None
    seen_at: datetime | None = None
    memory: Memory = field(default_factory=dict)
    alerts: Sequence[Alert] = ()
    """New or changed alerts; others keep their row."""
    incidents: Sequence[Incident] = ()
    """New or changed incidents; others keep their row."""
    deliveries: Sequence[Delivery] = ()
    """Messages for the outbox, which ignores those whose key it already has."""
    unsubscribe: bool = False
    """The job has ended: end all its subscriptions and delete the watch."""
    ended_run: EndedRun | None = None
    """The run, if this poll found that it failed or succeeded."""
