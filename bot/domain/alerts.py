"""Alerts, from the verdict of a condition to a message in a channel, as values.

A condition returns a Verdict; `bot.rules.lifecycle` turns verdicts into an Alert's state and a Transition;
`bot.rules.routing` turns transitions into Deliveries of Notifications.

The database stores these values as JSON, so every field is a scalar, an enum, a datetime, a tuple or such a value.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.boards import Board
from bot.domain.charts import LineChart
from bot.domain.digests import Digest
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.grouping import Firings
from bot.domain.jobs import Job, JobRef
from bot.domain.listings import JoinedJobs
from bot.domain.logs import Level, LogLine, source_name
from bot.domain.overwritten_text import shown_text
from bot.domain.ownership import Acknowledgement, Closing, IncidentNote, Muting, Unwatching
from bot.domain.progress import RunProgress
from bot.domain.reminders import Escalation, Reminder
from bot.domain.run_verdicts import RunVerdict
from bot.domain.runs import RunReport


class Severity(enum.StrEnum):
    """How urgent an alert is: `page` needs action, `warn` is worth knowing, `info` is a note."""

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
        """Quote a line in its final state, its message cut at `max_chars`."""
        return cls(shown_text(line.message)[:max_chars], line.timestamp_ns, line.rank, line.replica, line.level)

    @property
    def source(self) -> str | None:
        """The source as shown to people: `rank 3`, or the replica's id."""
        return source_name(self.rank, self.replica)


@dataclass(frozen=True, slots=True)
class CountedMessage:
    """One of the distinct messages of an alert, with the number of lines that had it."""

    message: str
    """Without time and level; an ellipsis replaces numbers that differ from line to line."""
    count: int
    first_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person needs to trust an alert and to act on it."""

    summary: str
    """One sentence; foreign text in it is redacted, and renderers escape it."""
    title: str | None = None
    """A title more specific than the rule's, such as "GPU out of memory"."""
    lines: tuple[ExcerptLine, ...] = ()
    """The relevant lines, oldest first, at most 20, each cut at 2,000 characters."""
    count: int = 0
    """Number of lines, samples or events, including those that `lines` does not show."""
    facts: tuple[tuple[str, str], ...] = ()
    """(label, value) pairs such as ("Rank", "3 of 8")."""
    hint: str | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    root: int | None = None
    """Index in `lines` of the root cause, when they are an excerpt around it."""
    expected_at: datetime | None = None
    """When the predicted event will happen, such as full memory; None without a prediction and after the event."""
    messages: tuple[CountedMessage, ...] = ()
    """Distinct messages: the first one, then the most frequent ones."""
    chart: LineChart | None = field(default=None, compare=False)
    """What the metrics did before. It changes at every poll, without making the alert another one."""
    group: str = ""
    """What several jobs may share, such as `platform:baseten`, `disk:/mnt/data` or `node:gpu-17`; "": nothing."""
    verdict: RunVerdict | None = None
    """What to do with the run; None if nothing ended it, or no line says what did."""

    @property
    def start_ns(self) -> int | None:
        """The time of the root line or of the first relevant line, to the nanosecond if it is known so exactly."""
        if (
            self.root is not None
            and self.root < len(self.lines)
            and (root_ns := self.lines[self.root].timestamp_ns) is not None
        ):
            return root_ns
        timestamps = [line.timestamp_ns for line in self.lines if line.timestamp_ns is not None]
        start_at = self.first_at or self.last_at
        if start_at is None:
            return timestamps[0] if timestamps else None
        exact = (timestamp_ns for timestamp_ns in timestamps if datetime_from_ns(timestamp_ns) == start_at)
        return next(exact, ns_from_datetime(start_at))


@dataclass(frozen=True, slots=True)
class Finding:
    """The condition holds."""

    evidence: Evidence
    severity: Severity | None = None
    """Overrides the severity of the rule."""
    notify: bool = False
    """Whether this evidence deserves a reply in the incident's thread, beyond an edit of its root."""


