"""Request the metrics of deployments and environments: what to ask for, and what was learned about the platform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.jobs import Resources
from bot.domain.metric_validation import validate_series
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import BadRequest, NotSupported
from bot.providers.baseten.deployment_metrics import METRIC_NAMES, deployment_series
from bot.providers.baseten.metric_windows import PercentMetrics, remember, window_millis
from bot.providers.baseten.references import DEPLOYMENT
from bot.providers.baseten.wire import WireDeploymentMetrics
from bot.providers.decoding import decode_body
from bot.providers.http.client import HttpClient

_ASK_AGAIN_AFTER = timedelta(hours=1)
_NO_METRICS = {
    403: "Baseten does not let this key read metrics of deployments.",
    **dict.fromkeys((404, 405, 410, 501), "Baseten does not serve metrics of this deployment."),
}
"""Statuses that are not an outage: the status of the deployment shows that it exists and that the key is valid."""


class DeploymentMetricsReader:
    """Reads metrics. The endpoint is in beta (documented), so it may be missing, not allowed, or lack a metric."""

    def __init__(self) -> None:
        self._percent = PercentMetrics()
        self._names: Sequence[str] = METRIC_NAMES
        """What to ask for; empty for the platform's default set, once it has refused a name."""
        self._without: dict[str, tuple[datetime, str]] = {}
        """By path, since when and why metrics are missing."""

    async def read(
        self, client: HttpClient, path: str, query: MetricQuery, limits: Resources, now: datetime
    ) -> Sequence[MetricSeries]:
        """Return the validated series of one window, or of a snapshot without one.

        Raises:
            NotSupported: the metrics are missing or not allowed; the platform is asked again after an hour.
        """
        known = self._without.get(path)
        if known is not None and timedelta(0) <= now - known[0] < _ASK_AGAIN_AFTER:
            raise NotSupported(known[1], provider=DEPLOYMENT)
        window = window_millis(query)
        params = [("mode", "SERIES" if window else "CURRENT"), *((key, str(value)) for key, value in window.items())]
        reply = decode_body(WireDeploymentMetrics, await self._get(client, path, params, now), DEPLOYMENT)
        percent = self._percent.of(query.job.id)
        found = validate_series(deployment_series(reply, limits), latest=query.end or now, percent=percent)
        self._percent.remember(query.job.id, found)
        return found

    async def _get(self, client: HttpClient, path: str, params: Sequence[tuple[str, str]], now: datetime) -> bytes:
        try:
            asked = [*params, *(("metrics", name) for name in self._names)]
            reply = await client.request("GET", path, asked, accept=_NO_METRICS)
        except BadRequest:
            if not self._names:
                raise
            reply = await client.request("GET", path, params, accept=_NO_METRICS)
            self._names = ()
        if text := _NO_METRICS.get(reply.status):
            remember(self._without, path, (now, text))
            raise NotSupported(text, provider=DEPLOYMENT)
        return reply.body


def on_whole_minutes(query: MetricQuery) -> MetricQuery:
    """Begin on a whole minute: steps are counted from the start, so those of consecutive polls are the same."""
    return query if query.start is None else replace(query, start=query.start.replace(second=0, microsecond=0))
