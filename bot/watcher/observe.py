"""One look at one job: status and metrics, and new log lines, fetched side by side. An error becomes a Gap.

A look has an end, so that it is saved before its job is given to someone else: what has not come by then is a Gap too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar

from bot.domain.durations import datetime_from_ns
from bot.domain.gaps import Gap, GapReason, Part, gap_of
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogCursor, LogLine, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.domain.observations import Observation
from bot.errors import CursorLost, ProviderError, Unavailable
from bot.providers.base import JobWithMetrics, Provider

T = TypeVar("T")
Asked = TypeVar("Asked")
_Answer: TypeAlias = tuple[T | None, ProviderError | None]
"""What a call gave, or why it gave nothing."""

PAGE_LINES = 2_000
MAX_LINES = 10_000
"""Lines read in one look; when there are more the job is due again at once, so that catching up is page by page."""
PATIENCE_S = 5.0
"""How long the job's status is awaited from the answer that holds its metrics, at most half of the look's time; then it
is asked for by itself."""


@dataclass(frozen=True, slots=True)
class Look:
    """What to fetch."""

    job: JobRef
    cursor: LogCursor | None
    logs_from_ns: int
    """Where a log without a cursor begins; the same for every look at this job."""
    overlap: timedelta
    metrics_from: datetime | None
    """Start of the metrics window; None when no rule wants metrics."""
    metrics_step: timedelta | None = None
    """Distance of two samples; None leaves it to the platform, which gives fewer for a long window."""
    logs_again_ns: int | None = None
    """Where the log is taken up when the cursor cannot be read any more; None: where it began."""
    limit: timedelta = timedelta(seconds=72)
    """The longest the look may take."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a look."""

    observation: Observation
    cursor: LogCursor | None
    more: bool
    """Whether lines are left that this look did not read."""
    retry_after: timedelta | None = None


async def observe(provider: Provider, look: Look, now: datetime) -> Seen:
    """Fetch everything one poll needs, within `look.limit`; never raises ProviderError.

    Any other exception of a provider is raised as it is, and ends the requests beside it.
    """
    until_s = asyncio.get_running_loop().time() + look.limit.total_seconds()
    try:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(_read_logs(provider, look, until_s))
            told = await _job_and_metrics(group, provider, look, now, until_s)
    except ExceptionGroup as crashes:
        raise crashes.exceptions[0] from None
    (job, job_error), (series, metrics_error) = told
    logs = reading.result()
    errors = ((Part.STATUS, job_error), (Part.LOGS, logs.error), (Part.METRICS, metrics_error))
    observation = Observation(
        ref=look.job,
        at=now,
        job=job,
        lines=tuple(logs.lines),
        series=tuple(series or ()),
        gaps=(*(gap_of(error, part) for part, error in errors if error is not None), *logs.gaps),
    )
    waits = [error.retry_after for error in (job_error, logs.error) if error is not None and error.retry_after]
    return Seen(observation, logs.cursor, logs.more, max(waits, default=None))


@dataclass(frozen=True, slots=True)
class _Logs:
    lines: list[LogLine]
    cursor: LogCursor | None
    more: bool
    gaps: tuple[Gap, ...]
    error: ProviderError | None


async def _read_logs(provider: Provider, look: Look, until_s: float) -> _Logs:
    """Pages until the log's end, `MAX_LINES` or the time; what was read before a failure is kept."""
    lines: list[LogLine] = []
    gaps: list[Gap] = []
    start_ns, cursor, more, error = look.logs_from_ns, look.cursor, True, None
    while more and len(lines) < MAX_LINES:
        query = LogQuery(
            look.job, start_ns=start_ns, limit=PAGE_LINES, cursor=cursor, follow=True, overlap=look.overlap
        )
        page, error = await _guard(provider, provider.query_logs, query, until_s)
        if isinstance(error, CursorLost) and cursor is not None and cursor is look.cursor:
            start_ns, cursor = look.logs_from_ns if look.logs_again_ns is None else look.logs_again_ns, None
            gaps.append(_lost_place(start_ns))
            continue
        if page is None:
            break
        lines.extend(page.lines)
        gaps.extend(page.gaps)
        cursor, more = page.cursor or cursor, page.more
    if error is not None and lines and asyncio.get_running_loop().time() >= until_s:
        error = None  # slow, not blind: the next look goes on from here
    return _Logs(lines, cursor or look.cursor, more and error is None, tuple(gaps), error)


def _lost_place(start_ns: int) -> Gap:
    text = (
        f"I lost my place in this log and read on from {datetime_from_ns(start_ns):%H:%M} UTC; lines that came late "
        "before then may be missing, later ones may be told twice."
    )
    return Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, text, start_ns=start_ns)


async def _job_and_metrics(
    group: asyncio.TaskGroup, provider: Provider, look: Look, now: datetime, until_s: float
) -> tuple[_Answer[Job], _Answer[Sequence[MetricSeries]]]:
    """Both of one answer where the platform gives both, and the job by itself when that answer is late or fails."""
    if look.metrics_from is None:
        return await _guard(provider, provider.get_job, look.job, until_s), (None, None)
    query = MetricQuery(look.job, start=look.metrics_from, end=now, step=look.metrics_step)
    if not isinstance(provider, JobWithMetrics):
        asked = group.create_task(_guard(provider, provider.query_metrics, query, until_s))
        return await _guard(provider, provider.get_job, look.job, until_s), await asked
    both = group.create_task(_guard(provider, provider.query_job_metrics, query, until_s))
    await asyncio.wait((both,), timeout=min(PATIENCE_S, look.limit.total_seconds() / 2))
    told: _Answer[Job] = (None, None)
    if _job_in(both) is None:
        alone = group.create_task(_guard(provider, provider.get_job, look.job, until_s))
        await asyncio.wait((both, alone), return_when=asyncio.FIRST_COMPLETED)
        if _job_in(both) is None:
            told = await alone
        else:
            alone.cancel()  # where requests queue, the later one is seldom sent yet
    found, error = await both
    job = _job_in(both)
    return (told if job is None else (job, None)), (found[1] if found else None, error)


def _job_in(both: asyncio.Task[_Answer[tuple[Job | None, Sequence[MetricSeries]]]]) -> Job | None:
    found = both.result()[0] if both.done() else None
    return found[0] if found else None


async def _guard(provider: Provider, call: Callable[[Asked], Awaitable[T]], asked: Asked, until_s: float) -> _Answer[T]:
    try:
        async with asyncio.timeout_at(until_s):
            return await call(asked), None
    except ProviderError as error:
        return None, error
    except TimeoutError:
        return None, Unavailable(f"{provider.name} did not answer in time.", provider=provider.name)
