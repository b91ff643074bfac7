"""A run as the lifecycle messages of a channel show it, from the queue to its summary."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.charts import LineChart
from bot.domain.jobs import Job, JobState


class RunEventKind(enum.StrEnum):
    """What the thread of a run is notified of."""

    WAITING = "waiting"
    """It has been queued for long."""
    STARTED = "started"
    FIRST_STEP = "first step"
    CHECKPOINT = "checkpoint"
    MILESTONE = "milestone"
    TIME_LIMIT = "time limit"
    """Its time limit is near."""
    ENDED = "ended"
    """It ended, and its log is read to the end: the summary."""


@dataclass(frozen=True, slots=True)
class RunStatistics:
    """What polls saw of a run, besides its state and progress."""

    queued_at: datetime | None = None
    """When it began to wait for its start; None: it was never seen waiting."""
    started_at: datetime | None = None
    first_step: int | None = None
    first_step_at: datetime | None = None
    best_loss: float | None = None
    """The lowest loss of all polls."""
    best_step: int | None = None
    utilization_sum: float = 0.0
    """Of each poll's mean of all GPUs, 0 to 1."""
    utilization_polls: int = 0

    @property
    def mean_utilization(self) -> float | None:
        """The mean of all polls that measured it."""
        return self.utilization_sum / self.utilization_polls if self.utilization_polls else None


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Why a run waits, as its platform explains it."""

    gpu_type: str
    wanted_gpus: int | None
    ahead: int
    """Runs that get GPUs before it."""
    holders: tuple[tuple[str, int], ...] = ()
    """(name, number of GPUs) of the runs that hold GPUs of the pool."""
    pool_gpus: int | None = None
    """GPUs that the pool may use; None: unknown."""


@dataclass(frozen=True, slots=True)
class RunProblem:
    """An incident of a run, as the run's message names it."""

    incident_id: str
    title: str
    severity_rank: int
    is_firing: bool
    ts: str = ""
    """Of the incident's root message in the same channel; "": not posted, or a digest shows it."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run at one time, for its root message, and for a reply about one event."""

    id: str
    """`run-` and 12 hex digits."""
    channel: str
    job: Job
    """With its progress."""
    statistics: RunStatistics
    at: datetime
    problems: tuple[RunProblem, ...] = ()
    time_limit: timedelta | None = None
    event: RunEventKind | None = None
    """What a reply is about; None for the root message."""
    is_left: bool = False
    """Whether the channel no longer follows the run, which goes on."""
    queue: QueuePosition | None = None
    """Asked once, when the run has waited for long."""
    chart: LineChart | None = None
    """The loss, or the throughput, over the run; only for its summary."""
    dropped_problems: int = 0
    """The number of incidents that are not among `problems`."""

    @property
    def ended_at(self) -> datetime | None:
        """When the run ended; None while it goes on."""
        job = self.job
        return (job.ended_at or job.updated_at or self.at) if job.state.is_terminal else None

    @property
    def duration(self) -> timedelta | None:
        """How long it has run; None before its start."""
        started_at = self.statistics.started_at
        return None if started_at is None else max(timedelta(0), (self.ended_at or self.at) - started_at)

    @property
    def gpu_hours(self) -> float | None:
        """The time of all its GPUs together."""
        given, duration = self.job.resources, self.duration
        if duration is None or not given.gpu_count:
            return None
        return given.gpu_count * (given.node_count or 1) * duration.total_seconds() / 3600

    @property
    def deadline(self) -> datetime | None:
        """When its time limit ends it."""
        started_at = self.statistics.started_at
        return started_at + self.time_limit if started_at is not None and self.time_limit is not None else None

    @property
    def steps_per_s(self) -> float | None:
        """The mean pace since the first step that was seen."""
        progress, seen = self.job.progress, self.statistics
        if progress is None or progress.step is None or seen.first_step is None or seen.first_step_at is None:
            return None
        span_s = ((progress.last_at or self.at) - seen.first_step_at).total_seconds()
        return (progress.step - seen.first_step) / span_s if span_s > 0 and progress.step > seen.first_step else None


@dataclass(frozen=True, slots=True)
class RunThread:
    """What one channel was shown of a run. Stored with the watch."""

    subscription_id: int
    channel: str
    done: tuple[RunEventKind, ...] = ()
    """Events that were announced, or had happened before the channel subscribed."""
    milestone: int = 0
    """The last one: percent, or steps where the subscription chose so."""
    milestone_steps: int = 0
    """What the subscription chose when `milestone` was reached; 0: percent."""
    checkpoint: str = ""
    state: str = ""
    """What an edit of the root message must show at once."""
    numbers: str = ""
    """What may wait for the next edit."""
    edited_at: datetime | None = None
    problems: tuple[RunProblem, ...] = ()
    """The incidents of the run until now, but for the oldest of very many."""
    dropped_problems: int = 0
    """The number of others, which have ended."""
    is_left: bool = False
    """Whether the channel no longer follows the run, as its message states."""


def has_started(job: Job) -> bool:
    """Whether a job has left its queue and its start-up."""
    return not job.state.is_pending and job.state is not JobState.UNKNOWN
