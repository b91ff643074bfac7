"""One training platform in memory, for every test that needs a Provider."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogCursor, LogLine, LogPage, LogQuery, Order
from bot.domain.metric_validation import validate_series
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import ConfigError, CursorLost, JobNotFound, NotSupported
from bot.providers.base import Download, Provider
from bot.providers.registry import Registry

NOW = datetime(2026, 3, 13, 12, tzinfo=UTC)
REF = JobRef("mem", "run/1")


@dataclass
class FakeProvider:
    """Implements `bot.providers.base.Provider` on plain lists, and records each request.

    Every field may be changed between two requests, so a test can make the platform fail and recover.
    """

    lines: list[LogLine] = field(default_factory=list)
    """The log of every job that is not in `logs`."""
    page_lines: int = 1000
    """The longest page it gives, whatever limit is asked for."""
    name: str = "mem"
    ref_help: str = "`mem:<project>/<run>`"
    jobs: dict[str, Job] = field(default_factory=lambda: {REF.id: Job(REF, JobState.RUNNING, "RUNNING", name="run 1")})
    """By id; any other job raises JobNotFound."""
    logs: dict[str, list[LogLine]] = field(default_factory=dict)
    """Logs by job id."""
    series: Sequence[MetricSeries] | None = None
    """None: this platform has no metrics."""
    gaps: tuple[Gap, ...] = ()
    pushes_down: frozenset[str] = frozenset()
    filters_by_time: bool = True
    """False: log queries ignore their window, as some platforms do."""

    unlisted: set[str] = field(default_factory=set)
    """Ids of jobs that are too old for a list."""
    list_error: BaseException | None = None
    """Raised by every list of jobs."""
    status_error: BaseException | None = None
    """Raised by every status request."""
    log_errors: Iterator[BaseException | None] | None = None
    """One for each log query; None lets it pass."""
    metrics_error: BaseException | None = None
    """Raised by every metric query."""
    lost_cursor: bytes | None = None
    """The state of a cursor that the platform has forgotten."""

    hanging_jobs: set[str] = field(default_factory=set)
    """Jobs whose status request never returns."""
    hangs_at_line: int | None = None
    """Log queries that start at this line or later never return."""
    gate: asyncio.Event | None = None
    """Status requests and log queries wait for it."""
    status_s: float = 0.0
    logs_s: float = 0.0
    metrics_s: float = 0.0
    """How long each kind of request takes."""

    lists: int = 0
    """How many times the jobs were listed."""
    list_s: float = 0.0
    job_queries: list[str] = field(default_factory=list)
    """Ids of the jobs whose status was requested."""
    queries: list[LogQuery] = field(default_factory=list)
    metric_queries: list[MetricQuery] = field(default_factory=list)
    on_query: Callable[[LogQuery], None] | None = None
    open_log_queries: int = 0
    closed: bool = False

    def add_job(self, job_id: str, state: JobState = JobState.RUNNING, *, name: str | None = None) -> Job:
        """Add a job, or replace the one with this id."""
        job = Job(JobRef(self.name, job_id), state, state.upper(), name=name or job_id)
        self.jobs[job_id] = job
        return job

    def log(self, job_id: str, *messages: str, at: datetime = NOW) -> None:
        """Append lines to a job's own log."""
        self.logs.setdefault(job_id, []).extend(LogLine(ns_from_datetime(at), message) for message in messages)

    def parse_ref(self, text: str) -> JobRef | None:
        found = re.fullmatch(r"(?:https://mem\.example/)?([\w-]+/[\w-]+)", text)
        return JobRef(self.name, found[1]) if found else None

    async def get_job(self, job: JobRef) -> Job:
        self.job_queries.append(job.id)
        await asyncio.sleep(60 if job.id in self.hanging_jobs else self.status_s)
        if self.gate is not None:
            await self.gate.wait()
        if self.status_error is not None:
            raise self.status_error
        if job.id not in self.jobs:
            raise JobNotFound(f"There is no job {job}.", provider=self.name)
        return self.jobs[job.id]

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        self.lists += 1
        await asyncio.sleep(self.list_s)
        if self.list_error is not None:
            raise self.list_error
        return [job for job in self.jobs.values() if job.ref.id not in self.unlisted][:limit]

    async def query_logs(self, query: LogQuery) -> LogPage:
        self.queries.append(query)
        if self.on_query is not None:
            self.on_query(query)
        failure = next(self.log_errors, None) if self.log_errors is not None else None
        if failure is not None:
            raise failure
        done = int(query.cursor.state) if query.cursor else 0
        if query.cursor is not None and query.cursor.state == self.lost_cursor:
            raise CursorLost
        self.open_log_queries += 1
        try:
            await asyncio.sleep(60 if self.hangs_at_line is not None and done >= self.hangs_at_line else self.logs_s)
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.open_log_queries -= 1
        return self._page(query, done)

    def _page(self, query: LogQuery, done: int) -> LogPage:
        lines = self.logs.get(query.job.id, self.lines)
        chosen = [line for line in lines if not self.filters_by_time or _is_within(line, query)]
        chosen.sort(key=lambda line: line.timestamp_ns)
        if query.order is Order.DESC:
            chosen.reverse()
        end = min(done + min(query.limit, self.page_lines), len(chosen))
        more = end < len(chosen)
        cursor = LogCursor(b"%d" % end) if more or query.follow else None
        return LogPage(chosen[done:end], cursor, more, self.gaps, self.pushes_down)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        self.metric_queries.append(query)
        await asyncio.sleep(self.metrics_s)
        if self.metrics_error is not None:
            raise self.metrics_error
        if self.series is None:
            raise NotSupported("mem has no metrics.", provider=self.name)
        return validate_series(self.series, latest=query.end)

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class FakeDownloadProvider(FakeProvider):
    """Also gives the whole log as an artifact."""

    artifact: bytes = b""
    chunk_bytes: int = 7

    async def download_logs(self, job: JobRef, *, form: str = "txt") -> Download:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(self.artifact), self.chunk_bytes):
                yield self.artifact[start : start + self.chunk_bytes]

        return Download(f"{job.id.replace('/', '-')}.{form}", "text/plain", chunks())


@dataclass
class FakeJobMetricsProvider(FakeProvider):
    """Its metrics answer also contains the job (`bot.providers.base.JobWithMetrics`)."""

    job_in_metrics: bool = True

    async def query_job_metrics(self, query: MetricQuery) -> tuple[Job | None, Sequence[MetricSeries]]:
        series = await self.query_metrics(query)
        return self.jobs[query.job.id] if self.job_in_metrics else None, series


def registry_of(*providers: Provider, problems: Mapping[str, ConfigError] | None = None) -> Registry:
    """A registry of providers that are already built."""
    return Registry({provider.name: provider for provider in providers}, problems or {})


def _is_within(line: LogLine, query: LogQuery) -> bool:
    after_start = query.start_ns is None or line.timestamp_ns >= query.start_ns
    return after_start and (query.end_ns is None or line.timestamp_ns <= query.end_ns)
