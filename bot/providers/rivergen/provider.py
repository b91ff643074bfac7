"""The RiverGen provider: sends the requests.

Documented: https://docs.rivergen.ai/docs/ai-docs/model-studio/api-reference/endpoints (read 2026-11-20).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace

from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import BadRequest, JobNotFound, NotSupported, ProviderError, RateLimited, Unavailable
from bot.providers.base import Download
from bot.providers.http.client import (
    HttpClient,
    HttpLimits,
    HttpProvider,
    HttpResponse,
    HttpStream,
    LimiterPool,
    path_segment,
    require_setting,
)
from bot.providers.http.retry import retry_on_malformed_response
from bot.providers.rivergen import references, wire
from bot.providers.rivergen.download import open_download
from bot.providers.rivergen.log_reader import NumberedPage, read_page_by_offset, run_of

BASE_URL = "https://api.rivergen.ai"
"""According to one page of the documents; others name https://api.rivegen.com. RIVERGEN_BASE_URL overrides it."""
REQUESTS_PER_SECOND = 100 / 60
"""The standard plan's 100 requests a minute (documented); premium has 500, admins 1,000."""
PAGES = ("training-metrics", "training/metrics")
"""The documented path and its alias."""
LARGEST_LIST = 100
_MAX_KNOWN_RUNS = 1000
_EXPLANATIONS = {
    400: "rejected a parameter of the request",
    401: "rejected the token; RIVERGEN_API_KEY must be a whole JWT or personal access token that is still valid",
    403: "does not allow this user to read that model; it requires model:read or organization:viewer",
    404: "has no such model or run, or has removed its log (retention)",
    409: "reports a conflict with its state, such as a run in progress",
    422: "cannot do that with this model, for example because it has no dataset",
    429: "is rate limiting requests; the standard plan allows 100 requests per minute",
}
"""Source: the download's error table and .../organization/concepts/errors (read 2026-11-20)."""
MOST_POINTS = 1000
_Params = Sequence[tuple[str, str]]


def create(config: Mapping[str, str], limiters: LimiterPool) -> RivergenProvider:
    """Return the provider, from the `RIVERGEN_*` settings; raise ConfigError for a missing or bad one."""
    where = "RiverGen: log in with POST /api/auth/login (valid for an hour), or better, create a personal access token"
    key = require_setting(config, "rivergen_api_key", where)
    base_url = config.get("rivergen_base_url", "").strip() or BASE_URL
    headers = {"Authorization": f"Bearer {key}"}
    defaults = {"rivergen_requests_per_second": str(REQUESTS_PER_SECOND)}
    limiter = limiters.limiter_for(base_url, headers, HttpLimits.from_config("rivergen", {**defaults, **config}))
    client = HttpClient(references.NAME, base_url, headers, secrets=[key], limiter=limiter, explain=_explain)
    return RivergenProvider(client, base_url=base_url)


