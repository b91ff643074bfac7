"""What is watched: a job's address, its state, and all a platform says of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class JobRef:
    """The address of a job: `provider:id`, where the id's form belongs to the provider (`proj/job`)."""

    provider: str
    id: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.id}"


class JobState(enum.StrEnum):
    """Where a job stands, in one vocabulary for all platforms."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    IDLE = "idle"
    """Alive with nothing running, such as a deployment scaled to zero."""
    UNHEALTHY = "unhealthy"
    """Not over, but the platform itself says that it is not well or needs a person."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    UNKNOWN = "unknown"
    """A status we do not know: shown as the platform words it, never guessed."""

    @property
    def is_terminal(self) -> bool:
        """Whether the job is over; an unknown state is not."""
        return self in _TERMINAL

    @property
    def is_failure(self) -> bool:
        """Whether a person should know that this is not as hoped."""
        return self in _FAILURES

    @property
    def is_pending(self) -> bool:
        """Whether the job has not begun to compute."""
        return self in (JobState.QUEUED, JobState.STARTING)


_TERMINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.PREEMPTED})
_FAILURES = frozenset({JobState.FAILED, JobState.PREEMPTED, JobState.UNHEALTHY})


@dataclass(frozen=True, slots=True)
class Resources:
    """What the job was given; None where the platform does not say."""

    instance: str | None = None
    node_count: int | None = None
    gpu_count: int | None = None
    """GPUs per node."""
    gpu_type: str | None = None
    gpu_memory_limit_bytes: int | None = None
    """Of one GPU."""
    cpu_limit_cores: float | None = None
    memory_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """All a platform says of one job."""

    ref: JobRef
    """The whole address, also when a short one was asked for."""
    state: JobState
    vendor_status: str
    """The platform's own word, such as `TRAINING_JOB_DEPLOY_FAILED`."""
    name: str | None = None
    error: str | None = None
    """The platform's own message. Baseten also sets it while a job is pending: it does not mean failure."""
    url: str | None = None
    user: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    resources: Resources = Resources()
    details: tuple[tuple[str, str], ...] = ()
    """What else the platform tells, as (label, value) in its order."""
