"""`metrics`, `status`, `diagnose` and `jobs`: the rows, the commands and their answers. Pure.

`pinned` in an answer is its command with absolute times: run again, it shows the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.commands.subcommands.arguments import ALL_TIME, Arguments, Window
from bot.commands.subcommands.job_states import MAIN_WORDS, STATE_WORDS
from bot.commands.subcommands.spec import (
    JOB_PARAMETER,
    JSON,
    PUBLIC,
    WINDOW_OPTIONS,
    Frontend,
    Option,
    Positional,
    Subcommand,
)
from bot.errors import UsageError

if TYPE_CHECKING:  # help and other commands start faster without them
    from bot.diagnosis.findings import Diagnosis
    from bot.domain.alerts import Evidence, Incident
    from bot.domain.gaps import Gap, Part
    from bot.domain.jobs import Job
    from bot.domain.logs import LogLine
    from bot.domain.metrics import MetricSeries, MetricSummary
    from bot.domain.progress import RunProgress
    from bot.domain.subscriptions import Subscription

DEFAULT_JOBS = 20
SEARCHED_JOBS = 100
"""Number of jobs of each platform that a filter applies to."""
MAX_JOBS = 10_000
"""The largest `--limit`."""
_MINE = ("mine", "my")
_STATE_CHOICES = (*MAIN_WORDS, _MINE[0])


@dataclass(frozen=True, slots=True)
class MetricsCommand:
    """Show the metrics of one job."""

    ref: str
    window: Window = ALL_TIME
    public: bool = False
    json: bool = False
    gpus: bool = False
    """Whether to list every series, rather than one line for each node."""
    png: str | None = None
    """File to draw charts to."""
    svg: str | None = None
    force: bool = False
    """Whether these may replace files."""
    picture: bool = False
    """Whether the message has a picture: a heat map of many GPUs."""


@dataclass(frozen=True, slots=True)
class MetricsAnswer:
    """Metrics of one job over a window."""

    job: Job
    start: datetime
    end: datetime
    summaries: tuple[MetricSummary, ...]
    pinned: MetricsCommand
    missing: tuple[str, ...] = ()
    """Known metrics without a sample."""
    gaps: tuple[Gap, ...] = ()
    at: datetime | None = None
    """When the command ran; the window may end earlier."""
    notes: tuple[str, ...] = ()
    """How the time range was cut."""


METRICS = Subcommand(
    "metrics",
    "Show GPU, memory, CPU and storage metrics of a job",
    lambda arguments: MetricsCommand(
        arguments.at_most(1).reference(),
        arguments.window(),
        *arguments.output(),
        arguments.has("--gpus"),
        arguments.text("--png"),
        arguments.text("--svg"),
        arguments.has("--force"),
        arguments.has("--picture"),
    ),
    "REF",
    (
        *WINDOW_OPTIONS,
        Option("--gpus", "List every GPU and node; without it, one line for each node."),
        Option("--png", "Draw charts to this PNG file.", "FILE", frontends=(Frontend.SHELL,)),
        Option("--svg", "Draw charts to this SVG file.", "FILE", frontends=(Frontend.SHELL,)),
        Option("--picture", "Show charts as a picture: a heat map of many GPUs.", frontends=(Frontend.SLACK,)),
        Option("--force", "With --png or --svg, replace an existing file.", frontends=(Frontend.SHELL,)),
        PUBLIC,
        JSON,
    ),
    (
        ("metrics baseten:lq4j9zm/8w6y2n", "the last hour, or the last hour before the job ended"),
        ("metrics baseten:lq4j9zm/8w6y2n --since 15m", "the last 15 minutes"),
        ("metrics baseten:lq4j9zm/8w6y2n --gpus", "every GPU"),
        ("metrics baseten:lq4j9zm/8w6y2n --png gpus.png", "charts as a picture"),
    ),
    aliases=("metric",),
    parameters=(JOB_PARAMETER,),
)


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
    """The newest few, oldest first, after the last errors or warnings before them."""
    summaries: tuple[MetricSummary, ...] = ()
    """GPU utilization and memory of the last minutes."""
    gaps: tuple[Gap, ...] = ()
    watched_by: tuple[Subscription, ...] = ()
    """The subscriptions of the channel that asks."""
    incidents: tuple[Incident, ...] = ()
    """The open incidents of the channel that asks."""
    progress: RunProgress | None = None
    """How far the run got, according to its log."""
    curves: tuple[MetricSeries, ...] = ()
    """Loss and throughput in the newest lines of the log; none of a job that failed."""
    cause: Evidence | None = None
    """Why the job failed, by the diagnosis of its log."""
    cause_lines: int | None = None
    """Number of the log's newest lines that were searched for the cause; None: the watcher read the whole log."""

    @property
    def has_no_known_cause(self) -> bool:
        """Whether the end of the log was searched for a cause in vain."""
        return self.cause is None and self.cause_lines is not None

    missing: frozenset[Part] = frozenset()
    """What the platform does not have for this kind of job."""


