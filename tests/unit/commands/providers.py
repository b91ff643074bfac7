"""Small platforms that keep everything in memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.domain.gaps import Gap
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogCursor, LogLine, LogPage, LogQuery, Order
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import JobNotFound, NotSupported, ProviderError
from bot.providers.base import Download

NOW = datetime(2026, 3, 13, 12, tzinfo=UTC)
REF = JobRef("mem", "run/1")


@dataclass
class MemoryProvider:
    """Holds one log; gives pages of at most `page_lines`, whatever is asked."""

    lines: list[LogLine] = field(default_factory=list)
    page_lines: int = 1000
    name: str = "mem"
    ref_help: str = "`mem:<project>/<run>`"
    jobs: dict[str, Job] = field(default_factory=lambda: {REF.id: Job(REF, JobState.RUNNING, "RUNNING", name="run 1")})
    series: Sequence[MetricSeries] | None = None
    gaps: tuple[Gap, ...] = ()
    pushes_down: frozenset[str] = frozenset()
    fails: Iterator[ProviderError | None] | None = None
    """One for each log query; None lets it pass."""
    queries: list[LogQuery] = field(default_factory=list)
    metric_queries: list[MetricQuery] = field(default_factory=list)
    on_query: Callable[[LogQuery], None] | None = None
    closed: bool = False

    def parse_ref(self, text: str) -> JobRef | None:
        found = re.fullmatch(r"(?:https://mem\.example/)?([\w-]+/[\w-]+)", text)
        return JobRef(self.name, found[1]) if found else None

    async def get_job(self, job: JobRef) -> Job:
        if job.id not in self.jobs:
            raise JobNotFound(f"There is no job {job}.", provider=self.name)
        return self.jobs[job.id]

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        return list(self.jobs.values())[:limit]

    async def query_logs(self, query: LogQuery) -> LogPage:
        self.queries.append(query)
        if self.on_query is not None:
            self.on_query(query)
        failure = next(self.fails, None) if self.fails is not None else None
        if failure is not None:
            raise failure
        chosen = sorted((line for line in self.lines if _within(line, query)), key=lambda line: line.timestamp_ns)
        if query.order is Order.DESC:
            chosen.reverse()
        done = int(query.cursor.state) if query.cursor else 0
        end = done + min(query.limit, self.page_lines)
        more = end < len(chosen)
        cursor = LogCursor(str(min(end, len(chosen))).encode()) if more or query.follow else None
        return LogPage(chosen[done:end], cursor, more, self.gaps, self.pushes_down)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        self.metric_queries.append(query)
        if self.series is None:
            raise NotSupported("mem has no metrics.", provider=self.name)
        return self.series

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class DownloadProvider(MemoryProvider):
    """Also hands out the whole log as an artifact."""

    artifact: bytes = b""
    chunk_bytes: int = 7

    async def download_logs(self, job: JobRef, *, form: str = "txt") -> Download:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(self.artifact), self.chunk_bytes):
                yield self.artifact[start : start + self.chunk_bytes]

        return Download(f"{job.id.replace('/', '-')}.{form}", "text/plain", chunks())


def _within(line: LogLine, query: LogQuery) -> bool:
    after_start = query.start_ns is None or line.timestamp_ns >= query.start_ns
    return after_start and (query.end_ns is None or line.timestamp_ns <= query.end_ns)
