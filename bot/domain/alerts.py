"""From a condition that holds to a message in a channel, as values.

A condition gives a Verdict; `bot.rules.lifecycle` turns verdicts into an Alert's state and a Transition;
`bot.rules.routing` turns transitions into Deliveries of Notifications. Nothing here decides or sends.

All of it is stored as JSON (`bot.store`), so every field is a scalar, an enum, a datetime, a tuple or such a value.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.jobs import Job, JobRef
from bot.domain.logs import Level, LogLine, source_name


class Severity(enum.StrEnum):
    """How loud: `page` someone must act, `warn` worth knowing, `info` a note."""

    PAGE = "page"
    WARN = "warn"
    INFO = "info"

    @property
    def rank(self) -> int:
        """3 for page, 2 for warn, 1 for info."""
        return {"page": 3, "warn": 2, "info": 1}[self.value]


@dataclass(frozen=True, slots=True)
class ExcerptLine:
    """A log line quoted as evidence."""

    message: str
    timestamp_ns: int | None = None
    """Nanoseconds since the epoch, UTC; None for a line taken from a file or from an excerpt without times."""
    rank: int | None = None
    replica: str | None = None
    level: Level | None = None

    @classmethod
    def of(cls, line: LogLine, *, max_chars: int) -> ExcerptLine:
        """Quote a line, its message cut at `max_chars`."""
        return cls(line.message[:max_chars], line.timestamp_ns, line.rank, line.replica, line.level)

    @property
    def source(self) -> str | None:
        """Who wrote the line, as shown to people: `rank 3`, or the replica's id."""
        return source_name(self.rank, self.replica)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why we say so: what a person needs to believe the alert and to act on it."""

    summary: str
    """One sentence, our own words plus masked or redacted facts; rendered escaped."""
    title: str | None = None
    """What the alert is called when that is known better than the rule's title: "GPU out of memory"."""
    lines: tuple[ExcerptLine, ...] = ()
    """The lines that matter, oldest first, at most 20, each cut at 2,000 characters."""
    count: int = 0
    """How many lines, samples or events stand behind it, more than `lines` shows."""
    facts: tuple[tuple[str, str], ...] = ()
    """(label, value) pairs such as ("Rank", "3 of 8")."""
    hint: str | None = None
    """What to try."""
    first_at: datetime | None = None
    last_at: datetime | None = None
    root: int | None = None
    """Which of `lines` is the root, when they are an excerpt around one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The condition holds."""

    evidence: Evidence
    severity: Severity | None = None
    """Overrides the rule's own severity for this finding."""
    notify: bool = False
    """Whether this evidence deserves a reply in the incident's thread, beyond an edit of its root."""


@dataclass(frozen=True, slots=True)
class Clear:
    """The condition was looked at and does not hold."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """There was nothing to look at. Freezes the alert: neither fires nor resolves."""


Verdict = Finding | Clear | Unknown


@dataclass(frozen=True, slots=True)
class Timing:
    """When a finding becomes an alert and an alert ends (Prometheus `for`, `keep_firing_for`; Alertmanager repeat)."""

    hold_for: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)
    """How long after the last finding an alert goes on firing."""
    repeat_every: timedelta | None = None
    """Tell again while firing; None: never."""


class AlertState(enum.StrEnum):
    """As in Prometheus."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


Memory = Mapping[str, object]
"""What a condition keeps between polls: small, JSON-able."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule, with one set of parameters, on one job, and where it stands."""

    rule: str
    parameters_key: str
    """Canonical text of the parameters that differ from the defaults; "" for none."""
    state: AlertState = AlertState.INACTIVE
    episode: int = 0
    """Counts firings: (job, rule, parameters, episode) names one alert for ever."""
    pending_since: datetime | None = None
    fired_at: datetime | None = None
    last_finding_at: datetime | None = None
    severity: Severity = Severity.WARN
    evidence: Evidence | None = None
    notified_at: datetime | None = None
    """When this firing last caused a notification, for repeats."""
    memory: Memory = field(default_factory=dict)


