"""The Provider protocol: the interface to every training platform.

`bot.providers.testing.ProviderContract` tests it. To add a platform, see docs/providers.md.
"""

import enum
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from bot.domain.jobs import Job, JobRef
from bot.domain.logs import LogPage, LogQuery
from bot.domain.metrics import MetricQuery, MetricSeries
from bot.domain.runs import QueuePosition
from bot.errors import NotSupported


@dataclass(frozen=True, slots=True)
class Download:
    """A raw log artifact as a stream, so that memory does not grow with its size."""

    filename: str
    """The platform's name for it, made safe: a file name, never a path, never empty."""
    content_type: str
    chunks: AsyncIterator[bytes]
    """The bytes as the platform serves them."""
    notes: list[str] = field(default_factory=list)
    """Sentences for people about the file, such as how it was completed; final once `chunks` has ended."""


class Priority(enum.Enum):
    """Who waits for a request. Each priority keeps a share of the rate and of the slots."""

    INTERACTIVE = "interactive"
    """A person waits for the answer."""
    BACKGROUND = "background"
    """The watcher polls."""


class JobSource(Protocol):
    """The part of a Provider that `bot.providers.observe` reads; a replay reads it from a job's history.

    Methods raise only `bot.errors.ProviderError` and its subclasses.
    """

    @property
    def name(self) -> str:
        """The provider's name, the prefix of a job reference."""

    async def get_job(self, job: JobRef) -> Job:
        """Return the current state of a job. `Job.ref` is the full reference, even if `job` is a short one.

        Raises:
            JobNotFound: the job does not exist.
        """

    async def query_logs(self, query: LogQuery) -> LogPage:
        """Return one page of a job's log.

        Lines are in the order of the query, and at most `query.limit`. Following cursors to the end returns each line
        exactly once, even if lines share a timestamp, and duplicates as often as they occur. An empty range is an
        empty page with `more` false. A Gap in the page reports lines that exist but cannot be read.

        Raises:
            NotSupported: the platform has no logs to page through.
        """

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        """Return the job's metric series in a window, oldest sample first; may leave out series without samples.

        Raises:
            NotSupported: the platform has no metrics.
        """


class Provider(JobSource, Protocol):
    """An adapter to one training platform.

    Calls have a deadline and a limited number of retries. Error texts and `repr` never contain the key.
    """

    @property
    def ref_help(self) -> str:
        """The form of a reference, for messages: `baseten:<project_id>/<job_id>`."""

    def parse_ref(self, text: str) -> JobRef | None:
        """Return the job that `text` names: a whole URL, or the part of a reference after `name:`; else None. Pure."""

    async def list_jobs(self, *, limit: int) -> Sequence[Job]:
        """Return the newest jobs, newest first, at most `limit`."""

    async def aclose(self) -> None:
        """Close connections."""


@dataclass(frozen=True, slots=True)
class RequestRate:
    """The number of requests to one remote."""

    last_minute: int
    """Requests that began in the last 60 seconds."""
    max_per_minute: int
    """The maximum in any 60 seconds: the sustained rate, and one burst after a pause."""
    responses: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Requests since the start by the status of the response; `error`: there was none."""


@runtime_checkable
class SupportsPriority(Protocol):
    """A provider that can send its requests with another priority."""

    def with_priority(self, priority: Priority) -> Provider:
        """Return a view of this provider with the given priority. Both share connections and rate limits."""


@runtime_checkable
class ReportsRequestRate(Protocol):
    """A provider that reports its request rate."""

    def request_rate(self) -> RequestRate:
        """Return the requests of the last minute and the maximum per minute."""


@runtime_checkable
class DeclaresMetrics(Protocol):
    """A provider that states whether a job has metrics, so that nobody is offered any in vain."""

    def has_metrics(self, job: JobRef) -> bool:
        """Return whether the platform has metrics of such a job. Needs no request."""


@runtime_checkable
class JobWithMetrics(Protocol):
    """A provider whose platform returns a job and its metrics in one response."""

    async def query_job_metrics(self, query: MetricQuery) -> tuple[Job | None, Sequence[MetricSeries]]:
        """Return the job as from `get_job`, None if the response lacks it, and the series as from `query_metrics`."""


@runtime_checkable
class ExplainsQueue(Protocol):
    """A provider whose platform may explain why a job waits."""

    async def query_queue(self, job: JobRef) -> QueuePosition | None:
        """Return the position of a queued job; None if the key may not know it."""


@runtime_checkable
class Downloads(Protocol):
    """A provider that can stream a job's raw log artifact."""

    async def download_logs(self, job: JobRef, *, form: str = "txt") -> Download:
        """Open the artifact; `form` is `txt` or `json`. The caller must read `chunks` to the end or close it.

        Raises:
            NotSupported: this job has no such artifact; its lines can be read as usual.
        """


def require_applied(query: LogQuery, page: LogPage) -> None:
    """Check that the platform applied the filters of which a line shows nothing: trainwatch cannot apply them.

    Raises:
        NotSupported: it did not.
    """
    if query.filter.component is not None and "component" not in page.pushed_down:
        provider = query.job.provider
        raise NotSupported(f"{provider} cannot filter by component; leave out --component.", provider=provider)


def settings_prefix(provider: str) -> str:
    """Return the prefix of a provider's settings, in lower case: `baseten` for `baseten-model`."""
    return provider.partition("-")[0].replace(".", "_").lower()
