"""What every training platform looks like from inside trainwatch: the Provider protocol and its contract, in words.

`bot.providers.testing.ProviderContract` is the same contract as tests. How to add a platform: docs/providers.md.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries


@dataclass(frozen=True, slots=True)
class Download:
    """A raw log artifact as it streams in. Memory does not grow with its size."""

    filename: str
    """What the remote calls it, made safe: a bare file name, never a path, never empty."""
    content_type: str
    chunks: AsyncIterator[bytes]


class Priority(enum.Enum):
    """Who waits for a request. Interactive requests go ahead of background ones."""

    INTERACTIVE = "interactive"
    """A person waits for the answer."""
    BACKGROUND = "background"
    """The watcher polls."""


class Provider(Protocol):
    """An adapter to one training platform.

    Every method raises only `bot.errors.ProviderError` and its children. Every call has a time limit and its retries
    have an end. The key appears in no error text and no `repr`.
    """

    @property
    def name(self) -> str:
        """The word before the colon of a reference."""
        ...

    def parse_ref(self, text: str) -> JobRef | None:
        """The job that a dashboard URL of this platform or the id part of a reference names, None when neither.

        Pure. `text` is either a whole URL or what stands behind `name:`.
        """
        ...

    @property
    def ref_help(self) -> str:
        """The form of a reference with an example, for messages: `baseten:<project_id>/<job_id>`."""
        ...

    async def get_job(self, job: JobRef) -> Job:
        """The job as the platform has it now; `Job.ref` is the whole address, also when a short one was asked for.

        Raises:
            JobNotFound: there is no such job.
        """
        ...

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """The newest jobs first, at most `limit`."""
        ...

    async def query_logs(self, query: LogQuery) -> LogPage:
        """One page of a job's log.

        Lines come in the order asked for, in UTC; a page is never longer than `query.limit`; following cursors to
        the end gives each line exactly once, also when lines share a timestamp, and true duplicates as often as they
        were said. An empty range is an empty page with `more` false. What cannot be read although it is there is a
        Gap in the page.

        Raises:
            NotSupported: this platform has no logs to page through.
        """
        ...

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """The job's metric series in a window, samples oldest first; a series without samples may be left out.

        Raises:
            NotSupported: this platform has no metrics.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


@dataclass(frozen=True, slots=True)
class RequestRate:
    """How hard one remote is asked."""

    last_minute: int
    """Requests that began in the last 60 seconds."""
    max_per_minute: int
    """More than these are never begun in any 60 seconds: the sustained rate, and one burst after a pause."""


@runtime_checkable
class SupportsPriority(Protocol):
    """A provider that can send its requests with another priority."""

    def with_priority(self, priority: Priority) -> Provider:
        """Return a view of this provider with the given priority. Both share connections and rate limits."""
        ...


@runtime_checkable
class ReportsRequestRate(Protocol):
    """A provider that can tell how hard it asks its platform."""

    def request_rate(self) -> RequestRate:
        """Requests of the last minute, and the most it makes in one."""
        ...


@runtime_checkable
class JobWithMetrics(Protocol):
    """A provider whose platform says in one answer how a job stands and what was measured of it."""

    async def query_job_metrics(self, query: MetricQuery) -> tuple[Job | None, Sequence[MetricSeries]]:
        """The job as `get_job` gives it, None when this answer lacks it; and what `query_metrics` gives."""
        ...


@runtime_checkable
class Downloads(Protocol):
    """A provider that can hand out a job's raw log artifact as a stream."""

    async def download_logs(self, job: JobRef, *, form: str = "txt") -> Download:
        """Open the artifact; `form` is `txt` or `json`. The caller reads `chunks` to the end or closes it."""
        ...


def settings_prefix(provider: str) -> str:
    """Return the prefix of a provider's settings, in lower case: `baseten` for `baseten-model`."""
    return provider.partition("-")[0].replace(".", "_").lower()
