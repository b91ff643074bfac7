"""Call Baseten's management API: client, paths, pages of logs, and endpoints that older versions serve by POST.

Source: https://docs.baseten.co/reference/training-api (read 2026-11-20; documented): logs and metrics are GET with
query parameters; the older POST with a JSON body is deprecated and still served. `Authorization: Api-Key` is in every
document, `Bearer` only in the newest, which prefers it; `Bearer` is sent where `Api-Key` is refused. Rate limits and
the error format are not documented. Observed as errors: `{"code", "message"}`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogPage, LogQuery
from bot.providers.http.client import HttpClient, HttpLimits, LimiterPool, path_segment, require_setting
from bot.providers.paging.time_windows import Endpoint, FetchWindow, TimeWindow, read_page_by_time

DEFAULT_BASE_URL = "https://api.baseten.co"
_KEYS_PAGE = "https://app.baseten.co/settings/api_keys"
_REFUSED = frozenset({404, 405, 501})
LONGEST_WINDOW = timedelta(days=7)
"""Of one request for logs or metrics (documented; observed: "The window from start to end must not exceed 7 days")."""
LEVEL_WORDS = ("ERROR", "WARNING", "INFO", "DEBUG")
"""Baseten's levels, highest first."""
_BEFORE_CREATION = timedelta(minutes=1)
_ASSUMED_AGE = timedelta(days=30)


def make_client(name: str, config: Mapping[str, str], limiters: LimiterPool) -> HttpClient:
    """Return the client for `BASETEN_API_KEY` at `BASETEN_BASE_URL`; raise ConfigError for a missing or bad setting."""
    key = require_setting(config, "baseten_api_key", _KEYS_PAGE)
    base_url = config.get("baseten_base_url", "").strip() or DEFAULT_BASE_URL
    headers = {"Authorization": f"Api-Key {key}"}
    limiter = limiters.limiter_for(base_url, headers, HttpLimits.from_config("baseten", config))
    client = HttpClient(name, base_url, headers, secrets=[key], limiter=limiter)
    return client.with_fallback({"Authorization": f"Bearer {key}"})


def training_path(project_id: str, job_id: str, rest: str = "") -> str:
    """Return `/v1/training_projects/<project>/jobs/<job>` and what follows it."""
    return f"/v1/training_projects/{path_segment(project_id)}/jobs/{path_segment(job_id)}{rest}"


def deployment_path(model_id: str, deployment_id: str, rest: str = "") -> str:
    """Return `/v1/models/<model>/deployments/<deployment>` and what follows it."""
    return f"/v1/models/{path_segment(model_id)}/deployments/{path_segment(deployment_id)}{rest}"


def environment_path(model_id: str, name: str, rest: str = "") -> str:
    """Return `/v1/models/<model>/environments/<name>` and what follows it."""
    return f"/v1/models/{path_segment(model_id)}/environments/{path_segment(name)}{rest}"


def chain_path(chain_id: str, deployment_id: str, rest: str = "") -> str:
    """Return `/v1/chains/<chain>/deployments/<deployment>` and what follows it."""
    return f"/v1/chains/{path_segment(chain_id)}/deployments/{path_segment(deployment_id)}{rest}"


def log_endpoint() -> Endpoint:
    """Return the bounds of Baseten's log endpoints.

    Source: https://docs.baseten.co/reference/training-api/get-training-job-logs (read 2026-11-20). Documented: at most
    1,000 lines, the window at most 7 days. Observed in an older client: "2 hours", "maximum time delta allowed".
    """
    return Endpoint(longest=LONGEST_WINDOW, fallback=timedelta(hours=2))


def window_fields(window: TimeWindow) -> dict[str, int | str]:
    """Return the request parameters of a window."""
    return {
        "start_epoch_millis": window.start_ms,
        "end_epoch_millis": window.end_ms,
        "direction": window.order.value,
        "limit": window.limit,
    }


async def read_log_page(
    query: LogQuery,
    endpoint: Endpoint,
    fetches: Sequence[FetchWindow],
    get_job: Callable[[JobRef], Awaitable[Job]],
    now: datetime,
) -> LogPage:
    """Read one page of a log, at the earliest from the creation of its job.

    Without a start in the request the platform returns only the last half hour. `fetches` send one request, for the
    query and for each narrower one.
    """
    start_ns, now_ns = query.start_ns or 0, ns_from_datetime(now)
    end_ns = now_ns if query.end_ns is None else query.end_ns
    if query.cursor is None and end_ns - start_ns > endpoint.longest // timedelta(microseconds=1) * 1000:
        created_at = (await get_job(query.job)).created_at or now - _ASSUMED_AGE
        start_ns = max(start_ns, ns_from_datetime(created_at - _BEFORE_CREATION))
        if end_ns < start_ns and not query.follow:
            return LogPage((), None, more=False)
    return await read_page_by_time(query, endpoint, fetches[0], start_ns=start_ns, now_ns=now_ns, narrower=fetches[1:])


class EitherMethod:
    """Calls an endpoint that is served by GET, by POST or by both, and remembers which one answered.

    A 404 may mean the route or the job. The job is missing when both methods refuse and one of them with 404.
    """

    def __init__(self) -> None:
        self.method = "GET"
        """The method tried first: GET, or the one that answered last."""

    async def ask(
        self, client: HttpClient, path: str, fields: Mapping[str, int | str], newer: Sequence[tuple[str, str]] = ()
    ) -> bytes:
        """Return the body of the response. `fields` are parameters of both methods, `newer` only of GET."""
        refused = []
        for method in (self.method, "POST" if self.method == "GET" else "GET"):
            if method == "GET":
                params = [*((key, str(value)) for key, value in fields.items()), *newer]
                reply = await client.request("GET", path, params, accept=_REFUSED)
            else:
                reply = await client.request("POST", path, json=dict(fields), accept=_REFUSED)
            if reply.status not in _REFUSED:
                self.method = method
                return reply.body
            refused.append(reply)
        client.raise_for(next((reply for reply in refused if reply.status == 404), refused[0]))
        raise AssertionError  # pragma: no cover - a refused status always raises
