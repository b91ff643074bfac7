"""`metrics`, `status`, `diagnose` and `jobs`: the commands and their answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.commands.subcommands.window import ALL_TIME, Window
from bot.domain.alerts import Incident
from bot.domain.gaps import Gap
from bot.domain.jobs import Job
from bot.domain.logs import LogLine
from bot.domain.metrics import MetricSummary
from bot.domain.subscriptions import Subscription

if TYPE_CHECKING:  # not needed for help, which must be fast
    from bot.diagnosis.findings import Diagnosis

DEFAULT_JOBS = 20


@dataclass(frozen=True, slots=True)
class MetricsCommand:
    """Show the metrics of one job."""

    ref: str
    window: Window = ALL_TIME
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class MetricsAnswer:
    """Metrics of one job over a window."""

    job: Job
    start: datetime
    end: datetime
    summaries: tuple[MetricSummary, ...]
    missing: tuple[str, ...] = ()
    """Known metrics without a sample."""
    gaps: tuple[Gap, ...] = ()
    pinned: str = ""


@dataclass(frozen=True, slots=True)
class StatusCommand:
    """Show the state of one job."""

    ref: str
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """The state of one job, its newest lines and its GPUs."""

    job: Job
    at: datetime
    last_lines: tuple[LogLine, ...] = ()
    """The newest few, oldest first."""
    summaries: tuple[MetricSummary, ...] = ()
    """GPU utilization and memory of the last minutes."""
    gaps: tuple[Gap, ...] = ()
    watched_by: tuple[Subscription, ...] = ()
    """The subscriptions of the channel that asks."""
    incidents: tuple[Incident, ...] = ()
    """The open incidents of the channel that asks."""


@dataclass(frozen=True, slots=True)
class DiagnoseCommand:
    """Explain what the log of one job means."""

    ref: str
    window: Window = ALL_TIME
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class DiagnosisAnswer:
    """What the log of one job means."""

    job: Job
    diagnosis: Diagnosis
    start: datetime | None
    """Start of the window; None is the beginning of the log."""
    end: datetime
    read: int
    """Lines that came from the platform."""
    redacted: int = 0
    """Number of secrets hidden."""
    gaps: tuple[Gap, ...] = ()
    pinned: str = ""


@dataclass(frozen=True, slots=True)
class JobsCommand:
    """List the newest jobs."""

    provider: str | None = None
    """None lists those of every platform."""
    limit: int = DEFAULT_JOBS
    """Maximum number of jobs for each platform."""
    public: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class ProviderJobs:
    """The jobs of one platform, or why they cannot be listed."""

    provider: str
    jobs: tuple[Job, ...] = ()
    problem: str | None = None
    lists: bool = True
    """False: this platform does not list its jobs, as `problem` says; that is not a failure."""


@dataclass(frozen=True, slots=True)
class JobsAnswer:
    """The newest jobs of each platform."""

    providers: tuple[ProviderJobs, ...]
