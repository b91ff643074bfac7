"""What `trainwatch top` knows: jobs with their details, what cannot be seen, and how the jobs are ordered. Pure."""

import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean

from bot.commands.subcommands.jobs import StatusAnswer
from bot.diagnosis.training.curves import LOSS
from bot.domain.alerts import Severity
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSummary
from bot.domain.progress import RunProgress, fraction_done

SHOWN_AFTER_END = timedelta(hours=1)
"""How long a failed job is listed after its end."""


@dataclass(frozen=True, slots=True)
class JobAlert:
    """An alert that trainwatch's database has as open."""

    severity: Severity
    title: str
    since: datetime


@dataclass(frozen=True, slots=True)
class JobDetail:
    """What was read about one job."""

    answer: StatusAnswer | None = None
    """The last that could be read."""
    problem: str | None = None
    """Why the newest could not be read."""


NO_DETAIL = JobDetail()


@dataclass(frozen=True, slots=True)
class TopRow:
    """One job."""

    job: Job
    detail: JobDetail = NO_DETAIL
    alerts: tuple[JobAlert, ...] = ()

    @property
    def name(self) -> str:
        """Its name, or its id without the project."""
        return self.job.name or self.job.ref.id.rpartition("/")[2]

    @property
    def progress(self) -> RunProgress | None:
        """How far the run got."""
        return self.detail.answer.progress if self.detail.answer else None

    @property
    def done(self) -> float | None:
        """The part of the run that is done, 0 to 1."""
        return fraction_done(self.progress) if self.progress else None

    @property
    def time_left(self) -> timedelta | None:
        """Time to the last step at the current pace."""
        return self.progress.time_left if self.progress and self.job.state is JobState.RUNNING else None

    @property
    def utilization(self) -> float | None:
        """The mean of the newest samples of all GPUs, 0 to 1."""
        newest = [one.last for one in self._summaries(GPU_UTILIZATION)]
        return fmean(newest) if newest else None

    @property
    def memory(self) -> tuple[float, float | None] | None:
        """The newest use of the fullest GPU and its limit, in bytes."""
        newest = [(one.last, one.series.limit) for one in self._summaries(GPU_MEMORY)]
        return max(newest, key=lambda one: one[0], default=None)

    @property
    def losses(self) -> Sequence[MetricPoint]:
        """The losses in the newest lines of the log."""
        curves = self.detail.answer.curves if self.detail.answer else ()
        return next((one.points for one in curves if one.name == LOSS), ())

    @property
    def trouble(self) -> str:
        """The worst problem in a few words; "" without any."""
        if self.alerts:
            more = f" (+{len(self.alerts) - 1})" if len(self.alerts) > 1 else ""
            return f"{self.alerts[0].title}{more}"
        answer = self.detail.answer
        if answer is not None and answer.cause is not None and answer.cause.title:
            return answer.cause.title
        if self.losses and not math.isfinite(self.losses[-1].value):
            return "Loss is not finite"
        if self.job.state.is_failure:
            return self.job.error or self.job.vendor_status
        return f"Not seen: {self.detail.problem}" if self.detail.problem else ""

    @property
    def rank(self) -> int:
        """How much a person is needed: 0 most."""
        if self.job.state.is_failure or any(one.severity is Severity.PAGE for one in self.alerts):
            return 0
        if self.alerts or self.trouble:
            return 1
        return 2 if self.job.state is JobState.RUNNING else 3

    def _summaries(self, name: str) -> list[MetricSummary]:
        summaries = self.detail.answer.summaries if self.detail.answer else ()
        return [one for one in summaries if one.series.name == name]


@dataclass(frozen=True, slots=True)
class PlatformView:
    """How well one platform is seen."""

    name: str
    problem: str | None = None
    """Why its jobs cannot be listed, or that it limits requests."""
    retry_s: float = 0.0
    """Seconds to the next try."""
    is_failure: bool = True
    """False: this platform never lists its jobs."""
    listed_at: datetime | None = None
    """When its jobs were listed last."""
    is_cut: bool = False
    """Whether it has more jobs than were read."""


@dataclass(frozen=True, slots=True)
class TopBoard:
    """All jobs, and what cannot be seen."""

    at: datetime
    rows: tuple[TopRow, ...] = ()
    platforms: tuple[PlatformView, ...] = ()
    notes: tuple[str, ...] = ()
    """What else cannot be seen, such as the database."""

    @property
    def is_listed(self) -> bool:
        """Whether each platform has answered once, or failed to."""
        return all(one.listed_at is not None or one.problem is not None for one in self.platforms)


class SortKey(enum.StrEnum):
    """How jobs are ordered."""

    PROBLEMS = "problems first"
    NAME = "name"
    LEFT = "time left"
    UTILIZATION = "least busy GPUs"
    NEWEST = "newest"

    @property
    def following(self) -> "SortKey":
        """The next one, in a circle."""
        keys = list(SortKey)
        return keys[(keys.index(self) + 1) % len(keys)]


_Order = Callable[[TopRow], tuple[object, ...]]


def _started(row: TopRow) -> float:
    at = row.job.started_at or row.job.created_at
    return -at.timestamp() if at else 0.0


_ORDERS: Mapping[SortKey, _Order] = {
    SortKey.PROBLEMS: lambda row: (row.rank,),
    SortKey.NAME: lambda row: (row.name.casefold(),),
    SortKey.LEFT: lambda row: (row.time_left is None, row.time_left or timedelta()),
    SortKey.UTILIZATION: lambda row: (row.utilization is None, row.utilization or 0.0),
    SortKey.NEWEST: lambda row: (_started(row),),
}


@dataclass(frozen=True, slots=True)
class View:
    """What a person chose to see."""

    sort: SortKey = SortKey.PROBLEMS
    search: str = ""
    selected: JobRef | None = None
    first: int = 0
    """Index of the first row on the screen."""
    rows: int = field(default=20)
    """Rows that fit on the screen."""


def chosen_rows(rows: Iterable[TopRow], view: View) -> list[TopRow]:
    """The rows whose name, reference, state, owner or problem has the text, in order."""
    text = view.search.casefold()
    found = [row for row in rows if not text or text in _searched(row)]
    return sorted(found, key=lambda row: (*_ORDERS[view.sort](row), row.name.casefold(), str(row.job.ref)))


def _searched(row: TopRow) -> str:
    job = row.job
    return " ".join((row.name, str(job.ref), job.state.value, job.user or "", row.trouble)).casefold()