STATUS = Subcommand(
    "status",
    "Show a job's state, latest log lines and GPU usage",
    lambda arguments: StatusCommand(arguments.at_most(1).reference(), *arguments.output()),
    "REF",
    (PUBLIC, JSON),
    (("status fireworks:acme/tune-7b", "its state, newest lines and GPU utilization"),),
    aliases=("show",),
    parameters=(JOB_PARAMETER,),
)


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
    pinned: DiagnoseCommand
    diagnosis: Diagnosis
    start: datetime | None
    """Start of the window; None is the beginning of the log."""
    end: datetime
    read: int
    """Lines that came from the platform."""
    redacted: int = 0
    """Number of secrets hidden."""
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    """How the time range was cut, and how to read on."""


DIAGNOSE = Subcommand(
    "diagnose",
    "Explain why a job failed: what broke, on which rank, and what to try",
    lambda arguments: DiagnoseCommand(arguments.at_most(1).reference(), arguments.window(), *arguments.output()),
    "REF",
    (*WINDOW_OPTIONS, PUBLIC, JSON),
    (
        ("diagnose baseten:lq4j9zm/8w6y2n", "from the whole log"),
        ("diagnose baseten:lq4j9zm/8w6y2n --since 2h", "from the last two hours, which is faster"),
    ),
    aliases=("why",),
    parameters=(JOB_PARAMETER,),
)


@dataclass(frozen=True, slots=True)
class JobsCommand:
    """List the newest jobs."""

    provider: str | None = None
    """None lists those of every platform."""
    limit: int = DEFAULT_JOBS
    """Number of jobs to read from each platform; filters apply to them."""
    state: str | None = None
    """A key of `STATE_WORDS`; None lists jobs in any state."""
    mine: bool = False
    """Whether to list only the jobs of the asker."""
    user: str | None = None
    """The e-mail address of the person whose jobs to list."""
    skip: int = 0
    """Number of jobs on earlier pages, in Slack."""
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
    read: int = 0
    """Number of jobs before filters."""
    has_users: bool = True
    """False: this platform does not report who started its jobs."""


@dataclass(frozen=True, slots=True)
class JobsAnswer:
    """The newest jobs of each platform."""

    providers: tuple[ProviderJobs, ...]
    command: JobsCommand = JobsCommand()


def _build_jobs(arguments: Arguments) -> JobsCommand:
    words = [word.rstrip(":").lower() for word in arguments.positionals]
    states = [word for word in words if word in STATE_WORDS]
    others = [word for word in words if word not in (*STATE_WORDS, *_MINE)]
    if len(states) > 1 or len(others) > 1:
        surplus = (states[1:] or others[1:])[0][:40]
        raise UsageError(f"Unexpected argument `{surplus}`. Use one platform and one state.")
    for word in others:
        from difflib import get_close_matches  # noqa: PLC0415 - help must be fast

        if close := get_close_matches(word, [*MAIN_WORDS, *_MINE], n=1, cutoff=0.75):
            raise UsageError(f"Unknown platform or state `{word[:40]}`. Did you mean `{close[0]}`?")
    user = arguments.text("--user")
    mine = any(word in _MINE for word in words)
    is_filtered = bool(states) or mine or user is not None
    return JobsCommand(
        others[0] if others else None,
        arguments.count("--limit", MAX_JOBS) or (SEARCHED_JOBS if is_filtered else DEFAULT_JOBS),
        states[0] if states else None,
        mine and user is None,
        user,
        arguments.count("--skip") or 0,
        *arguments.output(),
    )


JOBS = Subcommand(
    "jobs",
    "List jobs on all platforms, newest first",
    _build_jobs,
    "[PLATFORM] [running|failed|mine]",
    (
        Option(
            "--limit",
            f"Number of jobs to read from each platform (default {DEFAULT_JOBS}; {SEARCHED_JOBS} with a filter).",
            "N",
        ),
        Option("--user", "Only jobs that this person started.", "EMAIL"),
        Option("--skip", "Skip this many jobs, for paging.", "N", frontends=(Frontend.SLACK,)),
        PUBLIC,
        JSON,
    ),
    (
        ("jobs", "the newest jobs of every platform"),
        ("jobs running", "those that run"),
        ("jobs baseten failed", "those of one platform that failed"),
        ("jobs mine", "those that you started"),
    ),
    f"States: {', '.join(MAIN_WORDS)}.",
    aliases=("job",),
    parameters=(
        Positional("platform", "Only jobs of this platform.", accepts=lambda word: word.lower() not in _STATE_CHOICES),
        Positional("state", "Only jobs in this state, or those of one person.", choices=_STATE_CHOICES),
    ),
)

JobCommand = MetricsCommand | StatusCommand | DiagnoseCommand | JobsCommand
JobAnswer = MetricsAnswer | StatusAnswer | DiagnosisAnswer | JobsAnswer
JOB_COMMANDS: tuple[Subcommand[JobCommand], ...] = (METRICS, STATUS, DIAGNOSE, JOBS)
