"""A job's recorded past as a source to observe: it answers as the platform would have answered at an earlier time.

Logs and metrics are read from the platform as they are needed, so that memory does not grow with the window.
"""

import contextlib
from bisect import bisect_left, bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.commands.handlers.log_stream import Batch, build_query, stream_lines
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part, gap_of
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogLine, LogPage, LogQuery
from bot.domain.metric_validation import join_discarded, sample_gaps
from bot.domain.metrics import MetricPoint, MetricQuery, MetricSeries
from bot.domain.observations import LOG_LOOKBACK
from bot.errors import NotSupported, ProviderError
from bot.providers.base import Provider

MAX_LINES = 2_000_000
"""Maximum number of log lines read in one window."""
METRICS_SPAN = timedelta(hours=2)
"""Metrics asked of a platform at once."""


@dataclass(slots=True)
class LogHistory:
    """The log of one job in a window."""

    batches: AsyncGenerator[Batch, None]
    max_lines: int
    read: int = 0
    gaps: list[Gap] = field(default_factory=list)
    """What could not be read so far."""
    cut_at: datetime | None = None
    """Where reading stopped early: there were too many lines, or the platform failed."""
    is_too_long: bool = False
    _lines: list[LogLine] = field(default_factory=list)
    """Read and not yet returned."""
    _reached_ns: int | None = None
    """Up to when the log was read."""
    _reported: int = 0
    """How many of the gaps were in earlier pages."""
    _has_ended: bool = False

    async def page(self, at: datetime, limit: int) -> LogPage:
        """Return the next lines up to this time, and the gaps that are new or permanent.

        Raises:
            ProviderError: not a single line can be read.
        """
        at_ns = ns_from_datetime(at)
        while not self._has_ended and len(self._lines) < limit:
            if self._lines and self._lines[-1].timestamp_ns > at_ns:
                break
            await self._next()
        count = min(bisect_right(self._lines, at_ns, key=lambda line: line.timestamp_ns), limit)
        ready, self._lines = self._lines[:count], self._lines[count:]
        permanent = [gap for gap in self.gaps[: self._reported] if gap.reason is GapReason.NOT_SUPPORTED]
        gaps = (*permanent, *self.gaps[self._reported :])
        self._reported = len(self.gaps)
        return LogPage(ready, None, more=count == limit, gaps=gaps)

    async def _next(self) -> None:
        try:
            batch = await anext(self.batches)
        except StopAsyncIteration:
            self._has_ended = True
            return
        except ProviderError as problem:
            if self._reached_ns is None and not isinstance(problem, NotSupported):
                raise
            self.gaps.append(gap_of(problem, Part.LOGS))
            if self._reached_ns is not None:
                self._stop()
            self._has_ended = True
            return
        self._lines += batch.lines
        self.read += batch.read
        self.gaps += batch.gaps
        reached_ns = batch.reached_ns if batch.last_ns is None else batch.last_ns
        self._reached_ns = self._reached_ns if reached_ns is None else reached_ns
        if self.read >= self.max_lines:
            self.is_too_long = True
            self._stop()

    def _stop(self) -> None:
        self._has_ended = True
        self.cut_at = self.cut_at if self._reached_ns is None else datetime_from_ns(self._reached_ns)


@contextlib.asynccontextmanager
async def log_history(
    provider: Provider, job: JobRef, start: datetime, end: datetime, now: datetime, max_lines: int
) -> AsyncIterator[LogHistory]:
    """Open the log of a window, with a little from before it."""
    window = Window(None, ns_from_datetime(start - LOG_LOOKBACK), ns_from_datetime(end))
    query = build_query(job, LogsCommand(str(job), window, limit=None), now)
    async with contextlib.aclosing(stream_lines(provider, query)) as batches:
        yield LogHistory(batches, max_lines)


@dataclass(slots=True)
class MetricHistory:
    """The metrics of one job up to `end`. After an error the platform is not asked again."""

    provider: Provider
    job: JobRef
    end: datetime
    error: ProviderError | None = None
    _known: dict[tuple[str, str | None, int | None], MetricSeries] = field(default_factory=dict)
    _fetched_to: datetime | None = None

    async def between(self, start: datetime, end: datetime) -> list[MetricSeries]:
        """Return the samples from `start` to `end`; `start` may not go back from call to call.

        Raises:
            ProviderError: the metrics cannot be read, now or at an earlier call.
        """
        begin = self._fetched_to or start
        while begin < end:
            first_to = max(begin + METRICS_SPAN, end) if self._fetched_to is None else begin + METRICS_SPAN
            to = min(first_to, self.end)
            await self._fetch(MetricQuery(self.job, start=begin, end=to), keep_from=start)
            begin = self._fetched_to = to
        found = (_between(one, start, end) for one in self._known.values())
        return [one for one in found if one.points]

    def gaps(self) -> tuple[Gap, ...]:
        """What could not be read, and the samples so far that cannot be true."""
        failed = () if self.error is None else (gap_of(self.error, Part.METRICS),)
        return (*failed, *sample_gaps(self._known.values()))

    async def _fetch(self, query: MetricQuery, keep_from: datetime) -> None:
        """Add new samples and drop those before `keep_from`; both ends of a query are inclusive."""
        if self.error is not None:
            raise self.error
        try:
            fetched = await self.provider.query_metrics(query)
        except ProviderError as error:
            self.error = error
            raise
        for one in fetched:
            key = (one.name, one.node, one.gpu)
            known = self._known.get(key, replace(one, points=(), discarded=None))
            points = known.points
            last = points[-1].at if points else None
            old = tuple(point for point in points if point.at is not None and point.at >= keep_from)
            new = tuple(point for point in one.points if point.at is not None and (last is None or point.at > last))
            discarded = join_discarded(known.discarded, one.discarded)
            in_percent = known.in_percent or one.in_percent
            self._known[key] = replace(one, points=(*old, *new), discarded=discarded, in_percent=in_percent)


def _between(series: MetricSeries, start: datetime, end: datetime) -> MetricSeries:
    points = series.points
    first = bisect_left(points, start, key=_time_of)
    return replace(series, points=points[first : bisect_right(points, end, lo=first, key=_time_of)])


def _time_of(point: MetricPoint) -> datetime:
    assert point.at is not None  # `_fetch` keeps only samples with a time
    return point.at


@dataclass(slots=True)
class RecordedJob:
    """A job as its platform would have shown it at `at`: a source for `bot.providers.observe`."""

    name: str
    job: Job
    log: LogHistory
    metrics: MetricHistory
    at: datetime

    async def get_job(self, job: JobRef) -> Job:
        """Return the job's probable state at that time."""
        return job_at(self.job, self.at)

    async def query_logs(self, query: LogQuery) -> LogPage:
        """Return the lines up to that time which no earlier page had."""
        return await self.log.page(self.at, query.limit)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """Return the samples of the query's window."""
        assert query.start is not None
        assert query.end is not None
        return await self.metrics.between(query.start, query.end)


def job_at(job: Job, at: datetime) -> Job:
    """Return the job's probable state at an earlier time: pending before its start, running until its end."""
    ended_at = job.ended_at or (job.updated_at if job.state.is_terminal else None)
    if (ended_at is not None and at >= ended_at) or job.state.is_pending:
        return job
    is_pending = job.started_at is not None and at < job.started_at
    state = JobState.STARTING if is_pending else JobState.RUNNING
    return replace(job, state=state, vendor_status="not recorded", error=None, ended_at=None, updated_at=None)