class Resolution(enum.StrEnum):
    """Why an alert ended: "the job died" is not "the loss recovered"."""

    CLEARED = "cleared"
    JOB_ENDED = "job ended"
    UNSUBSCRIBED = "unsubscribed"


class Change(enum.StrEnum):
    """What happened to an alert."""

    FIRED = "fired"
    UPDATED = "updated"
    """Still firing, with new evidence worth showing."""
    RESOLVED = "resolved"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Transition:
    """An alert changed, at a time, on evidence."""

    change: Change
    at: datetime
    evidence: Evidence | None = None
    resolution: Resolution | None = None
    notify: bool = False
    """Copied from the Finding."""


@dataclass(frozen=True, slots=True)
class IncidentAlert:
    """One alert as an incident shows it."""

    id: str
    """Stable name of this firing, shown to people and put into message metadata: `tw-3f9c2ab1`."""
    rule: str
    title: str
    severity: Severity
    fired_at: datetime
    evidence: Evidence
    resolved_at: datetime | None = None
    resolution: Resolution | None = None
    acknowledged_by: str | None = None
    """Slack user id of the person who has it; repeats stop."""


@dataclass(frozen=True, slots=True)
class Incident:
    """The alerts of one job in one channel, from the first that fired to the last that resolved: one Slack thread."""

    id: str
    """`inc-` and 12 hex digits."""
    channel: str
    job: Job
    opened_at: datetime
    alerts: tuple[IncidentAlert, ...] = ()
    resolved_at: datetime | None = None

    @property
    def severity(self) -> Severity:
        """The worst of the alerts still firing, or of all when none is."""
        firing = [alert for alert in self.alerts if alert.resolved_at is None] or list(self.alerts)
        return max((alert.severity for alert in firing), key=lambda one: one.rank, default=Severity.INFO)


class NotifyReason(enum.StrEnum):
    """Why a channel is told (Alertmanager's dedup reasons)."""

    FIRST = "first"
    CHANGED = "changed"
    RESOLVED = "resolved"
    REPEAT = "repeat"
    NOTE = "note"
    """News that is no alert: a job ended, a subscription ended with it."""


class DeliveryKind(enum.StrEnum):
    """What a delivery does in the channel."""

    ROOT = "root"
    """Posts the incident's root message."""
    REPLY = "reply"
    """Posts into the root's thread."""
    EDIT = "edit"
    """Edits the root to the incident as it stands. A later edit of the same incident supersedes an unsent one."""
    NOTE = "note"
    """Posts a message of its own."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What to tell."""

    kind: DeliveryKind
    reason: NotifyReason
    job: Job
    incident: Incident | None = None
    """The incident as it stood when this was decided; None for a note."""
    alert_id: str | None = None
    """Which of the incident's alerts a reply is about."""
    text: str | None = None
    """The sentence of a note, or of a reply that is about no single alert."""
    broadcast: bool = False
    """A reply that is also shown in the channel: something worse happened than the root told."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification to one channel, as it goes into the outbox."""

    dedupe_key: str
    """Unique: the same news is put into the outbox once, however often it is decided."""
    channel: str
    notification: Notification
    suppressed_by: str | None = None
    """Why it is not sent (a silence's id, a severity below the subscription's): a suppression is a row too."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the channel gave back, kept to edit the message and to answer in its thread."""

    channel: str
    ts: str


def alert_id(watch_id: int, job: JobRef, alert: Alert) -> str:
    """The stable id of one firing, from what makes it unique; a watch's id is never used again."""
    return stable_id("tw", f"{watch_id}|{job}|{alert.rule}|{alert.parameters_key}|{alert.episode}")


def stable_id(prefix: str, text: str) -> str:
    """A short name that is the same for the same text in every process: 48 bits of SHA-256 in hexadecimal."""
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
