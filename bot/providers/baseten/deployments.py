"""The provider `baseten-model`: deployments of models, environments of models and chainlets of chains.

All have a status and a log; deployments and environments also have metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobRef, Resources
from bot.domain.logs import LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import BadRequest, JobNotFound, NotSupported, ProviderError, RateLimited, Unavailable
from bot.providers.baseten.api import (
    LEVEL_WORDS,
    chain_path,
    deployment_path,
    environment_path,
    log_endpoint,
    make_client,
    read_log_page,
    window_fields,
)
from bot.providers.baseten.deployment_metrics_reader import DeploymentMetricsReader, on_whole_minutes
from bot.providers.baseten.instance_types import InstanceTypes
from bot.providers.baseten.log_filters import push_down
from bot.providers.baseten.metric_windows import remember, split_window
from bot.providers.baseten.metrics import join_series
from bot.providers.baseten.references import DEPLOYMENT, DEPLOYMENT_HELP, parse_deployment_ref
from bot.providers.baseten.serving_jobs import chainlet_job, deployment_job, environment_job
from bot.providers.baseten.states import StatusReader, deployment_state
from bot.providers.baseten.wire import (
    WireChain,
    WireChainDeployment,
    WireChainDeploymentList,
    WireChainList,
    WireDeployment,
    WireDeploymentList,
    WireEnvironment,
    WireModel,
    WireModelList,
    parse_logs,
)
from bot.providers.decoding import decode_body
from bot.providers.http.client import HttpClient, HttpProvider, LimiterPool, path_segment
from bot.providers.paging.time_windows import FetchWindow, TimeWindow
from bot.steady_clock import utc_now

WARM_UP = timedelta(minutes=10)
"""A deployment younger than this may not have a log yet (observed: Baseten's own client waits for it)."""

_MOST_NAMED = 8
"""Chainlets that an error names."""


def create_deployments(config: Mapping[str, str], limiters: LimiterPool) -> BasetenDeployments:
    """Return the provider, from the `BASETEN_*` settings; raise ConfigError for a missing or bad one."""
    return BasetenDeployments(make_client(DEPLOYMENT, config, limiters))


class BasetenDeployments(HttpProvider):
    """Reads status, logs and metrics of what serves requests."""

    name = DEPLOYMENT
    ref_help = DEPLOYMENT_HELP

    def __init__(self, client: HttpClient, clock: Callable[[], datetime] = utc_now) -> None:
        super().__init__(client)
        self._clock = clock
        self._names: dict[str, str | None] = {}
        """Of models and chains, by id."""
        self._instance_names: dict[str, str | None] = {}
        """By job id, for the limits of its metrics."""
        self._canonical_refs: dict[str, JobRef] = {}
        """By the id of a chainlet's reference, which may have its name."""
        self._instances = InstanceTypes()
        self._metrics = DeploymentMetricsReader()
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
        match job.id.split("/"):
            case ["chains", chain_id, deployment_id, chainlet]:
                return await self._get_chainlet(job, chain_id, deployment_id, chainlet)
            case [model_id, "environments", name]:
                body = await self._client.get(environment_path(model_id, name))
                environment = decode_body(WireEnvironment, body, DEPLOYMENT)
                current = environment.current_deployment
                model_name = await self._name(model_id, self._models)
                resources = await self._resources(job, current.instance_type_name if current else None)
                return environment_job(environment, model_id, model_name, resources, self._statuses)
            case [model_id, deployment_id]:
                body = await self._client.get(deployment_path(model_id, deployment_id))
                wire = decode_body(WireDeployment, body, DEPLOYMENT)
                model_name, resources = (
                    await self._name(model_id, self._models),
                    await self._resources(job, wire.instance_type_name),
                )
                return deployment_job(wire, model_id, model_name, resources, self._statuses)
            case _:
                raise _no_deployment(job)

    async def _get_chainlet(self, job: JobRef, chain_id: str, deployment_id: str, chainlet: str) -> Job:
        """Return a chainlet, which may be named by its id or by its name."""
        body = await self._client.get(chain_path(chain_id, deployment_id))
        wire = decode_body(WireChainDeployment, body, DEPLOYMENT)
        found = next((one for one in wire.chainlets if one.id == chainlet), None)
        found = found or next((one for one in wire.chainlets if one.name == chainlet), None)
        if found is None:
            names = ", ".join(f"{one.name or one.id} ({one.id})" for one in wire.chainlets[:_MOST_NAMED])
            text = f"Baseten has no chainlet {chainlet} in this deployment. It has {names or 'no chainlets'}."
            raise JobNotFound(text, provider=DEPLOYMENT)
        resources = await self._resources(job, found.instance_type_name)
        name = await self._name(chain_id, self._chains)
        return chainlet_job(wire, found, chain_id, name, resources, self._statuses)

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """See `Provider.list_jobs`. Makes two requests, and one per model and chain. Environments are not listed."""
        models, chains = await asyncio.gather(self._models(), self._chains())
        of_models = (self._of_model(model) for model in models)
        found = await asyncio.gather(*of_models, *(self._of_chain(chain) for chain in chains))
        jobs = [job for several in found for job in several]
        return sorted(jobs, key=lambda job: job.created_at or datetime.min.replace(tzinfo=UTC), reverse=True)[:limit]

    async def query_logs(self, query: LogQuery) -> LogPage:
        """See `Provider.query_logs`. The platform applies all filters but several replicas and surplus texts.

        The log of a new deployment answers 404 for a while (observed): that is an empty page, unless some of the log
        was read already. A missing log of an older deployment is a Gap.
        """
        path = await self._log_path(query.job)
        params, covered = push_down(query.filter)
        missing: list[Gap] = []
        narrower = [[*params, ("min_level", word)] for word in LEVEL_WORDS]
        fetches = [self._fetch(query, path, each, missing) for each in (params, *narrower)]
        page = await read_log_page(query, self._endpoint, fetches, self.get_job, self._clock())
        return replace(page, gaps=(*page.gaps, *missing[:1]), pushed_down=covered)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """See `Provider.query_metrics`. Without a window the platform returns a snapshot.

        Raises:
            NotSupported: chainlets have no metrics, or this account has no metrics of deployments.
        """
        newest, *earlier = await split_window(on_whole_minutes(query), self.get_job, self._clock())
        series = await self._ask_metrics(newest)
        for window in earlier:
            series = join_series(await self._ask_metrics(window), series)
        return series

    async def _ask_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        job = query.job
        if job.id not in self._instance_names:
            await self.get_job(job)
        limits = self._instances.cached(self._instance_names.get(job.id))
        return await self._metrics.read(self._client, _metrics_path(job), query, limits, self._clock())

    async def _log_path(self, job: JobRef) -> str:
        match job.id.split("/"):
            case ["chains", chain_id, deployment_id, _]:
                chainlet_id = (await self._canonical(job)).id.rpartition("/")[2]
                return chain_path(chain_id, deployment_id, f"/chainlets/{path_segment(chainlet_id)}/logs")
            case [model_id, "environments", name]:
                return environment_path(model_id, name, "/logs")
            case [model_id, deployment_id]:
                return deployment_path(model_id, deployment_id, "/logs")
            case _:
                raise _no_deployment(job)

    async def _canonical(self, job: JobRef) -> JobRef:
        """Return the reference with the chainlet's id; asked for once."""
        if job.id not in self._canonical_refs:
            remember(self._canonical_refs, job.id, (await self.get_job(job)).ref)
        return self._canonical_refs[job.id]

    async def _resources(self, job: JobRef, instance_name: str | None) -> Resources:
        remember(self._instance_names, job.id, instance_name)
        return await self._instances.resources(self._client, instance_name, self._clock())

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
        self._names.update((model.id, model.name) for model in models)
        return models

    async def _chains(self) -> Sequence[WireChain]:
        """Return all chains; none where the platform does not have them."""
        try:
            chains = decode_body(WireChainList, await self._client.get("/v1/chains"), DEPLOYMENT).chains
        except (JobNotFound, NotSupported):
            return ()
        self._names.update((chain.id, chain.name) for chain in chains)
        return chains

    async def _name(self, owner_id: str, list_all: Callable[[], Awaitable[object]]) -> str | None:
        """Return the name of a model or chain, which its deployments do not have.

        It is asked for until there is an answer; None meanwhile.
        """
        if owner_id not in self._names:
            try:
                await list_all()
            except (RateLimited, Unavailable):
                return None
            except ProviderError:
                pass
        return self._names.setdefault(owner_id, None)

    async def _of_model(self, model: WireModel) -> list[Job]:
        """Return the model's deployments; none if it was deleted in the meantime."""
        try:
            body = await self._client.get(f"/v1/models/{path_segment(model.id)}/deployments")
        except JobNotFound:
            return []
        return [
            deployment_job(one, model.id, model.name, self._instances.cached(one.instance_type_name), self._statuses)
            for one in decode_body(WireDeploymentList, body, DEPLOYMENT).deployments
        ]

    async def _of_chain(self, chain: WireChain) -> list[Job]:
        """Return the chainlets of the chain's deployments; none if it was deleted in the meantime."""
        try:
            body = await self._client.get(f"/v1/chains/{path_segment(chain.id)}/deployments")
        except JobNotFound:
            return []
        return [
            chainlet_job(
                deployment, one, chain.id, chain.name, self._instances.cached(one.instance_type_name), self._statuses
            )
            for deployment in decode_body(WireChainDeploymentList, body, DEPLOYMENT).deployments
            for one in deployment.chainlets
        ]


def _no_deployment(job: JobRef) -> BadRequest:
    return BadRequest(f"{job} does not name a deployment. Use {DEPLOYMENT_HELP}.", provider=DEPLOYMENT)


def _metrics_path(job: JobRef) -> str:
    match job.id.split("/"):
        case ["chains", _, _, _]:
            raise NotSupported(
                "Baseten's API has no metrics of chainlets; its dashboard has them.", provider=DEPLOYMENT
            )
        case [model_id, "environments", name]:
            return environment_path(model_id, name, "/metrics")
        case [model_id, deployment_id]:
            return deployment_path(model_id, deployment_id, "/metrics")
        case _:
            raise _no_deployment(job)
