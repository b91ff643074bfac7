"""A model of a training platform: jobs that log errors, fail, recover and end at the times a scenario says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.logs import LogLine, LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.errors import Unavailable
from tests.fakes.provider import FakeProvider
from tests.simulation.incarnation import leave_process
from tests.simulation.scenario import epoch

_Query = TypeVar("_Query")
_Result = TypeVar("_Result")


@dataclass
class SimulatedPlatform(FakeProvider):
    """The platform as every simulated process sees it."""

    random: random.Random = field(default_factory=random.Random)
    now: Callable[[], datetime] = datetime.now
    outages: tuple[tuple[datetime, datetime], ...] = ()
    error_rate: float = 0.0
    slow_rate: float = 0.0
    faults_until: datetime | None = None
    received_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """When a process last got a job's state (`job`) or log (`logs`), by job."""

    def log_now(self, job_id: str, message: str) -> None:
        """Append a line with the current time."""
        self.logs.setdefault(job_id, []).append(LogLine(ns_from_datetime(self.now()), message))

    def change(self, job_id: str, state: JobState) -> None:
        """Change a job's state."""
        job = self.jobs[job_id]
        ended_at = self.now() if state.is_terminal else None
        self.jobs[job_id] = replace(job, state=state, vendor_status=state.upper(), ended_at=ended_at)

    def polled_at(self, job_id: str) -> datetime:
        """Since when nobody has got both the state and the log of a job."""
        return min(self.received_at.get((job_id, part), epoch()) for part in ("job", "logs"))

    async def get_job(self, job: JobRef) -> Job:
        found = await leave_process(self._answer(super().get_job, job))
        self.received_at[job.id, "job"] = self.now()
        return found

    async def query_logs(self, query: LogQuery) -> LogPage:
        found = await leave_process(self._answer(super().query_logs, query))
        self.received_at[query.job.id, "logs"] = self.now()
        return found

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        return await leave_process(self._answer(super().query_metrics, query))

    async def _answer(self, read: Callable[[_Query], Awaitable[_Result]], query: _Query) -> _Result:
        """Answer after a while, or not at all."""
        is_faulty = self.faults_until is None or self.now() < self.faults_until
        slow = is_faulty and self.random.random() < self.slow_rate
        await asyncio.sleep(3 * self.random.random() if slow else 0.1 * self.random.random())
        fails = is_faulty and self.random.random() < self.error_rate
        if fails or any(start <= self.now() < end for start, end in self.outages):
            raise Unavailable("The platform did not answer.", provider=self.name)
        return await read(query)
