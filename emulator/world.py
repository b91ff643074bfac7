"""What the emulated vendors hold: a clock, and the jobs of each system with their logs, statuses and measurements.

Not how a vendor shows it: each vendor's module reads from here and adds its own rules and oddities (``quirks.py``).
Nothing runs in the background: what is visible follows from the clock alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from emulator.hardware_metrics import Metrics
from emulator.logs import Line, Log
from emulator.serving_metrics import ServingMetrics

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ns(moment: datetime) -> int:
    """Convert an aware datetime to nanoseconds since the epoch, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def from_ns(timestamp_ns: int) -> datetime:
    """Convert nanoseconds since the epoch to a datetime, cut to microseconds."""
    return EPOCH + timedelta(microseconds=timestamp_ns // 1000)


class Status(NamedTuple):
    """A status in the vendor's own words, from a moment on."""

    since: datetime
    name: str
    error_message: str | None = None


class History:
    """The statuses of a job in order of time; the first one is its creation."""

    __slots__ = ("statuses",)

    def __init__(self, statuses: Iterable[Status]) -> None:
        """Sort the statuses by time; there must be at least one."""
        self.statuses = sorted(statuses, key=lambda status: status.since)

    @property
    def created_at(self) -> datetime:
        """The moment of the first status."""
        return self.statuses[0].since

    def at(self, now: datetime) -> Status:
        """Return the status that holds at `now` (before the first: the first)."""
        current = self.statuses[0]
        for status in self.statuses:
            if status.since > now:
                break
            current = status
        return current

    def first(self, names: Iterable[str], now: datetime) -> Status | None:
        """Return the first status up to `now` that bears one of the names."""
        wanted = frozenset(names)
        return next((status for status in self.statuses if status.since <= now and status.name in wanted), None)

    def add(self, since: datetime, name: str, error_message: str | None = None) -> None:
        """Change the status while the emulator runs."""
        self.statuses = sorted([*self.statuses, Status(since, name, error_message)], key=lambda s: s.since)


@dataclass(frozen=True, slots=True)
class InstanceType:
    """The machine a job runs on, with its limits."""

    id: str = "H100:8x208x1800"
    name: str = "H100:8x208x1800 - 8 Nvidia H100s, 1800 GiB RAM, 208 vCPUs"
    memory_limit_mib: int = 1_843_200
    millicpu_limit: int = 208_000
    gpu_count: int = 8
    gpu_type: str | None = "H100"
    gpu_memory_limit_mib: int | None = 81_559


SERVING_INSTANCE = InstanceType(
    "H100:1x26x225", "H100:1x26x225 - 1 Nvidia H100, 225 GiB RAM, 26 vCPUs", 230_400, 26_000, 1
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that Baseten keeps for a training job."""

    checkpoint_id: str
    created_at: datetime
    size_bytes: int = 16_060_522_496
    kind: str = "full"


@dataclass(slots=True)
class TrainingJob:
    """A Baseten training job."""

    project_id: str
    job_id: str
    log: Log
    history: History
    metrics: Metrics
    name: str | None = None
    instance_type: InstanceType = field(default_factory=InstanceType)
    node_count: int = 1
    priority: int = 0
    availability_model: str = "dedicated"
    checkpoint_sync_status: str | None = None
    user_email: str | None = "ada@example.com"
    checkpoints: list[Checkpoint] = field(default_factory=list)


@dataclass(slots=True)
class Project:
    """A Baseten training project and its jobs, in the order they were added."""

    project_id: str
    name: str
    jobs: dict[str, TrainingJob] = field(default_factory=dict)
    latest: TrainingJob | None = None
    """The job created last; kept here because every answer about a job names its project."""

    def add(self, job: TrainingJob) -> None:
        """Take a job into the project."""
        self.jobs[job.job_id] = job
        if self.latest is None or self.latest.history.created_at <= job.history.created_at:
            self.latest = job

    @property
    def created_at(self) -> datetime | None:
        """The creation of its first job; None while it has none."""
        first = next(iter(self.jobs.values()), None)
        return None if first is None else first.history.created_at


@dataclass(slots=True)
class Deployment:
    """A deployment of a Baseten model."""

    model_id: str
    deployment_id: str
    log: Log
    history: History
    name: str = "production"
    environment: str | None = "production"
    replicas: int = 1
    instance_type: InstanceType = SERVING_INSTANCE
    metrics: ServingMetrics = field(default_factory=ServingMetrics)


@dataclass(slots=True)
class Chainlet:
    """One part of a deployment of a Baseten chain."""

    chain_id: str
    chain_deployment_id: str
    chainlet_id: str
    name: str
    log: Log
    history: History
    environment: str | None = "production"
    replicas: int = 1
    instance_type: InstanceType = SERVING_INSTANCE


@dataclass(slots=True)
class BatchJob:
    """A Fireworks batch job; the rank of a line is the line's own."""

    account_id: str
    job_id: str
    log: Log
    history: History
    num_ranks: int = 1
    display_name: str = ""


@dataclass(slots=True)
class FineTuningJob:
    """A Fireworks fine-tuning job; its log is a file of text."""

    account_id: str
    collection: str
    """``supervisedFineTuningJobs``, ``reinforcementFineTuningJobs`` or ``dpoJobs``."""
    job_id: str
    log: Log
    history: History
    metric_rows: Sequence[tuple[datetime, Mapping[str, object]]] = ()
    """Rows of the metrics file in order of time: when each is written, and its numbers."""
    display_name: str = ""
    generation: int = 0
    """Changing it begins the files again, as a restarted job does."""


@dataclass(slots=True)
class RivergenRun:
    """A training run of a RiverGen model."""

    model_id: str
    run_id: str
    log: Log
    history: History
    metrics: Mapping[str, Callable[[int], float]] = field(default_factory=dict)
    """Value of each metric by epoch, beginning with 1."""
    total_epochs: int = 50
    epoch_length: timedelta = timedelta(seconds=60)
    label: str | None = None
    purged: bool = False
    """The log was removed by retention: the download answers 404."""


@dataclass(slots=True)
class World:
    """Everything the vendors serve; tests and stories fill it, the vendors only read it."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    projects: dict[str, Project] = field(default_factory=dict)
    model_names: dict[str, str] = field(default_factory=dict)
    deployments: dict[tuple[str, str], Deployment] = field(default_factory=dict)
    chainlets: dict[tuple[str, str, str], Chainlet] = field(default_factory=dict)
    batch_jobs: dict[tuple[str, str], BatchJob] = field(default_factory=dict)
    fine_tuning_jobs: dict[tuple[str, str, str], FineTuningJob] = field(default_factory=dict)
    gpu_capacity: int = 64
    """GPUs of one type that the organization's training jobs may use at once on Baseten."""
    rivergen_runs: dict[tuple[str, str], RivergenRun] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The clock's time."""
        return self.clock()

    @property
    def now_ns(self) -> int:
        """The clock's time in nanoseconds since the epoch."""
        return to_ns(self.clock())

    def add_training_job(
        self,
        project_id: str,
        job_id: str,
        *,
        lines: Iterable[Line] = (),
        statuses: Sequence[Status] = (),
        metrics: Metrics | None = None,
    ) -> TrainingJob:
        """Add a Baseten training job; without statuses it has been running for an hour."""
        history = self._history(statuses, "TRAINING_JOB_RUNNING")
        job = TrainingJob(project_id, job_id, Log(lines), history, metrics or Metrics())
        self.projects.setdefault(project_id, Project(project_id, project_id)).add(job)
        return job

    def add_deployment(
        self,
        model_id: str,
        deployment_id: str,
        *,
        lines: Iterable[Line] = (),
        statuses: Sequence[Status] = (),
        metrics: ServingMetrics | None = None,
    ) -> Deployment:
        """Add a deployment of a Baseten model; without statuses it has been active for an hour."""
        deployment = Deployment(model_id, deployment_id, Log(lines), self._history(statuses, "ACTIVE"))
        deployment.metrics = metrics or ServingMetrics()
        self.model_names.setdefault(model_id, model_id)
        self.deployments[model_id, deployment_id] = deployment
        return deployment

    def add_chainlet(
        self,
        chain_id: str,
        deployment_id: str,
        chainlet_id: str,
        name: str,
        *,
        lines: Iterable[Line] = (),
        statuses: Sequence[Status] = (),
    ) -> Chainlet:
        """Add a chainlet to the deployment of a Baseten chain; without statuses it has been active for an hour."""
        history = self._history(statuses, "ACTIVE")
        chainlet = Chainlet(chain_id, deployment_id, chainlet_id, name, Log(lines), history)
        self.chainlets[chain_id, deployment_id, chainlet_id] = chainlet
        return chainlet

    def add_batch_job(
        self,
        account_id: str,
        job_id: str,
        *,
        lines: Iterable[Line] = (),
        statuses: Sequence[Status] = (),
        num_ranks: int = 1,
    ) -> BatchJob:
        """Add a Fireworks batch job; without statuses it has been running for an hour."""
        job = BatchJob(account_id, job_id, Log(lines), self._history(statuses, "RUNNING"), num_ranks, job_id)
        self.batch_jobs[account_id, job_id] = job
        return job

    def add_fine_tuning_job(
        self,
        account_id: str,
        collection: str,
        job_id: str,
        *,
        lines: Iterable[Line] = (),
        statuses: Sequence[Status] = (),
        metric_rows: Sequence[tuple[datetime, Mapping[str, object]]] = (),
    ) -> FineTuningJob:
        """Add a Fireworks fine-tuning job; without statuses it has been running for an hour."""
        history = self._history(statuses, "JOB_STATE_RUNNING")
        job = FineTuningJob(account_id, collection, job_id, Log(lines), history, metric_rows, job_id)
        self.fine_tuning_jobs[account_id, collection, job_id] = job
        return job

    def add_rivergen_run(
        self,
        model_id: str,
        run_id: str,
        *,
        lines: Iterable[Line] = (),
        statuses: Sequence[Status] = (),
        metrics: Mapping[str, Callable[[int], float]] | None = None,
    ) -> RivergenRun:
        """Add a RiverGen run; without statuses it has been running for an hour."""
        run = RivergenRun(model_id, run_id, Log(lines), self._history(statuses, "running"), metrics or {})
        self.rivergen_runs[model_id, run_id] = run
        return run

    def _history(self, statuses: Sequence[Status], default: str) -> History:
        return History(statuses or [Status(self.now - timedelta(hours=1), default)])
