"""Share pages of logs among commands that ask for the same at once: a burst must not use up the rate limit."""

import asyncio
import contextvars
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.providers.base import JobSource
from bot.providers.budget import BudgetLimits, CommandBudget, current_limits, spending


@dataclass(slots=True)
class _Fetch:
    """A page that is being requested, and how many commands wait for it."""

    task: asyncio.Task[LogPage]
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class SharedPages:
    """The pages that are being requested now."""

    fetches: dict[LogQuery, _Fetch] = field(default_factory=dict)

    async def query_logs(self, source: JobSource, query: LogQuery) -> LogPage:
        """As `JobSource.query_logs`. A command that stops ends only its own wait; the last one ends the request.

        Only a page that takes few requests is shared: what searches a time range is bounded by its command's budget.

        Raises:
            ProviderError: as the request that all of them share.
        """
        if query != LogQuery(query.job, order=query.order, limit=query.limit):
            return await source.query_logs(query)
        fetch = self.fetches.get(query)
        if fetch is None:
            # Without the context of this command: its budget must not end the request of others.
            reading = _fetch(source, query, current_limits())
            task = asyncio.create_task(reading, context=contextvars.Context())
            fetch = self.fetches[query] = _Fetch(task)
            task.add_done_callback(lambda _task: self._forget(query, task))
        fetch.waiting += 1
        try:
            return await asyncio.shield(fetch.task)
        finally:
            fetch.waiting -= 1
            if not fetch.waiting and not fetch.task.done():
                self._forget(query, fetch.task)
                fetch.task.cancel()

    def _forget(self, query: LogQuery, task: asyncio.Task[LogPage]) -> None:
        if (fetch := self.fetches.get(query)) is not None and fetch.task is task:
            del self.fetches[query]
        if task.done() and not task.cancelled():
            task.exception()  # every waiter may have stopped


async def _fetch(source: JobSource, query: LogQuery, limits: BudgetLimits) -> LogPage:
    """Request the page within a separate budget."""
    with spending(CommandBudget(limits)):
        return await source.query_logs(query)


@dataclass(frozen=True, slots=True)
class SharingSource:
    """A JobSource whose pages of logs are shared."""

    source: JobSource
    pages: SharedPages

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.source.name

    async def get_job(self, job: JobRef) -> Job:
        """As `JobSource.get_job`."""
        return await self.source.get_job(job)

    async def query_logs(self, query: LogQuery) -> LogPage:
        """As `JobSource.query_logs`."""
        return await self.pages.query_logs(self.source, query)

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """As `JobSource.query_metrics`."""
        return await self.source.query_metrics(query)
