"""Baseten training jobs: the provider `baseten`. Wire formats are in `wire`, exact paging in `providers.windows`."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobRef, JobState, Resources
from bot.domain.logs import Level, LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import BadRequest, JobNotFound
from bot.providers.base import Priority, RequestRate
from bot.providers.baseten.api import EitherMethod, make_client, training_path
from bot.providers.baseten.metrics import MIB, parse_metrics
from bot.providers.baseten.references import TRAINING, TRAINING_HELP, parse_training_ref, training_url
from bot.providers.baseten.states import training_state
from bot.providers.baseten.wire import (
    WireInstance,
    WireJob,
    WireJobList,
    WireJobReply,
    parse,
    parse_logs,
    utc,
)
from bot.providers.http.client import HttpClient, LimiterPool
from bot.providers.paging.time_windows import Endpoint, FetchWindow, TimeWindow, read_page_by_time

_log = logging.getLogger(__name__)

_MOST_REMEMBERED = 10_000
_BEFORE_CREATION = timedelta(minutes=1)
_ASSUMED_AGE = timedelta(days=30)
_LEVELS = ((Level.ERROR, "ERROR"), (Level.WARNING, "WARNING"), (Level.INFO, "INFO"), (Level.DEBUG, "DEBUG"))


def create_training(config: Mapping[str, str], limiters: LimiterPool) -> BasetenTraining:
    """The provider, from the `BASETEN_*` settings.

    Raises:
        ConfigError: the key is missing, or a setting cannot be read.
    """
    return BasetenTraining(make_client(TRAINING, config, limiters))


def log_endpoint() -> Endpoint:
    """The bounds of every log endpoint of Baseten's.

    Source: https://docs.baseten.co/reference/training-api/get-training-job-logs (read 2026-11-20). Documented: at most
    1,000 lines, the window at most 7 days. Observed in an older client: "2 hours", "maximum time delta allowed".
    """
    return Endpoint(longest=timedelta(days=7), fallback=timedelta(hours=2))


def level_word(level: Level | None) -> str | None:
    """Baseten's word for the highest level it knows at or below this one."""
    return next((word for known, word in _LEVELS if level is not None and level >= known), None)


