"""One look at one job: status, new log lines and metrics, fetched side by side. An error becomes a Gap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import JobRef
from bot.domain.logs import LogCursor, LogLine, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.domain.observations import Observation
from bot.errors import AuthFailed, JobNotFound, NotSupported, ProtocolError, ProviderError, RateLimited
from bot.providers.base import Provider

T = TypeVar("T")

PAGE_LINES = 2_000
MAX_LINES = 10_000
"""Lines read in one look; when there are more the job is due again at once, so that catching up is page by page."""


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


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a look."""

    observation: Observation
    cursor: LogCursor | None
    more: bool
    """Whether lines are left that this look did not read."""
    retry_after: timedelta | None = None


_REASONS: tuple[tuple[type[ProviderError], GapReason], ...] = (
    (NotSupported, GapReason.NOT_SUPPORTED),
    (JobNotFound, GapReason.NOT_FOUND),
    (AuthFailed, GapReason.AUTH),
    (RateLimited, GapReason.RATE_LIMITED),
    (ProtocolError, GapReason.PROTOCOL),
)


async def observe(provider: Provider, look: Look, now: datetime) -> Seen:
    """Fetch everything one poll needs; never raises ProviderError."""
    status, logs, metrics = await asyncio.gather(
        _guard(provider.get_job(look.job), Part.STATUS),
        _read_logs(provider, look),
        _guard(_metrics(provider, look, now), Part.METRICS),
    )
    job, job_problem = status
    series, metrics_problem = metrics
    problems = [one for one in (job_problem, logs.problem, metrics_problem) if one is not None]
    observation = Observation(
        ref=look.job,
        at=now,
        job=job,
        lines=tuple(logs.lines),
        series=tuple(series or ()),
        gaps=(*(problem.gap for problem in problems), *logs.gaps),
    )
    waits = [problem.retry_after for problem in problems if problem.retry_after is not None]
    return Seen(observation, logs.cursor, logs.more, max(waits, default=None))


@dataclass(frozen=True, slots=True)
class _Problem:
    gap: Gap
    retry_after: timedelta | None


@dataclass(frozen=True, slots=True)
class _Logs:
    lines: list[LogLine]
    cursor: LogCursor | None
    more: bool
    gaps: tuple[Gap, ...]
    problem: _Problem | None


async def _read_logs(provider: Provider, look: Look) -> _Logs:
    lines: list[LogLine] = []
    gaps: list[Gap] = []
    cursor, more, problem = look.cursor, True, None
    while more and len(lines) < MAX_LINES:
        query = LogQuery(
            look.job,
            start_ns=look.logs_from_ns,
            limit=PAGE_LINES,
            cursor=cursor,
            follow=True,
            overlap=look.overlap,
        )
        page, problem = await _guard(provider.query_logs(query), Part.LOGS)
        if page is None:
            break
        lines.extend(page.lines)
        gaps.extend(page.gaps)
        cursor, more = page.cursor or cursor, page.more
    return _Logs(lines, cursor, more and problem is None, tuple(gaps), problem)


async def _metrics(provider: Provider, look: Look, now: datetime) -> tuple[MetricSeries, ...]:
    if look.metrics_from is None:
        return ()
    query = MetricQuery(look.job, start=look.metrics_from, end=now, step=look.metrics_step)
    return tuple(await provider.query_metrics(query))


async def _guard(call: Awaitable[T], part: Part) -> tuple[T | None, _Problem | None]:
    try:
        return await call, None
    except ProviderError as error:
        reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), GapReason.UNAVAILABLE)
        return None, _Problem(Gap(part, reason, error.public), error.retry_after)
