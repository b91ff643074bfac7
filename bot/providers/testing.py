"""Tests that every provider must pass: subclass `ProviderContract` and override its `subject`.

Needs pytest, pytest-asyncio in "auto" mode, and a remote that can be made to fail, such as the emulator. See
docs/providers.md.

    class TestAcme(ProviderContract):
        @pytest.fixture
        async def subject(self) -> AsyncIterator[Subject]:
            async with fake_acme() as remote:
                config = {"acme_api_key": "k-123", "acme_base_url": remote.url, "acme_timeout_s": "0.5"}
                provider = create(config, LimiterPool())
                yield Subject(provider, job=..., lines=..., missing=..., secret="k-123", failing=remote.failing)
                await provider.aclose()
"""

import enum
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, timedelta

import httpx
import pytest

from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.domain.metric_validation import validate_series
from bot.domain.metrics import MetricQuery
from bot.errors import AuthFailed, JobNotFound, NotSupported, ProtocolError, ProviderError, RateLimited, Unavailable
from bot.providers.base import JobWithMetrics, Provider

RETRY_AFTER = timedelta(seconds=1)


class RemoteFailure(enum.StrEnum):
    """What the remote does with every request."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    RATE_LIMITED = "429"
    RATE_LIMITED_FOR_ONE_SECOND = "429 with Retry-After: 1"
    SERVER_ERROR = "500"
    SILENCE = "no response within the provider's deadline"
    CUT_OFF = "a body that ends early, its connection broken"
    TRUNCATED = "a body that ends early and looks complete"
    HTML = "200 and an HTML page instead of JSON"


EXPECTED: dict[RemoteFailure, type[ProviderError]] = {
    RemoteFailure.UNAUTHORIZED: AuthFailed,
    RemoteFailure.FORBIDDEN: AuthFailed,
    RemoteFailure.NOT_FOUND: JobNotFound,
    RemoteFailure.RATE_LIMITED: RateLimited,
    RemoteFailure.RATE_LIMITED_FOR_ONE_SECOND: RateLimited,
    RemoteFailure.SERVER_ERROR: Unavailable,
    RemoteFailure.SILENCE: Unavailable,
    RemoteFailure.CUT_OFF: Unavailable,
    RemoteFailure.TRUNCATED: ProtocolError,
    RemoteFailure.HTML: ProtocolError,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A provider in front of a remote that holds a known job."""

    provider: Provider
    """With a deadline and a retry budget of well under a second."""
    job: JobRef
    """Its full reference."""
    lines: tuple[LogLine, ...]
    """The whole log, oldest first: at least 250 lines, some with equal timestamps, at least one duplicate."""
    missing: JobRef
    """A well-formed reference to a job that does not exist."""
    secret: str
    """The key; the remote may repeat it in its errors."""
    failing: Callable[[RemoteFailure], AbstractContextManager[None]]
    """Makes the remote fail within the context."""


class FakeTransport(httpx.MockTransport):
    """Answers a client's requests from a function, without a network.

    `request.url` is the whole address, although `HttpClient` sends path and query in the extension `target`.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Call the function and return its response."""
        request.url = request.url.copy_with(raw_path=request.extensions["target"])
        return await super().handle_async_request(request)


