"""Baseten model deployments: the provider `baseten-model`. They have a status and a log; metrics are not offered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobRef, JobState, Resources
from bot.domain.logs import Level, LogFilter, LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import BadRequest, JobNotFound, NotSupported, Unavailable
from bot.providers.base import Priority, RequestRate
from bot.providers.baseten.api import deployment_path, make_client
from bot.providers.baseten.references import DEPLOYMENT, DEPLOYMENT_HELP, deployment_url, parse_deployment_ref
from bot.providers.baseten.states import deployment_state
from bot.providers.baseten.training import level_word, log_endpoint
from bot.providers.baseten.wire import (
    WireDeployment,
    WireDeploymentList,
    WireModel,
    WireModelList,
    parse,
    parse_logs,
    utc,
)
from bot.providers.http.client import HttpClient, LimiterPool, path_segment
from bot.providers.paging.time_windows import FetchWindow, TimeWindow, read_page_by_time

_log = logging.getLogger(__name__)

WARM_UP = timedelta(minutes=10)
"""A deployment younger than this may have no log yet (observed: Baseten's own client waits for it)."""

_BEFORE_CREATION = timedelta(minutes=1)
_ASSUMED_AGE = timedelta(days=30)
_LONGEST_TEXT = 256
_MOST_TEXTS = 8


def create_deployments(config: Mapping[str, str], limiters: LimiterPool) -> BasetenDeployments:
    """The provider, from the `BASETEN_*` settings.

    Raises:
        ConfigError: the key is missing, or a setting cannot be read.
    """
    return BasetenDeployments(make_client(DEPLOYMENT, config, limiters))


def push_down(wanted: LogFilter) -> tuple[list[tuple[str, str]], frozenset[str]]:
    """The query parameters that stand for a filter, and the names of the fields that they cover wholly.

    Source: https://docs.baseten.co/reference/management-api, model deployment logs (read 2026-11-20; documented): texts
    of at most 256 characters, at most 8 `includes` and 8 `excludes`, as repeated keys; one replica.
    """
    params: list[tuple[str, str]] = []
    covered = set()

    def put(field: str, key: str, values: Sequence[str], *, wholly: bool = True) -> None:
        params.extend((key, value) for value in values)
        if values and wholly:
            covered.add(field)

    level = level_word(wanted.min_level)
    put("min_level", "min_level", [level] if level else [], wholly=(wanted.min_level or 0) <= Level.ERROR)
    if len(wanted.replicas) == 1:
        put("replicas", "replica", _short(wanted.replicas))
    put("request_id", "request_id", _short([wanted.request_id or ""]))
    put("grep", "search_pattern", _short([wanted.grep or ""]))
    for field, texts in (("includes", wanted.includes), ("excludes", wanted.excludes)):
        pushed = _short(texts)[:_MOST_TEXTS]
        put(field, field, pushed, wholly=len(pushed) == len(texts))
    return params, frozenset(covered)


class BasetenDeployments:
    """Deployments of models: status and logs."""

    name = DEPLOYMENT
    ref_help = DEPLOYMENT_HELP

    def __init__(self, client: HttpClient, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._clock = clock
        self._endpoint = log_endpoint()
        self._unknown: set[str] = set()

    def __repr__(self) -> str:
        return f"BasetenDeployments({self._client!r})"

    def with_priority(self, priority: Priority) -> BasetenDeployments:
        """See `SupportsPriority.with_priority`."""
        return BasetenDeployments(self._client.with_priority(priority), self._clock)

    def parse_ref(self, text: str) -> JobRef | None:
        """See `Provider.parse_ref`."""
        return parse_deployment_ref(text)

    async def get_job(self, job: JobRef) -> Job:
        """See `Provider.get_job`."""
        model_id, deployment_id = _ids(job)
        body = await self._client.get(deployment_path(model_id, deployment_id))
        return self._job(parse(body, WireDeployment, DEPLOYMENT), model_id)

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """See `Provider.list_jobs`. One request, and one a model."""
        models = parse(await self._client.get("/v1/models"), WireModelList, DEPLOYMENT).models
        found = await asyncio.gather(*(self._of_model(model) for model in models))
        jobs = [job for of_model in found for job in of_model]
        oldest = datetime.min.replace(tzinfo=UTC)
        return sorted(jobs, key=lambda job: job.created_at or oldest, reverse=True)[:limit]

    async def query_logs(self, query: LogQuery) -> LogPage:
        """See `Provider.query_logs`. All filters but several replicas and the surplus of texts are pushed down.

        A new deployment's log answers 404 for a while (observed); that is an empty page, unless some of it was read
        already. An old one's missing log is a Gap.
        """
        model_id, deployment_id = _ids(query.job)
        start_ns = 0 if query.cursor else await self._start_ns(query)
        params, covered = push_down(query.filter)
        missing: list[Gap] = []
        path = deployment_path(model_id, deployment_id, "/logs")
        fetch = self._fetch(query, path, params, missing)
        least = query.filter.min_level
        levels = (level for level in (Level.ERROR, Level.WARNING, Level.INFO, Level.DEBUG) if level > (least or 0))
        others = [param for param in params if param[0] != "min_level"]
        narrower = [
            self._fetch(query, path, [*others, ("min_level", str(level_word(level)))], missing) for level in levels
        ]
        now_ns = ns_from_datetime(self._clock())
        page = await read_page_by_time(
            query, self._endpoint, fetch, start_ns=start_ns, now_ns=now_ns, narrower=narrower
        )
        return LogPage(page.lines, page.cursor, page.more, (*page.gaps, *missing[:1]), covered)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """Deployments have no metrics in this API."""
        raise NotSupported(
            "Baseten offers no metrics of deployments here; its dashboard has them.", provider=DEPLOYMENT
        )

    def request_rate(self) -> RequestRate:
        """See `ReportsRequestRate.request_rate`."""
        return self._client.request_rate()

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await self._client.aclose()

    def _fetch(self, query: LogQuery, path: str, params: Sequence[tuple[str, str]], missing: list[Gap]) -> FetchWindow:
        async def fetch(window: TimeWindow) -> list[LogLine]:
            bounds = [
                ("start_epoch_millis", str(window.start_ms)),
                ("end_epoch_millis", str(window.end_ms)),
                ("direction", window.order.value),
                ("limit", str(window.limit)),
            ]
            try:
                body = await self._client.get(path, [*bounds, *params])
            except JobNotFound:
                deployment = await self.get_job(query.job)
                if query.cursor is not None and not query.follow:
                    text = "Baseten knows this deployment, but at the moment no log of it."
                    raise Unavailable(text, provider=DEPLOYMENT) from None
                if deployment.created_at is None or self._clock() - deployment.created_at > WARM_UP:
                    public = "This deployment exists, and Baseten has no log of it (any more)."
                    missing.append(Gap(Part.LOGS, GapReason.NOT_FOUND, public))
                return []
            return parse_logs(body, DEPLOYMENT)

        return fetch

    async def _start_ns(self, query: LogQuery) -> int:
        if query.start_ns is not None:
            return query.start_ns
        created_at = (await self.get_job(query.job)).created_at
        return ns_from_datetime((created_at or self._clock() - _ASSUMED_AGE) - _BEFORE_CREATION)

    async def _of_model(self, model: WireModel) -> list[Job]:
        """The model's deployments; none when it was deleted meanwhile."""
        try:
            body = await self._client.get(f"/v1/models/{path_segment(model.id)}/deployments")
        except JobNotFound:
            return []
        found = parse(body, WireDeploymentList, DEPLOYMENT).deployments
        return [self._job(deployment, model.id, model.name) for deployment in found]

    def _job(self, wire: WireDeployment, model_id: str, model_name: str | None = None) -> Job:
        state = deployment_state(wire.status)
        if state is JobState.UNKNOWN and wire.status not in self._unknown:
            self._unknown.add(wire.status)
            _log.warning("unknown job status", extra={"provider": DEPLOYMENT, "status": wire.status[:100]})
        replicas = None if wire.active_replica_count is None else str(wire.active_replica_count)
        kind = "production" if wire.is_production else "development" if wire.is_development else None
        details = (
            ("Model", model_name),
            ("Environment", wire.environment or kind),
            ("Active replicas", replicas),
        )
        return Job(
            ref=JobRef(DEPLOYMENT, f"{model_id}/{wire.id}"),
            state=state,
            vendor_status=wire.status,
            name=wire.name,
            url=deployment_url(model_id, wire.id),
            created_at=utc(wire.created_at),
            resources=Resources(instance=wire.instance_type_name),
            details=tuple((label, value) for label, value in details if value),
        )


def _ids(job: JobRef) -> tuple[str, str]:
    model_id, slash, deployment_id = job.id.partition("/")
    if not slash:
        raise BadRequest(f"{job} names no deployment; the form is {DEPLOYMENT_HELP}.", provider=DEPLOYMENT)
    return model_id, deployment_id


def _short(texts: Sequence[str]) -> list[str]:
    """Those that the platform takes."""
    return [text for text in texts if 0 < len(text) <= _LONGEST_TEXT]