class RivergenProvider(HttpProvider):
    """Reads state, logs and metrics of training runs. Implements `bot.providers.base.Downloads`."""

    name = references.NAME
    ref_help = "rivergen:<model_id>/<run_id> (or rivergen:<model_id> for its newest run)"

    def __init__(self, client: HttpClient, *, base_url: str = BASE_URL) -> None:
        super().__init__(client)
        self._base_url = base_url
        self._known_runs: dict[str, wire.Run] = {}
        self._pages = list(PAGES)

    def parse_ref(self, text: str) -> JobRef | None:
        """Parse `model/run`, a URL, or a model alone, which means its newest run."""
        return references.parse_run_ref(text, base_url=self._base_url)

    async def get_job(self, job: JobRef) -> Job:
        """Return a run from its details page or, if it has none yet, from the list of runs."""
        model, run_id = references.model_and_run(job)
        run = wire.Run(run_id) if run_id else await self._newest_run(model)
        try:
            body = await self._get_page(model, "/details", [("run_id", run.run_id)])
        except JobNotFound as missing:
            return wire.job_from_run(model, run if run.status else await self._listed_run(model, run.run_id, missing))
        found = wire.job_from_details(model, run.run_id, wire.parse_details(body))
        if not run.status:
            run = await self._named_run(model, run.run_id)
        listed = wire.job_from_run(model, run)
        return replace(found, name=listed.name, user=listed.user, created_at=listed.created_at)

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """Return the newest runs of the models that changed last."""
        size = str(max(1, min(limit, LARGEST_LIST)))
        params = [("page_size", size), ("sort_by", "updated_at"), ("sort_order", "desc")]
        jobs: list[Job] = []
        for model in await self._models(params):
            jobs += [wire.job_from_run(model, run) for run in await self._runs(model, size)]
            if len(jobs) >= limit:
                break
        jobs.sort(key=lambda job: job.created_at.timestamp() if job.created_at else 0.0, reverse=True)
        return jobs[:limit]

    async def query_logs(self, query: LogQuery) -> LogPage:
        """See `Provider.query_logs`. The platform applies no filter.

        It is not documented whether `offset` counts before or after the level filter, so all levels are requested.
        Each request names the run, because the endpoints have different defaults.
        """
        model, run_id = references.model_and_run(query.job)
        if query.cursor is not None:
            run_id = run_of(query.cursor)
        elif run_id is None:
            run_id = (await self._newest_run(model)).run_id
        run = run_id

        async def fetch(offset: int, limit: int) -> NumberedPage:
            chunk = await self._log_chunk(model, run, offset, limit)
            count, total = len(chunk.lines or ()), chunk.total_lines
            if total is None:
                numbers = (line.line or 0 for line in chunk.lines or ())
                total = max(max(0, offset) + count + (count == limit and offset >= 0), *numbers, 0)
            first = max(0, total - count) if offset < 0 else offset
            return NumberedPage(total, first, wire.numbered_lines(chunk, first, query.start_ns or 0))

        return await read_page_by_offset(query, run, fetch)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """Return the run's training metrics by epoch. They have no timestamps, so the window does not apply."""
        model, run_id = references.model_and_run(query.job)
        params = [("run_id", run_id or (await self._newest_run(model)).run_id)]
        try:
            body = await self._get_page(model, "", [*params, ("resolution", str(MOST_POINTS))])
        except BadRequest:  # The largest resolution is not documented. Without the parameter there are 50 points.
            body = await self._get_page(model, "", params)
        return wire.parse_training_metrics(body)

    async def download_logs(self, job: JobRef, *, form: str = "txt") -> Download:
        """Return the run's raw log as a stream; `form` is `txt` or `json`."""
        if form not in ("txt", "json"):
            raise BadRequest(f"RiverGen has logs as txt and json, not as {form[:20]}.", provider=references.NAME)
        model, run_id = references.model_and_run(job)
        run = run_id or (await self._newest_run(model)).run_id

        async def fetch(offset: int, limit: int) -> wire.LogChunk:
            return await self._log_chunk(model, run, offset, limit)

        async def running() -> bool:
            return not (await self.get_job(references.run_ref(model, run))).state.is_terminal

        def open_stream(headers: Mapping[str, str]) -> AbstractAsyncContextManager[HttpStream]:
            return self._stream_page(model, "/logs/download", [("run_id", run), ("format", form)], headers)

        return await open_download(run, form, open_stream, fetch, running=running)

    async def _log_chunk(self, model: str, run: str, offset: int, limit: int) -> wire.LogChunk:
        start = ("tail", "true") if offset < 0 else ("offset", str(offset))
        params = [("run_id", run), ("level", "debug"), ("limit", str(limit)), start]

        async def ask() -> wire.LogChunk:
            return wire.parse_chunk(await self._get_page(model, "/logs", params))

        return await retry_on_malformed_response(ask)()

    async def _models(self, params: _Params) -> list[str]:
        """Call `GET /api/v1/models/`; the documented path is "/", and servers differ in the trailing slash."""
        response = await self._client.request("GET", "/api/v1/models/", params, accept=(307, 308, 404))
        if response.status != 200:
            response = await self._client.request("GET", "/api/v1/models", params, accept=(404,))
        if response.status == 404:
            text = "This RiverGen server does not list its models. Use a reference with a model: rivergen:<model_id>."
            raise NotSupported(text, provider=references.NAME)
        return wire.parse_models(response.body)

    async def _newest_run(self, model: str) -> wire.Run:
        runs = await self._runs(model, "1")
        if not runs:
            raise JobNotFound(f"RiverGen's model {model} has no training run yet.", provider=references.NAME)
        return runs[0]

    async def _listed_run(self, model: str, run_id: str, missing: JobNotFound) -> wire.Run:
        for run in await self._runs(model, str(LARGEST_LIST)):
            if run.run_id == run_id:
                return run
        raise missing

    async def _named_run(self, model: str, run_id: str) -> wire.Run:
        """Return the run with its name and author, which the details page lacks; asked for until there is an answer."""
        if run_id not in self._known_runs:
            try:
                found = await self._listed_run(model, run_id, JobNotFound(run_id, provider=references.NAME))
            except (RateLimited, Unavailable):
                return wire.Run(run_id)
            except ProviderError:
                found = wire.Run(run_id)
            if len(self._known_runs) >= _MAX_KNOWN_RUNS:
                self._known_runs.clear()
            self._known_runs[run_id] = found
        return self._known_runs[run_id]

    async def _runs(self, model: str, size: str) -> Sequence[wire.Run]:
        path = f"/api/v1/models/{path_segment(model)}/registry/training-runs"
        params = [("page_size", size), ("sort_by", "created_at"), ("sort_order", "desc")]
        return wire.parse_runs(await self._client.get(path, params))

    async def _get_page(self, model: str, ending: str, params: _Params) -> bytes:
        """Get a page under the documented path, or else under its alias; remember which one worked."""
        first, second = self._pages
        try:
            return await self._client.get(_path(model, first, ending), params)
        except JobNotFound:
            body = await self._client.get(_path(model, second, ending), params)
            self._pages.reverse()  # shared with the other priority's view
            return body

    @asynccontextmanager
    async def _stream_page(
        self, model: str, ending: str, params: _Params, headers: Mapping[str, str]
    ) -> AsyncIterator[HttpStream]:
        """Like `_get_page`, as a stream."""
        paths = [_path(model, pages, ending) for pages in self._pages]
        first, second = (self._client.stream("GET", path, params, headers) for path in paths)
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(first)
            except JobNotFound:
                answer = await stack.enter_async_context(second)
            yield answer


def _explain(response: HttpResponse) -> str | None:
    """Explain an error status and what to do."""
    if response.status == 401 and (b"AUTH_EXPIRED" in response.body or b"expired" in response.body):
        return (
            "says that the token has expired; tokens are valid for an hour: log in again (POST /api/auth/login) "
            "or refresh it (POST /api/auth/refresh) and set RIVERGEN_API_KEY, or use a personal access token"
        )
    return _EXPLANATIONS.get(response.status)


def _path(model: str, pages: str, ending: str) -> str:
    return f"/api/v1/models/{path_segment(model)}/{pages}{ending}"
