"""Fine-tuning jobs: their state, and their logs and metrics, which Fireworks keeps in files behind signed URLs.

Documented: https://docs.fireworks.ai/api-reference/get-supervised-fine-tuning-job and its neighbours (read 2026-11-29).
There is no request for the log of such a job. The trainer's output is a file, named by `trainerLogsSignedUrl` if the
account has trainer log reading enabled. If it has not, the metrics file is read as the log, because a loss is in both.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogCursor, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import BadRequest, NotSupported, Unavailable
from bot.providers.base import Download
from bot.providers.fireworks.file_reader import READ_SIZES, FilePart, FilePosition, FileRange, FileReader, LogFileInfo
from bot.providers.fireworks.fine_tuning_wire import (
    LIST_FIELDS,
    FineTuningJob,
    job_of,
    parse_fine_tuning_job,
    parse_fine_tuning_jobs,
    parse_metric_rows,
    parse_metrics_endpoint,
    parse_output_metrics,
)
from bot.providers.fireworks.references import NAME, PREFERENCE, REINFORCEMENT, job_path
from bot.providers.fireworks.signed_files import AddressExpired, FileMissing, SignedFiles
from bot.providers.http.client import HttpClient, path_segment
from bot.providers.http.retry import retry_on_malformed_response
from bot.providers.paging.cursors import pack_cursor
from bot.steady_clock import utc_now_ns

TRAINER, METRICS = "trainer", "metrics"
LARGEST_LIST = 200
METRICS_BYTES = 8 * 1024 * 1024
"""The newest part of a metrics file that is read."""
_MAX_KNOWN = 1000
_MOST_PAGES = 50
_FRESH_S = 2.0
"""A job without a log file is fetched again after this, to see whether it has one now."""
_NO_LOG = (
    "Fireworks publishes no log of this job. It does so only if trainer log reading is enabled for the account; "
    "ask Fireworks to enable it."
)
_METRICS_NOTE = Gap(
    Part.LOGS,
    GapReason.UNREACHABLE_LINES,
    "Fireworks publishes no trainer log of this job, which needs trainer log reading to be enabled for the account. "
    "These are the lines of its metrics file.",
)
_REMOVED = Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, "Fireworks has no log file of this job any more.")

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class FetchedJob:
    """A job as it was last fetched."""

    wire: FineTuningJob
    job: Job
    fetched_s: float
    """Monotonic."""


class FineTuningMemory:
    """What the views of one provider share: the jobs as they were last fetched, with their signed URLs."""

    def __init__(self) -> None:
        self.jobs: dict[JobRef, FetchedJob] = {}
        self.metrics_urls: dict[JobRef, str] = {}
        self.masks_lists = True
        """Whether the gateway accepts `readMask` and `orderBy` in lists, as documented."""

    def keep(self, ref: JobRef, known: FetchedJob) -> FetchedJob:
        """Remember a job; the oldest one is dropped above the limit."""
        self.jobs.pop(ref, None)
        self.jobs[ref] = known
        if len(self.jobs) > _MAX_KNOWN:
            self.metrics_urls.pop(oldest := next(iter(self.jobs)), None)
            del self.jobs[oldest]
        return known


@dataclass(frozen=True, slots=True)
class FineTuning:
    """Reads fine-tuning jobs; `client` sends the API key, `files` does not."""

    client: HttpClient
    files: SignedFiles
    memory: FineTuningMemory
    clock_ns: Callable[[], int] = utc_now_ns

    async def get_job(self, ref: JobRef) -> Job:
        """Return the current state of a job."""
        return (await self._fetch(ref)).job

    async def list_jobs(self, account: str, collection: str, limit: int) -> list[Job]:
        """Return the newest jobs of one kind."""
        try:
            return await self._list(account, collection, limit, masked=self.memory.masks_lists)
        except BadRequest:
            if not self.memory.masks_lists:
                raise
            found = await self._list(account, collection, limit, masked=False)
            self.memory.masks_lists = False
            return found

    async def query_logs(self, query: LogQuery) -> LogPage:
        """Return one page of the trainer's log, or of the metrics file if there is no such log.

        Raises:
            NotSupported: the job has started, and Fireworks names neither file.
        """
        known = await self._known(query.job)
        source = await self._log_source(query.job, known)
        if source is None:
            return LogPage((), query.cursor or _no_lines(query), more=False)
        notes = () if source == TRAINER or query.follow else (_METRICS_NOTE,)

        async def read(url: str) -> LogPage:
            return await self._read_page(query, source, url)

        try:
            page = await retry_on_malformed_response(self._with_url)(query.job, source, read)
        except FileMissing:
            notes = (*notes, _REMOVED) if self.memory.jobs[query.job].job.state.is_terminal else ()
            page = LogPage((), query.cursor or _no_lines(query), more=False)
        return replace(page, gaps=(*notes, *page.gaps))

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """Return the metrics by step; if the file has times, those of the window."""
        known = await self._known(query.job)
        if job_path(query.job)[1] == REINFORCEMENT:
            return parse_output_metrics(known.wire.output_metrics or "{}")
        try:
            series = await retry_on_malformed_response(self._with_url)(query.job, METRICS, self._read_metrics)
        except FileMissing:
            return ()
        return [one for one in (within(one, query.start, query.end) for one in series) if one.points]

    async def download(self, ref: JobRef) -> Download:
        """Return the file that is the log, byte by byte; a broken connection is continued by range.

        Raises:
            NotSupported: there is no file, or none yet.
        """
        source = await self._log_source(ref, await self._known(ref))
        chunks = self._file_chunks(ref, source or TRAINER)
        try:
            await anext(chunks)  # sends the first request, to raise its errors here
        except FileMissing:
            raise NotSupported("Fireworks has no log file of this job.", provider=NAME) from None
        name = "metrics.jsonl" if source == METRICS else "trainer.log"
        return Download(f"{job_path(ref)[2]}-{name}", "text/plain", chunks)

    async def _file_chunks(self, ref: JobRef, source: str) -> AsyncIterator[bytes]:
        """Yield an empty chunk when the first part is there, then the file."""
        offset, size, is_first = 0, 1, True
        while offset < size:

            async def fetch(url: str, offset: int = offset) -> FilePart:
                return await self.files.fetch(url, FileRange(offset, READ_SIZES.chunk))

            part = await retry_on_malformed_response(self._with_url)(ref, source, fetch)
            if part.size < size and not is_first:
                raise Unavailable("Fireworks replaced the log file during the download.", provider=NAME)
            if is_first:
                yield b""
            yield part.data
            offset, size, is_first = offset + len(part.data), part.size, False

    async def _read_page(self, query: LogQuery, source: str, url: str) -> LogPage:
        known = self.memory.jobs[query.job]
        steps = FileReader.resume(query, self._file_info(source, known)).steps()
        try:
            part = next(steps)
            while True:
                part = steps.send(await self.files.fetch(url, part))
        except StopIteration as end:
            page: LogPage = end.value
            return page

    async def _read_metrics(self, url: str) -> list[MetricSeries]:
        head = await self.files.fetch(url, FileRange(0, METRICS_BYTES))
        if head.size <= len(head.data):
            return parse_metric_rows(head.data, is_start=True)
        end = await self.files.fetch(url, FileRange(head.size - METRICS_BYTES, METRICS_BYTES))
        return parse_metric_rows(end.data, is_start=False)

    async def _with_url(self, ref: JobRef, source: str, use: Callable[[str], Awaitable[_Result]]) -> _Result:
        """Call a function with the URL of a file; if the store refuses the URL, once more with a new one.

        Raises:
            FileMissing: there is no such file.
        """
        known = await self._known(ref)
        try:
            return await use(await self._url(ref, known, source))
        except (AddressExpired, FileMissing) as problem:
            if isinstance(problem, FileMissing) and time.monotonic() - known.fetched_s < _FRESH_S:
                raise
        self.memory.metrics_urls.pop(ref, None)
        try:
            return await use(await self._url(ref, await self._fetch(ref), source))
        except AddressExpired:
            text = "Fireworks' file storage refuses the address of this log that Fireworks has just given."
            raise Unavailable(text, provider=NAME) from None  # its context may have the address

    async def _log_source(self, ref: JobRef, known: FetchedJob) -> str | None:
        """Return which file is the log; None while the job waits."""
        if known.wire.trainer_logs_signed_url:
            return TRAINER
        if job_path(ref)[1] != REINFORCEMENT:
            try:
                await self._url(ref, known, METRICS)
            except FileMissing:
                pass
            else:
                return METRICS
        if known.job.state.is_pending:
            return None
        raise NotSupported(_NO_LOG, provider=NAME)

    async def _url(self, ref: JobRef, known: FetchedJob, source: str) -> str:
        """Return the signed URL of a file, asked for if need be."""
        url = known.wire.trainer_logs_signed_url if source == TRAINER else known.wire.metrics_file_signed_url
        if not url and source == METRICS and job_path(ref)[1] == PREFERENCE:
            url = self.memory.metrics_urls.get(ref) or await self._ask_metrics_url(ref)
            self.memory.metrics_urls[ref] = url
        if not url:
            raise FileMissing
        return url

    async def _ask_metrics_url(self, ref: JobRef) -> str:
        response = await self.client.request("GET", f"{_path(ref)}:getMetricsFileEndpoint", accept=(400, 404))
        return parse_metrics_endpoint(response.body) if response.status == 200 else ""

    async def _known(self, ref: JobRef) -> FetchedJob:
        """Return a job as last fetched; fetch one that had no file then, as it may have one now."""
        known = self.memory.jobs.get(ref)
        if known is None:
            return await self._fetch(ref)
        has_file = known.wire.trainer_logs_signed_url or known.wire.metrics_file_signed_url
        is_recent = time.monotonic() - known.fetched_s < _FRESH_S
        return known if has_file or is_recent else await self._fetch(ref)

    async def _fetch(self, ref: JobRef) -> FetchedJob:
        wire = parse_fine_tuning_job(await self.client.get(_path(ref)))
        return self.memory.keep(ref, FetchedJob(wire, job_of(wire, ref), time.monotonic()))

    def _file_info(self, source: str, known: FetchedJob) -> LogFileInfo:
        job, now_ns = known.job, self.clock_ns()
        return LogFileInfo(
            source,
            first_ns=now_ns if job.created_at is None else ns_from_datetime(job.created_at),
            last_ns=now_ns if job.ended_at is None else ns_from_datetime(job.ended_at),
            is_complete=job.state.is_terminal,
        )

    async def _list(self, account: str, collection: str, limit: int, *, masked: bool) -> list[Job]:
        path = f"/v1/accounts/{path_segment(account)}/{collection}"
        params = [("pageSize", str(max(1, min(limit, LARGEST_LIST))))]
        if masked:
            params += [("orderBy", "create_time desc"), ("readMask", LIST_FIELDS)]
        jobs, token = parse_fine_tuning_jobs(await self.client.get(path, params), account, collection)
        # Without an order, the newest job may be on the last page.
        for _ in range(_MOST_PAGES):
            if not token or (masked and len(jobs) >= limit):
                break
            body = await self.client.get(path, [*params, ("pageToken", token)])
            more, following = parse_fine_tuning_jobs(body, account, collection)
            jobs += more
            token = following if more and following != token else ""
        return jobs


def within(series: MetricSeries, start: datetime | None, end: datetime | None) -> MetricSeries:
    """Return the series with the samples of a window; one without times as it is."""
    kept = tuple(
        point
        for point in series.points
        if point.at is None or ((start is None or start <= point.at) and (end is None or point.at <= end))
    )
    return series if len(kept) == len(series.points) else replace(series, points=kept)


def _no_lines(query: LogQuery) -> LogCursor | None:
    """A cursor at the start of a log that is not there yet; a page of a following query always has one."""
    return pack_cursor(FilePosition("")) if query.follow else None


def _path(ref: JobRef) -> str:
    account, collection, job_id = job_path(ref)
    return f"/v1/accounts/{path_segment(account)}/{collection}/{path_segment(job_id)}"