@dataclass(frozen=True, slots=True)
class Clear:
    """The condition was evaluated and does not hold."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The condition could not be evaluated. Freezes the alert, which neither fires nor resolves."""


Verdict = Finding | Clear | Unknown


@dataclass(frozen=True, slots=True)
class Timing:
    """When a finding becomes an alert and an alert ends (Prometheus `for`, `keep_firing_for`)."""

    hold_for: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)
    """How long after the last finding an alert keeps firing."""


class AlertState(enum.StrEnum):
    """As in Prometheus."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


Memory = Mapping[str, object]
"""What a condition or the watcher keeps between polls, as JSON. `bot.rules.rule` gives it a type."""


@dataclass(frozen=True, slots=True)
class Alert:
    """The state of one rule with one set of parameters on one job."""

    rule: str
    parameters_key: str
    """Canonical text of the parameters that differ from the defaults; "" for none."""
    state: AlertState = AlertState.INACTIVE
    episode: int = 0
    """Number of firings: (job, rule, parameters, episode) identifies one firing permanently."""
    pending_since: datetime | None = None
    fired_at: datetime | None = None
    last_finding_at: datetime | None = None
    severity: Severity = Severity.WARN
    evidence: Evidence | None = None
    memory: Memory = field(default_factory=dict)


class Resolution(enum.StrEnum):
    """Why an alert resolved: "the job ended" differs from "the loss recovered"."""

    CLEARED = "cleared"
    JOB_ENDED = "job ended"
    UNSUBSCRIBED = "unsubscribed"


class Change(enum.StrEnum):
    """What happened to an alert."""

    FIRED = "fired"
    UPDATED = "updated"
    """Still firing, with new evidence."""
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Transition:
    """An alert changed, at a time, on evidence."""

    change: Change
    at: datetime
    evidence: Evidence | None = None
    resolution: Resolution | None = None
    notify: bool = False


@dataclass(frozen=True, slots=True)
class IncidentAlert:
    """One alert as an incident shows it."""

    id: str
    """`alert_id` of this firing, shown to people and included in message metadata."""
    rule: str
    title: str
    severity: Severity
    fired_at: datetime
    evidence: Evidence
    resolved_at: datetime | None = None
    resolution: Resolution | None = None
    caused_by: str | None = None
    """Id of the alert of the same incident that this one follows from; it has no separate replies."""
    history: Firings | None = None
    """Its earlier firings in this incident; None: it fired once."""
    is_end_announced: bool = True
    """False from its end until a reply announces it."""

    def resolved(self, at: datetime, resolution: Resolution) -> IncidentAlert:
        """Return the alert as resolved, without its prediction."""
        evidence = replace(self.evidence, expected_at=None)
        return replace(self, resolved_at=at, resolution=resolution, evidence=evidence)


@dataclass(frozen=True, slots=True)
class Incident:
    """The alerts of one job in one channel, from the first firing to the last resolution: one Slack thread.

    `resolved_at` says that its alerts have ended, `closing` that a person closed the incident. A failed job's
    incident stays open after its end until a person closes it.
    """

    id: str
    """`inc-` and 12 hex digits."""
    channel: str
    job: Job
    opened_at: datetime
    alerts: tuple[IncidentAlert, ...] = ()
    resolved_at: datetime | None = None
    progress: RunProgress | None = None
    """How far the run was at the last change; None if no log was read."""
    acknowledgement: Acknowledgement | None = None
    closing: Closing | None = None
    muted: Muting | None = None
    unwatched: Unwatching | None = None
    group: str = ""
    """What incidents of several jobs share, such as `platform:baseten`; they become one message. "": nothing."""
    note: IncidentNote | None = None
    """The newest that a person added."""

    @property
    def is_failure(self) -> bool:
        """Whether the job failed with a page that had not cleared."""
        failed = self.job.state.is_failure and self.job.state.is_terminal
        return failed and any(
            alert.severity is Severity.PAGE and (alert.resolved_at is None or alert.resolution is Resolution.JOB_ENDED)
            for alert in self.alerts
        )

    @property
    def is_open(self) -> bool:
        """Whether it needs a person: an alert fires or the job failed, and nobody has closed it."""
        return self.closing is None and (self.resolved_at is None or self.is_failure)

    @property
    def severity(self) -> Severity:
        """The worst severity among firing alerts, or among all when none is firing."""
        firing = [alert for alert in self.alerts if alert.resolved_at is None] or list(self.alerts)
        return max((alert.severity for alert in firing), key=lambda one: one.rank, default=Severity.INFO)


class NotifyReason(enum.StrEnum):
    """Why a channel is notified (Alertmanager's dedup reasons)."""

    FIRST = "first"
    CHANGED = "changed"
    RESOLVED = "resolved"
    RETURNED = "returned"
    """An alert that had ended fires again."""
    FLAPPING = "flapping"
    """An alert fires too often: from now on its firings are counted."""
    STABLE = "stable"
    """An alert stopped flapping."""
    REMINDER = "reminder"
    """Nobody has acknowledged a page."""
    ESCALATED = "escalated"
    """Nobody has acknowledged an alert, so it reaches the next in its channel's escalation chain."""
    TAKEN_OVER = "taken over"
    """A person took an incident from another."""
    NOTED = "noted"
    """A person added a note to an incident."""
    NOTE = "note"
    """Not about an alert: the job and its subscription ended."""
    RUN = "run"
    """Not about an alert: how a run gets on."""


class DeliveryKind(enum.StrEnum):
    """What a delivery does in the channel."""

    ROOT = "root"
    """Posts the root message of an incident."""
    REPLY = "reply"
    """Posts in the thread of the root."""
    EDIT = "edit"
    """Edits the root to show the incident's current state. A later edit supersedes an unsent one."""
    NOTE = "note"
    """Posts a separate message."""
    DIRECT = "direct"
    """Sends a direct message to the person who started the job."""
    EVENT = "event"
    """Sends the state of the incident to a webhook."""
    PICTURE = "picture"
    """Posts a chart as a picture in the thread of the root, after the reply that it belongs to."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message to send, before it is rendered."""

    kind: DeliveryKind
    reason: NotifyReason
    job: Job
    incident: Incident | None = None
    """The incident when this was decided; None for a note."""
    alert_id: str | None = None
    """The alert that a reply is about."""
    text: str | None = None
    """The sentence of a note, or of a reply that is not about a single alert."""
    broadcast: bool = False
    """Whether a reply is also shown in the channel, because something worse happened."""
    mention: Severity | None = None
    """Mention the people whom the channel chose for this severity, and the job's owner."""
    reminder: Reminder | None = None
    escalation: Escalation | None = None
    thread: Receipt | None = None
    """The root message that a direct message links to, or in whose thread a picture goes."""
    picture: LineChart | None = None
    """The chart that a picture shows."""
    digest: Digest | None = None
    """The digest that the message shows, instead of an incident."""
    joined: JoinedJobs | None = None
    """The new jobs that a note is about."""
    run: RunReport | None = None
    """The run that the message shows, instead of an incident."""
    board: Board | None = None
    """The digest of runs that the message shows, instead of an incident."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification to one channel, a row of the outbox."""

    dedupe_key: str
    """Unique, so that a notification enters the outbox once, however often it is decided."""
    channel: str
    notification: Notification
    suppressed_by: str | None = None
    """Why it is not sent: a silence, or a severity below the subscription's. Suppressions are rows too."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Identifies a posted message, to edit it and to reply in its thread."""

    channel: str
    ts: str


def alert_id(watch_id: int, job: JobRef, alert: Alert) -> str:
    """Return the stable id of one firing, such as `tw-3f9c2ab17d04`; watch ids are never reused."""
    return stable_id("tw", f"{watch_id}|{job}|{alert.rule}|{alert.parameters_key}|{alert.episode}")


def stable_id(prefix: str, text: str) -> str:
    """Return an id that every process derives from the same text: 48 bits of SHA-256 in hexadecimal."""
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
