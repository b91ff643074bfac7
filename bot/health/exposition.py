"""Set the gauges of `bot.metrics` and write all metrics in Prometheus' text format."""

import asyncio
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bot import metrics
from bot.domain.checks import CheckResult
from bot.domain.durations import Clock
from bot.errors import StoreUnavailable
from bot.health.canary import Canary
from bot.health.monitor import HealthMonitor
from bot.providers.registry import Registry
from bot.store.schema import SCHEMA_VERSION
from bot.store.store import Store

CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(slots=True)
class Exposition:
    """The metrics of the running bot."""

    store: Store
    registry: Registry
    monitor: HealthMonitor
    canary: Canary
    clock: Clock
    jumps: int = 0
    started_at: datetime | None = None
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What was already added to the counter."""

    def __post_init__(self) -> None:
        self.started_at = self.clock()
        metrics.BUILD_INFO.labels(version("trainwatch"), platform.python_version(), SCHEMA_VERSION).set(1)

    async def write(self) -> bytes:
        """Return all metrics. Without a database, those that it counts keep their last values."""
        results = self.monitor.results()
        self._set_health(results)
        self._set_http()
        try:
            await self._set_stored()
        except StoreUnavailable:
            metrics.DATABASE_UP.set(0)
        return await asyncio.to_thread(generate_latest, metrics.REGISTRY)

    def _set_health(self, results: Sequence[CheckResult]) -> None:
        metrics.READY.set(all(one.ok for one in results))
        metrics.DATABASE_UP.set(_all_ok(results, "Database"))
        metrics.SLACK_UP.set(_all_ok(results, "Slack"))
        for name, age_s in self.monitor.loop_ages_s().items():
            metrics.LOOP_AGE.labels(name).set(age_s)
        for name, is_reachable in self.monitor.platforms().items():
            metrics.PLATFORM_REACHABLE.labels(name).set(is_reachable)
        reading = self.monitor.clock()
        metrics.CLOCK_OFFSET.set(reading.offset.total_seconds())
        metrics.CLOCK_JUMPS.inc(reading.jumps - self.jumps)
        self.jumps = reading.jumps
        since = self.canary.arrived_at or self.started_at or self.clock()
        metrics.CANARY_AGE.set((self.clock() - since).total_seconds())

    def _set_http(self) -> None:
        for name, rate in self.registry.request_rates().items():
            for status, count in rate.responses.items():
                metrics.HTTP_REQUESTS.labels(name, status).inc(count - self.requests[name, status])
                self.requests[name, status] = count

    async def _set_stored(self) -> None:
        now = self.clock()
        metrics.POLL_LAG.set((await self.store.watches.overdue(now)).total_seconds())
        statistics = await self.store.statistics(now)
        for severity, waiting in statistics.waiting.items():
            metrics.QUEUE_DEPTH.labels(severity).set(waiting.count)
            metrics.QUEUE_AGE.labels(severity).set(waiting.oldest.total_seconds())
        for state, count in statistics.incidents.items():
            metrics.INCIDENTS.labels(state).set(count)
        _set_jobs(statistics.jobs)


def _set_jobs(jobs: Mapping[str, int]) -> None:
    metrics.JOBS.clear()
    for name, count in jobs.items():
        metrics.JOBS.labels(name).set(count)


def _all_ok(results: Sequence[CheckResult], prefix: str) -> bool:
    return all(one.ok for one in results if one.subject.startswith(prefix))
