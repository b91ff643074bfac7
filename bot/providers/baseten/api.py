"""Call Baseten's management API: client, paths, and endpoints that older versions serve by POST.

Source: https://docs.baseten.co/reference/training-api (read 2026-11-20; documented): logs and metrics are GET with
query parameters; the older POST with a JSON body is deprecated and still served. `Authorization: Api-Key` is in every
document, `Bearer` only in the newest. Rate limits and the error format are not documented. Observed as errors:
`{"code", "message"}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.providers.http.client import HttpClient, HttpLimits, LimiterPool, path_segment, require_setting

DEFAULT_BASE_URL = "https://api.baseten.co"
_KEYS_PAGE = "https://app.baseten.co/settings/api_keys"
_REFUSED = frozenset({404, 405, 501})


def make_client(name: str, config: Mapping[str, str], limiters: LimiterPool) -> HttpClient:
    """Return the client for `BASETEN_API_KEY` at `BASETEN_BASE_URL`.

    Raises:
        ConfigError: the key is missing, or a setting cannot be read.
    """
    key = require_setting(config, "baseten_api_key", _KEYS_PAGE)
    base_url = config.get("baseten_base_url", "").strip() or DEFAULT_BASE_URL
    headers = {"Authorization": f"Api-Key {key}"}
    limiter = limiters.limiter_for(base_url, headers, HttpLimits.from_config("baseten", config))
    return HttpClient(name, base_url, headers, secrets=[key], limiter=limiter)


def training_path(project_id: str, job_id: str, rest: str = "") -> str:
    """Return `/v1/training_projects/<project>/jobs/<job>` and what follows it."""
    return f"/v1/training_projects/{path_segment(project_id)}/jobs/{path_segment(job_id)}{rest}"


def deployment_path(model_id: str, deployment_id: str, rest: str = "") -> str:
    """Return `/v1/models/<model>/deployments/<deployment>` and what follows it."""
    return f"/v1/models/{path_segment(model_id)}/deployments/{path_segment(deployment_id)}{rest}"


class EitherMethod:
    """Calls an endpoint that is served by GET, by POST or by both, and remembers which one answered.

    A 404 may mean the route or the job. The job is missing when both methods refuse and one of them with 404.
    """

    def __init__(self) -> None:
        self._first = "GET"

    @property
    def method(self) -> str:
        """The method tried first: GET, or the one that answered last."""
        return self._first

    async def ask(
        self,
        client: HttpClient,
        path: str,
        fields: Mapping[str, int | str],
        newer: Sequence[tuple[str, str]] = (),
    ) -> bytes:
        """Return the body of the response.

        Args:
            client: sends the requests.
            path: the path of the endpoint.
            fields: parameters of both methods.
            newer: query parameters of GET alone; POST ignores them.
        """
        refused = []
        for method in (self._first, "POST" if self._first == "GET" else "GET"):
            if method == "GET":
                params = [*((key, str(value)) for key, value in fields.items()), *newer]
                reply = await client.request("GET", path, params, accept=_REFUSED)
            else:
                reply = await client.request("POST", path, json=dict(fields), accept=_REFUSED)
            if reply.status not in _REFUSED:
                self._first = method
                return reply.body
            refused.append(reply)
        client.raise_for(next((reply for reply in refused if reply.status == 404), refused[0]))
        raise AssertionError  # pragma: no cover - a refused status always raises
