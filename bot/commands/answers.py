"""What a command found, as values: the same for Slack, the terminal and `--json`. Rendering is elsewhere.

Foreign text (messages, names, vendor words) is redacted here but not escaped: each frontend escapes for its own medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.domain.alerts import Incident, Severity
from bot.domain.gaps import Gap
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogLine
from bot.domain.metrics import MetricSummary
from bot.domain.subscriptions import Silence, Subscription

if TYPE_CHECKING:  # loaded when one is made: help comes at once without them
    from bot.diagnosis.findings import Diagnosis
    from bot.providers.base import RequestRate
    from bot.rules.replay import Replayed


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and where."""

    user: str
    """Slack user id; the login name in the terminal."""
    channel: str | None = None
    """Slack channel id; None in the terminal."""
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Lines that were read but are not shown."""

    reason: str
    """Ready to print behind a number: `did not match --grep`, `are older; narrow with --since`."""
    lines: int | None
    """None: some, the number is not known."""


@dataclass(frozen=True, slots=True)
class LogsAnswer:
    """Lines of one job, oldest first unless `--desc`."""

    job: JobRef
    lines: tuple[LogLine, ...]
    start: datetime | None
    end: datetime
    read: int
    """Lines that came from the platform, before our own filters."""
    cuts: tuple[Cut, ...] = ()
    gaps: tuple[Gap, ...] = ()
    pushed_down: tuple[str, ...] = ()
    """Filters the platform applied itself, as typed: `--level`."""
    redacted: int = 0
    """How many secrets were hidden."""
    older: str | None = None
    """The command text that shows the page before this one; None when there is none."""
    newer: str | None = None
    pinned: str = ""
    """The command text with its times made absolute: run again, it shows the same."""


@dataclass(frozen=True, slots=True)
class MetricsAnswer:
    """Figures of one job over a window."""

    job: Job
    start: datetime
    end: datetime
    summaries: tuple[MetricSummary, ...]
    missing: tuple[str, ...] = ()
    """Known metrics that the platform gave no sample of."""
    gaps: tuple[Gap, ...] = ()
    pinned: str = ""


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """Is it alive?"""

    job: Job
    at: datetime
    last_lines: tuple[LogLine, ...] = ()
    """The newest few, oldest first."""
    summaries: tuple[MetricSummary, ...] = ()
    """GPU utilisation and memory of the last minutes."""
    gaps: tuple[Gap, ...] = ()
    watched_by: tuple[Subscription, ...] = ()
    """Subscriptions of the asker's channel."""
    incidents: tuple[Incident, ...] = ()
    """Open ones."""


@dataclass(frozen=True, slots=True)
class DiagnosisAnswer:
    """What a job's log means."""

    job: Job
    diagnosis: Diagnosis
    start: datetime | None
    """Of the window; None is the log's beginning."""
    end: datetime
    read: int
    """Lines that came from the platform."""
    redacted: int = 0
    gaps: tuple[Gap, ...] = ()
    pinned: str = ""


@dataclass(frozen=True, slots=True)
class RulesAnswer:
    """The rules there are, as they are set where nobody says otherwise."""

    rules: tuple[RuleShown, ...]


@dataclass(frozen=True, slots=True)
class RuleShown:
    """One rule as a list shows it."""

    name: str
    help: str
    severity: Severity
    is_on: bool
    parameters: tuple[tuple[str, str, str], ...]
    """(name, value, what it means), the value as one would type it."""


@dataclass(frozen=True, slots=True)
class ReplayAnswer:
    """Which alerts a window of the past would have brought."""

    job: Job
    start: datetime
    end: datetime
    step: timedelta
    """How far apart the looks were."""
    alerts: tuple[Replayed, ...]
    """In the order they fired."""
    quiet: tuple[str, ...]
    """Rules that would have said nothing."""
    read: int
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    """What makes the replay differ from what would have been."""
    pinned: str = ""


@dataclass(frozen=True, slots=True)
class ProviderJobs:
    """One platform's jobs, or why they cannot be listed."""

    provider: str
    jobs: tuple[Job, ...] = ()
    problem: str | None = None
    lists: bool = True
    """False: this platform does not list its jobs, which `problem` says; nothing is wrong."""


@dataclass(frozen=True, slots=True)
class JobsAnswer:
    """What runs where."""

    providers: tuple[ProviderJobs, ...]


@dataclass(frozen=True, slots=True)
class WatchAnswer:
    """A channel's subscription was made or changed."""

    subscription: Subscription
    job: Job
    created: bool
    """False: it was there and its settings are now these."""
    rules: tuple[RuleShown, ...] = ()
    """What will be alerted, as this channel has it."""
    is_news: bool = True
    """False: it was there with just these settings, which need not be told to anyone else."""


@dataclass(frozen=True, slots=True)
class UnwatchAnswer:
    """Subscriptions that ended."""

    jobs: tuple[JobRef, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """One subscription as `list` shows it."""

    subscription: Subscription
    job: Job | None
    """As last seen; None before the first look."""
    seen_at: datetime | None
    firing: int = 0


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """What a channel watches and what it has muted."""

    watched: tuple[Watched, ...]
    silences: tuple[Silence, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class SilenceAnswer:
    """A silence was made, or ended."""

    silence: Silence
    ended: bool = False
    is_watched: bool = True
    """False: it is of a job that this channel does not watch, so there is nothing to mute."""


@dataclass(frozen=True, slots=True)
class HelpAnswer:
    """What can be typed."""

    topic: str | None
    """A subcommand; None for the overview."""
    usage: str
    description: str
    rows: tuple[tuple[str, str], ...]
    """(what to type, what it does)."""
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """It did not work: what happened, what it means, what to do."""

    public: str
    usage: str | None = None


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """How far behind trainwatch is, and how hard this process asks the platforms."""

    overdue: timedelta
    """How long the job that is due longest has waited for its poll."""
    unsent: int
    """Messages that are still to be sent."""
    unsent_for: timedelta
    """How long the oldest of them has waited."""
    loads: Mapping[str, RequestRate]


Answer = (
    LogsAnswer
    | MetricsAnswer
    | StatusAnswer
    | DiagnosisAnswer
    | RulesAnswer
    | ReplayAnswer
    | JobsAnswer
    | WatchAnswer
    | UnwatchAnswer
    | ListAnswer
    | SilenceAnswer
    | HelpAnswer
    | ErrorAnswer
)
