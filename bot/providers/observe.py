"""Observe a job once: fetch its status, its metrics and new log lines side by side. Errors become gaps.

The watcher, `trainwatch watch`, `logs --follow` and `rules test` all observe jobs through this module. An observation
has a deadline, so that the watcher can save it before the job is given to another process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar

from bot.domain.durations import datetime_from_ns
from bot.domain.gaps import Gap, GapReason, Part, gap_of
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import DEFAULT_OVERLAP, LogCursor, LogFilter, LogLine, LogQuery
from bot.domain.metric_validation import sample_gaps
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.domain.observations import Observation
from bot.domain.runs import QueuePosition
from bot.errors import CursorLost, ProviderError, Unavailable
from bot.providers.base import ExplainsQueue, JobSource, JobWithMetrics, require_applied

LATE_SAMPLES = timedelta(minutes=3)
"""How far back metrics are read again, for samples that arrive late."""
PAGE_LINES = 2_000
MAX_LINES = 10_000
"""Log lines in one observation. When there are more, the job is observed again at once."""

T = TypeVar("T")
Query = TypeVar("Query")
_Answer: TypeAlias = tuple[T | None, ProviderError | None]
"""The result of a call, or the error that it raised."""


@dataclass(frozen=True, slots=True)
class ObservationRequest:
    """What to fetch of one job."""

    job: JobRef
    logs_from_ns: int | None
    """Where a log without a cursor begins; the same for every observation of this job. None: at its first line."""
    cursor: LogCursor | None = None
    resume_from_ns: int | None = None
    """Where to resume when the cursor has expired; None: at `logs_from_ns`."""
    overlap: timedelta = DEFAULT_OVERLAP
    filter: LogFilter = field(default_factory=LogFilter)
    max_lines: int = MAX_LINES
    fatal_log_errors: tuple[type[ProviderError], ...] = ()
    """Errors of the log that are raised instead of becoming a gap."""
    with_status: bool = True
    """Whether to fetch the status and, from `metrics_from`, the metrics."""
    metrics_from: datetime | None = None
    """Start of the metrics window; None: no metrics."""
    metrics_step: timedelta | None = None
    """Time between two samples; None leaves it to the platform, which gives fewer for a long window."""
    with_queue: bool = False
    """Whether to ask why the job waits."""
    timeout: timedelta = timedelta(seconds=72)
    status_wait: timedelta = timedelta(seconds=5)
    """How long to wait for a status that comes with the metrics, at most half of `timeout`, before asking for it."""


def metrics_start(window: timedelta | None, read_at: datetime | None, now: datetime) -> datetime | None:
    """Where the metrics of an observation begin: at the last reading, but at most `window` back to limit the answer."""
    if window is None:
        return None
    return max(read_at or now - window, now - window) - LATE_SAMPLES


async def observe(source: JobSource, request: ObservationRequest, now: datetime) -> Observation:
    """Fetch everything that one poll needs, within `request.timeout`.

    Raises:
        Exception: any error of the source that is not a ProviderError, as it is; other requests are cancelled.
    """
    deadline_s = asyncio.get_running_loop().time() + request.timeout.total_seconds()
    status: _Answer[Job] = (None, None)
    metrics: _Answer[Sequence[MetricSeries]] = (None, None)
    try:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(_read_logs(source, request, now, deadline_s))
            waiting = group.create_task(_read_queue(source, request, deadline_s))
            if request.with_status:
                status, metrics = await _job_and_metrics(group, source, request, now, deadline_s)
    except ExceptionGroup as crashes:
        raise crashes.exceptions[0] from None
    logs = reading.result()
    (job, job_error), (series, metrics_error) = status, metrics
    waits = [logs.retry_after, job_error.retry_after if job_error else None]
    return replace(
        logs,
        job=job,
        series=tuple(series or ()),
        gaps=(
            *_gaps(job_error, Part.STATUS),
            *logs.gaps,
            *_gaps(metrics_error, Part.METRICS),
            *sample_gaps(series or ()),
        ),
        retry_after=max((wait for wait in waits if wait), default=None),
        queue=waiting.result(),
    )


async def _read_queue(source: JobSource, request: ObservationRequest, deadline_s: float) -> QueuePosition | None:
    """Ask why the job waits. An error does not count as a gap: few keys may know, and rules do without."""
    if not request.with_queue or not isinstance(source, ExplainsQueue):
        return None
    return (await _call(source, source.query_queue, request.job, deadline_s))[0]


async def _read_logs(source: JobSource, request: ObservationRequest, now: datetime, deadline_s: float) -> Observation:
    """Read pages until the end of the log, `max_lines` or the deadline. Keeps what was read before a failure."""
    lines: list[LogLine] = []
    gaps: list[Gap] = []
    more, error = True, None
    query = LogQuery(request.job, request.logs_from_ns, limit=min(PAGE_LINES, request.max_lines), follow=True)
    query = replace(query, filter=request.filter, cursor=request.cursor, overlap=request.overlap)
    while more and len(lines) < request.max_lines:
        page, error = await _call(source, source.query_logs, query, deadline_s)
        if isinstance(error, CursorLost) and query.cursor is not None and query.cursor is request.cursor:
            start_ns = request.logs_from_ns if request.resume_from_ns is None else request.resume_from_ns
            query = replace(query, start_ns=start_ns, cursor=None)
            gaps.append(_cursor_expired(start_ns))
            continue
        if isinstance(error, request.fatal_log_errors):
            raise error
        if page is None:
            break
        require_applied(query, page)
        lines.extend(page.lines)
        gaps.extend(page.gaps)
        query, more = replace(query, cursor=page.cursor or query.cursor), page.more
    if error is not None and lines and asyncio.get_running_loop().time() >= deadline_s:
        error = None  # the platform is slow, not away: the next observation continues from here
    return Observation(
        request.job,
        now,
        lines=tuple(lines),
        gaps=(*_gaps(error, Part.LOGS), *gaps),
        cursor=query.cursor or request.cursor,
        more=more and error is None,
        log_failed=error is not None,
        retry_after=error.retry_after if error else None,
    )


def _gaps(error: ProviderError | None, part: Part) -> tuple[Gap, ...]:
    return () if error is None else (gap_of(error, part),)


def _cursor_expired(start_ns: int | None) -> Gap:
    where = "the beginning" if start_ns is None else f"{datetime_from_ns(start_ns):%H:%M} UTC"
    text = f"The log cursor expired; resumed from {where}. Late lines may be missing and some lines repeated."
    return Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, text, start_ns=start_ns)


async def _job_and_metrics(
    group: asyncio.TaskGroup, source: JobSource, request: ObservationRequest, now: datetime, deadline_s: float
) -> tuple[_Answer[Job], _Answer[Sequence[MetricSeries]]]:
    """Fetch both in one request where the platform allows it; fetch the job alone when that is late or fails."""
    if request.metrics_from is None:
        return await _call(source, source.get_job, request.job, deadline_s), (None, None)
    query = MetricQuery(request.job, start=request.metrics_from, end=now, step=request.metrics_step)
    if not isinstance(source, JobWithMetrics):
        metrics = group.create_task(_call(source, source.query_metrics, query, deadline_s))
        return await _call(source, source.get_job, request.job, deadline_s), await metrics
    both = group.create_task(_call(source, source.query_job_metrics, query, deadline_s))
    await asyncio.wait((both,), timeout=min(request.status_wait, request.timeout / 2).total_seconds())
    status: _Answer[Job] = (None, None)
    if _job_in(both) is None:
        alone = group.create_task(_call(source, source.get_job, request.job, deadline_s))
        await asyncio.wait((both, alone), return_when=asyncio.FIRST_COMPLETED)
        if _job_in(both) is None:
            status = await alone
        else:
            alone.cancel()  # where requests queue, the later one has seldom been sent yet
    found, error = await both
    job = _job_in(both)
    return (status if job is None else (job, None)), (found[1] if found else None, error)


def _job_in(both: asyncio.Task[_Answer[tuple[Job | None, Sequence[MetricSeries]]]]) -> Job | None:
    found = both.result()[0] if both.done() else None
    return found[0] if found else None


async def _call(
    source: JobSource, method: Callable[[Query], Awaitable[T]], query: Query, deadline_s: float
) -> _Answer[T]:
    try:
        async with asyncio.timeout_at(deadline_s):
            return await method(query), None
    except ProviderError as error:
        return None, error
    except TimeoutError:
        return None, Unavailable(f"{source.name} did not answer in time.", provider=source.name)
