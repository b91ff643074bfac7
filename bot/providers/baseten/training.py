"""The provider `baseten`: training jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bot.domain.durations import NS_PER_MS, ns_from_datetime
from bot.domain.jobs import Job, JobRef, Resources
from bot.domain.logs import LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import BadRequest, JobNotFound
from bot.providers.baseten.api import (
    LEVEL_WORDS,
    LONGEST_WINDOW,
    EitherMethod,
    log_endpoint,
    make_client,
    read_log_page,
    training_path,
    window_fields,
)
from bot.providers.baseten.metrics import MIB, join_series, parse_metrics, split_newest_first
from bot.providers.baseten.references import TRAINING, TRAINING_HELP, parse_training_ref, training_url
from bot.providers.baseten.states import StatusReader, training_state
from bot.providers.baseten.wire import WireInstance, WireJob, WireJobList, WireJobReply, parse_logs, utc
from bot.providers.decoding import decode_body, details_of
from bot.providers.http.client import HttpClient, HttpProvider, LimiterPool
from bot.providers.paging.time_windows import FetchWindow, TimeWindow

_MOST_REMEMBERED = 10_000
_MOST_WINDOWS = 26
"""Requests for one window: half a year."""


def create_training(config: Mapping[str, str], limiters: LimiterPool) -> BasetenTraining:
    """Return the provider, from the `BASETEN_*` settings; raise ConfigError for a missing or bad one."""
    return BasetenTraining(make_client(TRAINING, config, limiters))


class BasetenTraining(HttpProvider):
    """Reads status, logs and metrics of training jobs."""

    name = TRAINING
    ref_help = TRAINING_HELP

    def __init__(self, client: HttpClient, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(client)
        self._clock = clock
        self._logs = EitherMethod()
        self._metrics = EitherMethod()
        self._endpoint = log_endpoint()
        self._projects: dict[str, str] = {}
        self._percent: dict[str, frozenset[str]] = {}
        """By job id the metrics that arrived in percent, which only busy GPUs show."""
        self._statuses = StatusReader(TRAINING, training_state)

    def parse_ref(self, text: str) -> JobRef | None:
        """See `Provider.parse_ref`."""
        return parse_training_ref(text)

    async def get_job(self, job: JobRef) -> Job:
        """See `Provider.get_job`."""
        project_id, job_id = await self._resolve(job)
        body = await self._client.get(training_path(project_id, job_id))
        return self._job(decode_body(WireJobReply, body, TRAINING).training_job, project_id)

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """See `Provider.list_jobs`. Makes one request, as the search is not paged."""
        found = await self._search({"order_by": [{"field": "created_at", "order": "desc"}]})
        return [self._job(job) for job in found[:limit]]

    async def query_logs(self, query: LogQuery) -> LogPage:
        """See `Provider.query_logs`.

        A level is not pushed down: the platform drops lines without a level (documented), although their message may
        state one.
        """
        project_id, job_id = await self._resolve(query.job)
        path = training_path(project_id, job_id, "/logs")
        fetches = [self._fetch(path, word) for word in (None, *LEVEL_WORDS)]
        return await read_log_page(query, self._endpoint, fetches, self.get_job, self._clock())

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """See `Provider.query_metrics`. Without a window the platform returns the last minutes of the job."""
        return (await self.query_job_metrics(query))[1]

    async def query_job_metrics(self, query: MetricQuery) -> tuple[Job | None, Sequence[MetricSeries]]:
        """See `JobWithMetrics.query_job_metrics`: every response holds the job. A long window takes several requests.

        Source: https://docs.baseten.co/reference/training-api/get-training-job-metrics (read 2026-11-20; documented).
        """
        newest, *earlier = await self._split_window(query)
        job, series = await self._ask_metrics(newest)
        for window in earlier:
            series = join_series((await self._ask_metrics(window))[1], series)
        return job, series

    async def _split_window(self, query: MetricQuery) -> list[MetricQuery]:
        """Return queries with windows that the platform accepts, newest first; a long window begins with the job.

        Raises:
            BadRequest: the window needs too many requests.
        """
        start, end = query.start, query.end
        if start is None or (end or self._clock()) - start <= LONGEST_WINDOW:
            return [query]
        end = min(end or self._clock(), self._clock())
        created_at = (await self.get_job(query.job)).created_at
        start = min(max(start, created_at), end) if created_at is not None else start
        if end - start > _MOST_WINDOWS * LONGEST_WINDOW:
            days = (_MOST_WINDOWS * LONGEST_WINDOW).days
            text = f"Metrics of {(end - start).days} days were requested. Use a range of at most {days} days."
            raise BadRequest(text, provider=TRAINING)
        windows = split_newest_first(start, end)
        return [replace(query, start=begin, end=finish) for begin, finish in windows]

    async def _ask_metrics(self, query: MetricQuery) -> tuple[Job | None, Sequence[MetricSeries]]:
        project_id, job_id = await self._resolve(query.job)
        bounds = (("start_epoch_millis", query.start), ("end_epoch_millis", query.end))
        window = {key: ns_from_datetime(at) // NS_PER_MS for key, at in bounds if at is not None}
        step = [] if query.step is None else [("step_seconds", str(max(1, round(query.step.total_seconds()))))]
        body = await self._metrics.ask(self._client, training_path(project_id, job_id, "/metrics"), window, step)
        known = self._percent.get(job_id, frozenset())
        wire, series = parse_metrics(body, TRAINING, latest=query.end or self._clock(), percent=known)
        if found := {one.name for one in series if one.in_percent}.difference(known):
            self._percent[job_id] = known.union(found)
            if len(self._percent) > _MOST_REMEMBERED:
                del self._percent[next(iter(self._percent))]
        return None if wire is None else self._job(wire, project_id), series

    def _fetch(self, path: str, min_level: str | None) -> FetchWindow:
        async def fetch(window: TimeWindow) -> list[LogLine]:
            newer = [("min_level", min_level)] if min_level else []
            body = await self._logs.ask(self._client, path, window_fields(window), newer)
            return parse_logs(body, TRAINING)

        return fetch

    async def _resolve(self, job: JobRef) -> tuple[str, str]:
        """Return the project and the job; the project of a bare job id is searched for once."""
        project_id, slash, job_id = job.id.partition("/")
        if slash:
            return project_id, job_id
        job_id = job.id
        if job_id not in self._projects:
            found = [one for one in await self._search({"job_id": job_id}) if one.id == job_id]
            if not found or not found[0].training_project_id:
                raise JobNotFound(f"Baseten has no training job {job_id}.", provider=TRAINING)
            self._projects[job_id] = found[0].training_project_id
            if len(self._projects) > _MOST_REMEMBERED:
                del self._projects[next(iter(self._projects))]
        return self._projects[job_id], job_id

    async def _search(self, wanted: Mapping[str, object]) -> list[WireJob]:
        body = await self._client.post("/v1/training_jobs/search", wanted)
        return decode_body(WireJobList, body, TRAINING).training_jobs

    def _job(self, wire: WireJob, project_id: str | None = None) -> Job:
        project_id = wire.training_project_id or project_id
        if not project_id:
            raise BadRequest(f"Baseten sent job {wire.id} without its project.", provider=TRAINING)
        state = self._statuses.state(wire.current_status)
        return Job(
            ref=JobRef(TRAINING, f"{project_id}/{wire.id}"),
            state=state,
            vendor_status=wire.current_status,
            name=wire.name,
            error=wire.error_message,
            url=training_url(project_id, wire.id),
            user=wire.user.email if wire.user else None,
            created_at=utc(wire.created_at),
            updated_at=utc(wire.updated_at),
            # The API has no end time; the last change of a finished job comes closest.
            ended_at=utc(wire.updated_at) if state.is_terminal else None,
            resources=_resources(wire.instance_type or WireInstance(), wire.node_count),
            details=details_of(
                ("Project", wire.training_project.name if wire.training_project else None),
                ("Availability", wire.availability_model),
                ("Priority", wire.priority),
                ("Checkpoint sync", wire.checkpoint_sync_status),
            ),
        )


def _resources(instance: WireInstance, node_count: int | None) -> Resources:
    gpu_memory, memory, millicpu = instance.gpu_memory_limit_mib, instance.memory_limit_mib, instance.millicpu_limit
    return Resources(
        instance=instance.name or instance.id,
        node_count=node_count,
        gpu_count=instance.gpu_count,
        gpu_type=instance.gpu_type,
        gpu_memory_limit_bytes=None if gpu_memory is None else gpu_memory * MIB,
        cpu_limit_cores=None if millicpu is None else millicpu / 1000,
        memory_limit_bytes=None if memory is None else memory * MIB,
    )
