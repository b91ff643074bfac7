"""The provider `baseten-model`: model deployments. They have a status and a log, but no metrics."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobRef, Resources
from bot.domain.logs import LogFilter, LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import BadRequest, JobNotFound, NotSupported, ProviderError, RateLimited, Unavailable
from bot.providers.baseten.api import (
    LEVEL_WORDS,
    deployment_path,
    log_endpoint,
    make_client,
    read_log_page,
    window_fields,
)
from bot.providers.baseten.references import DEPLOYMENT, DEPLOYMENT_HELP, deployment_url, parse_deployment_ref
from bot.providers.baseten.states import StatusReader, deployment_state
from bot.providers.baseten.wire import WireDeployment, WireDeploymentList, WireModel, WireModelList, parse_logs, utc
from bot.providers.decoding import decode_body, details_of
from bot.providers.http.client import HttpClient, HttpProvider, LimiterPool, path_segment
from bot.providers.paging.time_windows import FetchWindow, TimeWindow

WARM_UP = timedelta(minutes=10)
"""A deployment younger than this may not have a log yet (observed: Baseten's own client waits for it)."""

_INSTANCE = re.compile(r"([A-Z][A-Z0-9]{1,12}):(\d{1,3})x(\d{1,5})x(\d{1,6})")
_REPLICA_ID = re.compile(r"[a-z0-9]{5}")
"""Observed: short ids of five characters."""
_LONGEST_TEXT = 256
_MOST_TEXTS = 8


def create_deployments(config: Mapping[str, str], limiters: LimiterPool) -> BasetenDeployments:
    """Return the provider, from the `BASETEN_*` settings; raise ConfigError for a missing or bad one."""
    return BasetenDeployments(make_client(DEPLOYMENT, config, limiters))


def push_down(wanted: LogFilter) -> tuple[list[tuple[str, str]], frozenset[str]]:
    """Return the query parameters for a filter, and the names of the fields that they cover completely.

    Source: https://docs.baseten.co/reference/management-api, model deployment logs (read 2026-11-20; documented): texts
    of at most 256 characters, at most 8 `includes` and 8 `excludes`, as repeated keys; one replica. A name of another
    form is that of a pod or worker, which only a line's prefix names.
    """
    includes, excludes = _short(wanted.includes), _short(wanted.excludes)
    parts = (
        ("replicas", "replica", _replica(wanted.replicas), True),
        ("request_id", "request_id", _short([wanted.request_id or ""]), True),
        ("grep", "search_pattern", _short([wanted.grep or ""]), True),
        ("includes", "includes", includes, len(includes) == len(wanted.includes)),
        ("excludes", "excludes", excludes, len(excludes) == len(wanted.excludes)),
    )
    params = [(key, value) for _, key, values, _ in parts for value in values]
    return params, frozenset(field for field, _, values, is_complete in parts if values and is_complete)


class BasetenDeployments(HttpProvider):
    """Reads status and logs of model deployments."""

    name = DEPLOYMENT
    ref_help = DEPLOYMENT_HELP

    def __init__(self, client: HttpClient, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(client)
        self._clock = clock
        self._model_names: dict[str, str | None] = {}
        self._endpoint = log_endpoint()
        self._statuses = StatusReader(DEPLOYMENT, deployment_state)

    def has_metrics(self, job: JobRef) -> bool:
        """See `DeclaresMetrics.has_metrics`."""
        return False

    def parse_ref(self, text: str) -> JobRef | None:
        """See `Provider.parse_ref`."""
        return parse_deployment_ref(text)

    async def get_job(self, job: JobRef) -> Job:
        """See `Provider.get_job`."""
        model_id, deployment_id = _ids(job)
        body = await self._client.get(deployment_path(model_id, deployment_id))
        wire = decode_body(WireDeployment, body, DEPLOYMENT)
        return self._job(wire, model_id, await self._model_name(model_id))

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """See `Provider.list_jobs`. Makes one request, and one per model."""
        models = await self._models()
        found = await asyncio.gather(*(self._of_model(model) for model in models))
        jobs = [job for of_model in found for job in of_model]
        return sorted(jobs, key=lambda job: job.created_at or datetime.min.replace(tzinfo=UTC), reverse=True)[:limit]

    async def query_logs(self, query: LogQuery) -> LogPage:
        """See `Provider.query_logs`. The platform applies all filters but several replicas and surplus texts.

        The log of a new deployment answers 404 for a while (observed): that is an empty page, unless some of the log
        was read already. A missing log of an older deployment is a Gap.
        """
        model_id, deployment_id = _ids(query.job)
        params, covered = push_down(query.filter)
        missing: list[Gap] = []
        path = deployment_path(model_id, deployment_id, "/logs")
        narrower = [[*params, ("min_level", word)] for word in LEVEL_WORDS]
        fetches = [self._fetch(query, path, each, missing) for each in (params, *narrower)]
        page = await read_log_page(query, self._endpoint, fetches, self.get_job, self._clock())
        return replace(page, gaps=(*page.gaps, *missing[:1]), pushed_down=covered)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """Raise NotSupported."""
        raise NotSupported("Baseten's API has no metrics of deployments; its dashboard has them.", provider=DEPLOYMENT)

    def _fetch(self, query: LogQuery, path: str, params: Sequence[tuple[str, str]], missing: list[Gap]) -> FetchWindow:
        async def fetch(window: TimeWindow) -> list[LogLine]:
            bounds = [(key, str(value)) for key, value in window_fields(window).items()]
            try:
                body = await self._client.get(path, [*bounds, *params])
            except JobNotFound:
                deployment = await self.get_job(query.job)
                if query.cursor is not None and not query.follow:
                    text = "Baseten has this deployment, but not its log at the moment."
                    raise Unavailable(text, provider=DEPLOYMENT) from None
                if deployment.created_at is None or self._clock() - deployment.created_at > WARM_UP:
                    public = "This deployment exists, but Baseten has no log of it; it may have been deleted."
                    missing.append(Gap(Part.LOGS, GapReason.NOT_FOUND, public))
                return []
            return parse_logs(body, DEPLOYMENT)

        return fetch

    async def _models(self) -> Sequence[WireModel]:
        models = decode_body(WireModelList, await self._client.get("/v1/models"), DEPLOYMENT).models
        self._model_names.update((model.id, model.name) for model in models)
        return models

    async def _model_name(self, model_id: str) -> str | None:
        """Return the model's name, which a deployment does not have; asked for until there is an answer, else None."""
        if model_id not in self._model_names:
            try:
                await self._models()
            except (RateLimited, Unavailable):
                return None
            except ProviderError:
                pass
        return self._model_names.setdefault(model_id, None)

    async def _of_model(self, model: WireModel) -> list[Job]:
        """Return the model's deployments; none if it was deleted in the meantime."""
        try:
            body = await self._client.get(f"/v1/models/{path_segment(model.id)}/deployments")
        except JobNotFound:
            return []
        found = decode_body(WireDeploymentList, body, DEPLOYMENT).deployments
        return [self._job(deployment, model.id, model.name) for deployment in found]

    def _job(self, wire: WireDeployment, model_id: str, model_name: str | None = None) -> Job:
        kind = "production" if wire.is_production else "development" if wire.is_development else None
        parts = (model_name, wire.environment or kind or wire.name)
        return Job(
            ref=JobRef(DEPLOYMENT, f"{model_id}/{wire.id}"),
            state=self._statuses.state(wire.status),
            vendor_status=wire.status,
            name=" · ".join(part for part in parts if part) or None,
            url=deployment_url(model_id, wire.id),
            created_at=utc(wire.created_at),
            resources=_resources(wire.instance_type_name),
            details=details_of(
                ("Model", model_name),
                ("Environment", wire.environment or kind),
                ("Active replicas", wire.active_replica_count),
            ),
        )


def _resources(instance: str | None) -> Resources:
    """Read the name of an instance, such as `H100:1x26x225`: GPUs, CPUs and GiB."""
    found = _INSTANCE.fullmatch(instance or "")
    if found is None:
        return Resources(instance=instance)
    gpu_type, gpus, cores, gib = found.groups()
    return Resources(
        instance=instance,
        gpu_type=gpu_type,
        gpu_count=int(gpus),
        cpu_limit_cores=float(cores),
        memory_limit_bytes=int(gib) * 2**30,
    )


def _ids(job: JobRef) -> tuple[str, str]:
    model_id, slash, deployment_id = job.id.partition("/")
    if not slash:
        raise BadRequest(f"{job} does not name a deployment. Use {DEPLOYMENT_HELP}.", provider=DEPLOYMENT)
    return model_id, deployment_id


def _replica(names: Sequence[str]) -> list[str]:
    """The one replica that the platform can filter by; [] if there are several or if it is not an id of Baseten's."""
    return [name for name in names if _REPLICA_ID.fullmatch(name)] if len(names) == 1 else []


def _short(texts: Sequence[str]) -> list[str]:
    """Keep the texts that the platform accepts."""
    return [text for text in texts if 0 < len(text) <= _LONGEST_TEXT][:_MOST_TEXTS]