class ProviderContract:
    """Tests the rules of `bot.providers.base.Provider`."""

    @pytest.fixture
    async def subject(self) -> Subject:
        """Return the provider to test. Override this."""
        raise NotImplementedError

    def test_own_references_are_parsed_and_others_are_not(self, subject: Subject) -> None:
        """`parse_ref` takes the id part of a reference, and returns None for foreign text."""
        assert subject.job == subject.provider.parse_ref(subject.job.id)
        assert subject.provider.name == subject.job.provider
        for foreign in ("https://example.com/a/b", "no spaces allowed/here now", ""):
            assert subject.provider.parse_ref(foreign) is None

    async def test_a_job_has_its_full_reference(self, subject: Subject) -> None:
        """Times are aware and in UTC."""
        job = await subject.provider.get_job(subject.job)
        assert subject.job == job.ref
        times = (job.created_at, job.started_at, job.updated_at, job.ended_at)
        assert all(at is None or at.tzinfo is UTC for at in times)

    async def test_a_missing_job_raises_job_not_found(self, subject: Subject) -> None:
        """`get_job` and `query_logs` raise it."""
        with pytest.raises(JobNotFound):
            await subject.provider.get_job(subject.missing)
        with pytest.raises(JobNotFound):
            await subject.provider.query_logs(LogQuery(subject.missing))

    async def test_jobs_are_listed_newest_first_up_to_the_limit(self, subject: Subject) -> None:
        """A platform without a list raises NotSupported."""
        try:
            jobs = await subject.provider.list_jobs(limit=1000)
        except NotSupported:
            return
        assert subject.job in {job.ref for job in jobs}
        times = [job.created_at for job in jobs if job.created_at]
        assert sorted(times, reverse=True) == times
        assert len(await subject.provider.list_jobs(limit=1)) == 1

    @pytest.mark.parametrize("order", list(Order))
    @pytest.mark.parametrize("limit", [40, 1000])
    async def test_every_line_is_read_once_and_in_order(self, subject: Subject, order: Order, limit: int) -> None:
        """This includes lines with equal timestamps, and duplicates as often as they occur."""
        pages = await _pages(subject, LogQuery(subject.job, order=order, limit=limit))
        lines = [line for page in pages for line in page.lines]
        assert Counter(subject.lines) == Counter(lines)
        stamps = [line.timestamp_ns for line in lines]
        assert sorted(stamps, reverse=order is Order.DESC) == stamps
        assert max(len(page.lines) for page in pages) <= limit

    async def test_bounds_are_inclusive_to_the_nanosecond(self, subject: Subject) -> None:
        """On both sides of a range."""
        first, last = subject.lines[40].timestamp_ns, subject.lines[140].timestamp_ns
        pages = await _pages(subject, LogQuery(subject.job, start_ns=first, end_ns=last))
        expected = [line for line in subject.lines if first <= line.timestamp_ns <= last]
        assert Counter(expected) == Counter(line for page in pages for line in page.lines)

    async def test_an_empty_range_gives_an_empty_page(self, subject: Subject) -> None:
        """The page is the last one."""
        last_ns = subject.lines[-1].timestamp_ns
        query = LogQuery(subject.job, start_ns=last_ns + 10**9, end_ns=last_ns + 2 * 10**9)
        page = await subject.provider.query_logs(query)
        assert (list(page.lines), page.more, page.gaps) == ([], False, ())

    async def test_a_follower_reads_each_line_once_over_many_polls(self, subject: Subject) -> None:
        """The cursor is the only state, so another process can resume from it."""
        query, taken = LogQuery(subject.job, limit=100, follow=True), list[LogLine]()
        for _ in range(3):
            pages = await _pages(subject, query)
            taken += [line for page in pages for line in page.lines]
            assert pages[-1].cursor is not None
            query = replace(query, cursor=pages[-1].cursor)
        assert Counter(subject.lines) == Counter(taken)

    async def test_samples_of_a_metric_are_oldest_first(self, subject: Subject) -> None:
        """A platform without metrics raises NotSupported."""
        try:
            found = await subject.provider.query_metrics(MetricQuery(subject.job))
        except NotSupported:
            return
        for series in found:
            times = [point.at for point in series.points if point.at]
            assert sorted(times) == times
            assert all(at.tzinfo is UTC for at in times)

    async def test_samples_that_cannot_be_true_are_left_out(self, subject: Subject) -> None:
        """Use `bot.providers.validate_series` where the answer is decoded."""
        try:
            found = tuple(await subject.provider.query_metrics(MetricQuery(subject.job)))
        except NotSupported:
            return
        assert found == validate_series(found)

    async def test_the_job_returned_with_metrics_equals_get_job(self, subject: Subject) -> None:
        """For platforms that return both in one response."""
        if isinstance(subject.provider, JobWithMetrics):
            job, _ = await subject.provider.query_job_metrics(MetricQuery(subject.job))
            assert job in (None, await subject.provider.get_job(subject.job))

    @pytest.mark.parametrize("failure", list(RemoteFailure))
    async def test_failures_raise_the_documented_error_without_the_key(
        self, subject: Subject, failure: RemoteFailure
    ) -> None:
        """This holds for status and logs, and the provider works again afterwards."""
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: subject.provider.get_job(subject.job),
            lambda: subject.provider.query_logs(LogQuery(subject.job, start_ns=subject.lines[0].timestamp_ns)),
        )
        for call in calls:
            with subject.failing(failure), pytest.raises(ProviderError) as caught:
                await call()
            assert EXPECTED[failure] is type(caught.value), repr(caught.value)
            assert subject.secret not in f"{caught.value} {caught.value!r} {caught.value.public}"
            if failure is RemoteFailure.RATE_LIMITED_FOR_ONE_SECOND:
                waited = caught.value.retry_after
                assert waited is not None
                assert timedelta(0) < waited <= RETRY_AFTER

    def test_repr_does_not_contain_the_key(self, subject: Subject) -> None:
        """Tools that print tracebacks show `repr`."""
        assert subject.secret not in repr(subject.provider)


async def _pages(subject: Subject, query: LogQuery) -> list[LogPage]:
    pages = [await subject.provider.query_logs(query)]
    while pages[-1].more:
        assert pages[-1].cursor is not None
        assert len(pages) < 2000, "the pages do not end"
        pages.append(await subject.provider.query_logs(replace(query, cursor=pages[-1].cursor)))
    return pages
