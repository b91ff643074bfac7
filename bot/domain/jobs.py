"""Jobs: references, states, and the details that a platform reports."""

import enum
from dataclasses import dataclass
from datetime import datetime

from bot.domain.progress import RunProgress


@dataclass(frozen=True, slots=True, order=True)
class JobRef:
    """Reference of a job: `provider:id`. Each provider defines the format of its ids, such as `proj/job`."""

    provider: str
    id: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.id}"

    @property
    def platform(self) -> str:
        """The platform, which several providers may share: the provider's name up to a hyphen."""
        return self.provider.partition("-")[0]


class JobState(enum.StrEnum):
    """State of a job, in one vocabulary for all platforms."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    IDLE = "idle"
    """Ready but not computing, such as a deployment scaled to zero."""
    UNHEALTHY = "unhealthy"
    """Not ended, but the platform reports a problem."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    UNKNOWN = "unknown"
    """The platform reports a status that is not in our tables. It is shown unchanged."""

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended. `UNKNOWN` counts as not ended."""
        return self in _TERMINAL

    @property
    def is_failure(self) -> bool:
        """Whether the state is a problem for the job's owner."""
        return self in _FAILURES

    @property
    def is_pending(self) -> bool:
        """Whether the job has not started."""
        return self in (JobState.QUEUED, JobState.STARTING)


_TERMINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.PREEMPTED})
_FAILURES = frozenset({JobState.FAILED, JobState.PREEMPTED, JobState.UNHEALTHY})


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources of a job; None where the platform does not report them."""

    instance: str | None = None
    node_count: int | None = None
    gpu_count: int | None = None
    """GPUs per node."""
    gpu_type: str | None = None
    gpu_memory_limit_bytes: int | None = None
    """Memory of one GPU."""
    cpu_limit_cores: float | None = None
    memory_limit_bytes: int | None = None
    rank_count: int | None = None
    """Processes of the run; None where the platform only reports its GPUs."""

    def gpus_text(self) -> str:
        """Return the GPUs, such as "2 nodes of 8 x H100" with a multiplication sign; "" if they are not known."""
        if not self.gpu_count:
            return ""
        gpus, nodes = f"{self.gpu_count} \N{MULTIPLICATION SIGN} {self.gpu_type or 'GPU'}", self.node_count or 1
        return f"{nodes:,} nodes of {gpus}" if nodes > 1 else gpus

    def to_text(self) -> str:
        """Return the nodes, their GPUs, CPUs and memory; else the name of the instance; "" if nothing is known."""
        parts = [
            f"{self.gpu_count} \N{MULTIPLICATION SIGN} {self.gpu_type or 'GPU'}" if self.gpu_count else "",
            f"{self.cpu_limit_cores:,g} vCPUs" if self.cpu_limit_cores else "",
            f"{self.memory_limit_bytes / 2**30:,.0f} GiB" if self.memory_limit_bytes else "",
        ]
        machine = ", ".join(part for part in parts if part) or self.instance or ""
        nodes = self.node_count or 1
        return f"{nodes:,} nodes of {machine}" if nodes > 1 and machine else machine


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its platform reports it."""

    ref: JobRef
    """The full reference, even if a short one was requested."""
    state: JobState
    vendor_status: str
    """The platform's status, unchanged, such as `TRAINING_JOB_DEPLOY_FAILED`."""
    name: str | None = None
    error: str | None = None
    """The platform's message. It does not imply failure: Baseten also sets it while a job is pending."""
    url: str | None = None
    user: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    resources: Resources = Resources()
    details: tuple[tuple[str, str], ...] = ()
    """Further (label, value) pairs, in the platform's order."""
    progress: RunProgress | None = None
    """How far the run got, for a watched job; platforms do not report it."""
    utilization: float | None = None
    """The newest mean of all GPUs, 0 to 1, for a watched job."""

    @property
    def rank_count(self) -> int | None:
        """Number of ranks: as reported, else one per GPU."""
        given = self.resources
        return given.rank_count or (given.gpu_count or 0) * (given.node_count or 1) or None
