"""The provider `baseten`: training jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.domain.runs import QueuePosition
from bot.errors import BadRequest, JobNotFound
from bot.providers.baseten.api import (
    LEVEL_WORDS,
    EitherMethod,
    log_endpoint,
    make_client,
    read_log_page,
    training_path,
    window_fields,
)
from bot.providers.baseten.instance_types import instance_resources
from bot.providers.baseten.metric_windows import PercentMetrics, split_window, window_millis
from bot.providers.baseten.metrics import join_series, parse_metrics
from bot.providers.baseten.queue import parse_queue, queue_path
from bot.providers.baseten.references import TRAINING, TRAINING_HELP, parse_training_ref, training_url
from bot.providers.baseten.states import StatusReader, training_state
from bot.providers.baseten.wire import WireInstance, WireJob, WireJobList, WireJobReply, parse_logs, utc
from bot.providers.decoding import decode_body, details_of
from bot.providers.http.client import HttpClient, HttpProvider, LimiterPool
from bot.providers.paging.time_windows import FetchWindow, TimeWindow
from bot.steady_clock import utc_now

_MOST_REMEMBERED = 10_000


def create_training(config: Mapping[str, str], limiters: LimiterPool) -> BasetenTraining:
    """Return the provider, from the `BASETEN_*` settings; raise ConfigError for a missing or bad one."""
    return BasetenTraining(make_client(TRAINING, config, limiters))


class BasetenTraining(HttpProvider):
    """Reads status, logs and metrics of training jobs."""

    name = TRAINING
    ref_help = TRAINING_HELP

    def __init__(self, client: HttpClient, clock: Callable[[], datetime] = utc_now) -> None:
        super().__init__(client)
        self._clock = clock
        self._logs = EitherMethod()
        self._metrics = EitherMethod()
        self._endpoint = log_endpoint()
        self._projects: dict[str, str] = {}
        self._percent = PercentMetrics()
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
        newest, *earlier = await split_window(query, self.get_job, self._clock())
        job, series = await self._ask_metrics(newest)
        for window in earlier:
            series = join_series((await self._ask_metrics(window))[1], series)
        return job, series

    async def _ask_metrics(self, query: MetricQuery) -> tuple[Job | None, Sequence[MetricSeries]]:
        project_id, job_id = await self._resolve(query.job)
        step = [] if query.step is None else [("step_seconds", str(max(1, round(query.step.total_seconds()))))]
        body = await self._metrics.ask(
            self._client, training_path(project_id, job_id, "/metrics"), window_millis(query), step
        )
        wire, series = parse_metrics(
            body, TRAINING, latest=query.end or self._clock(), percent=self._percent.of(job_id)
        )
        self._percent.remember(job_id, series)
        return None if wire is None else self._job(wire, project_id), series

    async def query_queue(self, job: JobRef) -> QueuePosition | None:
        """See `ExplainsQueue.query_queue`."""
        _, job_id = await self._resolve(job)
        return parse_queue(await self._client.get(queue_path(job_id)), TRAINING)

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
            resources=instance_resources(wire.instance_type or WireInstance(), wire.node_count),
            details=details_of(
                ("Project", wire.training_project.name if wire.training_project else None),
                ("Availability", wire.availability_model),
                ("Priority", wire.priority),
                ("Checkpoint sync", wire.checkpoint_sync_status),
            ),
        )