class BasetenTraining:
    """Training jobs: status, logs, metrics. Unknown statuses are UNKNOWN and logged once."""

    name = TRAINING
    ref_help = TRAINING_HELP

    def __init__(self, client: HttpClient, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._clock = clock
        self._logs = EitherMethod(client)
        self._metrics = EitherMethod(client)
        self._endpoint = log_endpoint()
        self._projects: OrderedDict[str, str] = OrderedDict()
        self._unknown: set[str] = set()

    def __repr__(self) -> str:
        return f"BasetenTraining({self._client!r})"

    def with_priority(self, priority: Priority) -> BasetenTraining:
        """See `SupportsPriority.with_priority`."""
        return BasetenTraining(self._client.with_priority(priority), self._clock)

    def parse_ref(self, text: str) -> JobRef | None:
        """See `Provider.parse_ref`."""
        return parse_training_ref(text)

    async def get_job(self, job: JobRef) -> Job:
        """See `Provider.get_job`."""
        project_id, job_id = await self._resolve(job)
        body = await self._client.get(training_path(project_id, job_id))
        return self._job(parse(body, WireJobReply, TRAINING).training_job, project_id)

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """See `Provider.list_jobs`. One request; the search is not paged."""
        found = await self._search({"order_by": [{"field": "created_at", "order": "desc"}]})
        return [self._job(job) for job in found[:limit]]

    async def query_logs(self, query: LogQuery) -> LogPage:
        """See `Provider.query_logs`. Of the filters the platform applies `min_level`, and only by GET.

        Source: see `log_endpoint` and `bot.providers.baseten.api`. A level drops lines without one (documented).
        """
        project_id, job_id = await self._resolve(query.job)
        path = training_path(project_id, job_id, "/logs")
        start_ns = 0 if query.cursor else await self._start_ns(query)
        least = query.filter.min_level
        narrower = [self._fetch(path, word) for level, word in _LEVELS if level > (least or 0)]
        now_ns = ns_from_datetime(self._clock())
        fetch = self._fetch(path, level_word(least))
        page = await read_page_by_time(
            query, self._endpoint, fetch, start_ns=start_ns, now_ns=now_ns, narrower=narrower
        )
        applied = least is not None and least <= Level.ERROR and self._logs.method == "GET"
        pushed_down = frozenset({"min_level"}) if applied else frozenset[str]()
        return LogPage(page.lines, page.cursor, page.more, page.gaps, pushed_down)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """See `Provider.query_metrics`. Without a window the platform takes the last minutes of the job's life."""
        return (await self.query_job_metrics(query))[1]

    async def query_job_metrics(self, query: MetricQuery) -> tuple[Job | None, Sequence[MetricSeries]]:
        """See `JobWithMetrics.query_job_metrics`: the answer always holds the job.

        Source: https://docs.baseten.co/reference/training-api/get-training-job-metrics (read 2026-11-20; documented).
        """
        project_id, job_id = await self._resolve(query.job)
        window = {
            key: ns_from_datetime(moment) // 1_000_000
            for key, moment in (("start_epoch_millis", query.start), ("end_epoch_millis", query.end))
            if moment is not None
        }
        step = [] if query.step is None else [("step_seconds", str(max(1, round(query.step.total_seconds()))))]
        body = await self._metrics.ask(training_path(project_id, job_id, "/metrics"), window, step)
        wire, series = parse_metrics(body, TRAINING)
        return None if wire is None else self._job(wire, project_id), series

    def request_rate(self) -> RequestRate:
        """See `ReportsRequestRate.request_rate`."""
        return self._client.request_rate()

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await self._client.aclose()

    def _fetch(self, path: str, min_level: str | None) -> FetchWindow:
        async def fetch(window: TimeWindow) -> list[LogLine]:
            fields: dict[str, int | str] = {
                "start_epoch_millis": window.start_ms,
                "end_epoch_millis": window.end_ms,
                "direction": window.order.value,
                "limit": window.limit,
            }
            body = await self._logs.ask(path, fields, [("min_level", min_level)] if min_level else [])
            return parse_logs(body, TRAINING)

        return fetch

    async def _start_ns(self, query: LogQuery) -> int:
        """Where the log begins: the default window of the platform is half an hour, so this is always said."""
        if query.start_ns is not None:
            return query.start_ns
        created_at = (await self.get_job(query.job)).created_at
        return ns_from_datetime((created_at or self._clock() - _ASSUMED_AGE) - _BEFORE_CREATION)

    async def _resolve(self, job: JobRef) -> tuple[str, str]:
        """The project and the job; the project of a bare job id is searched for, once."""
        project_id, slash, job_id = job.id.partition("/")
        if slash:
            return project_id, job_id
        job_id = job.id
        if job_id not in self._projects:
            found = [one for one in await self._search({"job_id": job_id}) if one.id == job_id]
            if not found or not found[0].training_project_id:
                raise JobNotFound(f"Baseten knows no training job {job_id}.", provider=TRAINING)
            self._projects[job_id] = found[0].training_project_id
            if len(self._projects) > _MOST_REMEMBERED:
                self._projects.popitem(last=False)
        return self._projects[job_id], job_id

    async def _search(self, wanted: Mapping[str, object]) -> list[WireJob]:
        body = await self._client.post("/v1/training_jobs/search", wanted)
        return parse(body, WireJobList, TRAINING).training_jobs

    def _job(self, wire: WireJob, project_id: str | None = None) -> Job:
        project_id = wire.training_project_id or project_id
        if not project_id:
            raise BadRequest(f"Baseten did not say the project of job {wire.id}.", provider=TRAINING)
        state = training_state(wire.current_status)
        if state is JobState.UNKNOWN and wire.current_status not in self._unknown:
            self._unknown.add(wire.current_status)
            _log.warning("unknown job status", extra={"provider": TRAINING, "status": wire.current_status[:100]})
        return parse_job(wire, project_id, state)


def parse_job(wire: WireJob, project_id: str, state: JobState) -> Job:
    """The job in our words. There is no start or end time in the API; the last change of a finished job ends it."""
    instance = wire.instance_type or WireInstance()
    project = wire.training_project.name if wire.training_project else None
    details = (
        ("Project", project),
        ("Availability", wire.availability_model),
        ("Priority", None if wire.priority is None else str(wire.priority)),
        ("Checkpoint sync", wire.checkpoint_sync_status),
    )
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
        ended_at=utc(wire.updated_at) if state.is_terminal else None,
        resources=Resources(
            instance=instance.name or instance.id,
            node_count=wire.node_count,
            gpu_count=instance.gpu_count,
            gpu_type=instance.gpu_type,
            gpu_memory_limit_bytes=None
            if instance.gpu_memory_limit_mib is None
            else instance.gpu_memory_limit_mib * MIB,
            cpu_limit_cores=None if instance.millicpu_limit is None else instance.millicpu_limit / 1000,
            memory_limit_bytes=None if instance.memory_limit_mib is None else instance.memory_limit_mib * MIB,
        ),
        details=tuple((label, value) for label, value in details if value),
    )
