"""The Fireworks provider meets the provider contract, against the emulator with all its quirks."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from bot.commands.handlers.jobs import read_status
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Part
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import LogFilter, LogLine, LogQuery, Order
from bot.domain.metrics import MetricQuery
from bot.errors import AuthFailed, BadRequest, JobNotFound, NotSupported
from bot.providers.fireworks import create
from bot.providers.fireworks.provider import FireworksProvider
from bot.providers.http.client import LimiterPool
from bot.providers.testing import ProviderContract, Subject
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import shipped_diagnosis_config
from emulator.faults import Fault
from emulator.logs import Line
from emulator.quirks import FireworksQuirks
from emulator.world import Status
from tests.fakes.cloud import KEYS, NOON, Cloud, running_cloud, some_lines

JOB = JobRef("fireworks", "acme/train-1")

QUIRKS = {
    "as documented": FireworksQuirks(),
    "zero values sent, unknown fields": FireworksQuirks(omit_zero_values=False, extra_fields=True),
    "capped and empty pages": FireworksQuirks(page_cap=37, empty_pages=True),
    "tokens that expire at once": FireworksQuirks(token_lifetime=timedelta(seconds=-1)),
}


def ranked(count: int) -> list[Line]:
    """Lines of eight ranks, without levels and request ids."""
    return [Line(line.timestamp_ns, line.message, rank=number % 8) for number, line in enumerate(some_lines(count))]


def as_read(line: Line) -> LogLine:
    return LogLine(line.timestamp_ns, line.message, rank=line.rank)


@pytest.fixture
async def cloud(response_timeout_s: float) -> AsyncIterator[Cloud]:
    async with running_cloud(response_timeout_s) as cloud:
        yield cloud


def provider_of(cloud: Cloud, **config: str) -> FireworksProvider:
    return create({**cloud.config("fireworks"), "fireworks_account_id": "acme", **config}, LimiterPool())


class TestFireworks(ProviderContract):
    @pytest.fixture(params=list(QUIRKS))
    async def subject(self, cloud: Cloud, request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
        cloud.quirks.fireworks = QUIRKS[request.param]
        lines = ranked(300)
        since = [Status(NOON - timedelta(hours=9), "RUNNING")]
        cloud.world.add_batch_job("acme", "train-1", lines=lines, statuses=since, num_ranks=8)
        cloud.world.add_batch_job("acme", "older", statuses=[Status(NOON - timedelta(days=9), "TELEPORTING")])
        provider = provider_of(cloud)
        yield Subject(
            provider,
            JOB,
            tuple(map(as_read, lines)),
            JobRef("fireworks", "acme/nothere"),
            KEYS.fireworks,
            cloud.failing,
        )
        await provider.aclose()


@pytest.fixture
async def provider(cloud: Cloud) -> AsyncIterator[FireworksProvider]:
    made = provider_of(cloud)
    yield made
    await made.aclose()


@pytest.mark.parametrize("kind", ["truncate", "html"])
async def test_a_malformed_response_is_requested_again(
    cloud: Cloud, provider: FireworksProvider, kind: Literal["truncate", "html"]
) -> None:
    lines = ranked(300)
    cloud.world.add_batch_job("acme", "train-1", lines=lines)
    cloud.faults.set([Fault(kind, status=200, times=1)])
    assert len(lines) == len((await provider.query_logs(LogQuery(JOB))).lines)
    assert {kind: 1} == dict(cloud.faults.struck)


@pytest.mark.parametrize("count", [20_000, pytest.param(120_000, marks=pytest.mark.slow)])
async def test_a_long_log_is_read_completely_in_both_orders(
    cloud: Cloud, provider: FireworksProvider, count: int
) -> None:
    lines = ranked(count)
    cloud.world.add_batch_job("acme", "train-1", lines=lines)
    for order in Order:
        query, found = LogQuery(JOB, order=order, limit=10_000), list[LogLine]()
        more = True
        while more:
            page = await provider.query_logs(query)
            found += page.lines
            query, more = replace(query, cursor=page.cursor), page.more
        assert Counter(map(as_read, lines)) == Counter(found)


async def test_one_include_but_no_rank_is_filtered_by_the_gateway(cloud: Cloud, provider: FireworksProvider) -> None:
    lines = ranked(300)
    cloud.world.add_batch_job("acme", "train-1", lines=lines)
    page = await provider.query_logs(LogQuery(JOB, filter=LogFilter(ranks=(0, 3), includes=("7",))))
    expected = [as_read(line) for line in lines if "7" in line.message]
    assert Counter(expected) == Counter(page.lines)
    assert frozenset({"includes"}) == page.pushed_down
    asked = cloud.faults.requests[-1]
    assert "ranks=" not in asked, "a line may state another rank than the gateway's"
    assert "filter=7" in asked


async def test_one_of_several_includes_is_pushed_down_but_not_reported(
    cloud: Cloud, provider: FireworksProvider
) -> None:
    cloud.world.add_batch_job("acme", "train-1", lines=ranked(300))
    page = await provider.query_logs(LogQuery(JOB, filter=LogFilter(includes=("1", "line"))))
    assert frozenset() == page.pushed_down


async def test_a_follower_reads_late_entries_of_a_rank(cloud: Cloud, provider: FireworksProvider) -> None:
    now_ns = ns_from_datetime(cloud.clock())
    late = Line(now_ns - 60 * 10**9, "late", rank=2)
    job = cloud.world.add_batch_job("acme", "train-1", lines=[Line(now_ns - 10**9, "early")])
    first = await provider.query_logs(LogQuery(JOB, follow=True))
    job.log.append(late)
    second = await provider.query_logs(LogQuery(JOB, follow=True, cursor=first.cursor))
    assert (["early"], ["late"]) == ([line.message for line in first.lines], [line.message for line in second.lines])


@pytest.mark.parametrize(("word", "state"), [("FAILED", JobState.FAILED), ("TELEPORTING", JobState.UNKNOWN)])
async def test_a_status_has_its_reason(cloud: Cloud, provider: FireworksProvider, word: str, state: JobState) -> None:
    status = Status(NOON - timedelta(minutes=1), word, "rank 3: CUDA out of memory")
    cloud.world.add_batch_job("acme", "train-1", statuses=[status], num_ranks=8)
    job = await provider.get_job(JOB)
    assert (state, word) == (job.state, job.vendor_status)
    assert "rank 3: CUDA out of memory" in (job.error, dict(job.details).get("Status"))


async def test_a_list_is_paged_and_cut_at_the_limit(cloud: Cloud, provider: FireworksProvider) -> None:
    for number in range(205):
        created = [Status(NOON - timedelta(minutes=number), "RUNNING")]
        cloud.world.add_batch_job("acme", f"job-{number}", statuses=created)
    found = await provider.list_jobs(limit=203)
    assert [f"acme/job-{number}" for number in range(203)] == [job.ref.id for job in found]


async def test_an_invalid_key_and_an_invalid_cursor_are_explained(cloud: Cloud, provider: FireworksProvider) -> None:
    with pytest.raises(JobNotFound, match="has no such account or job"):
        await provider.get_job(JOB)
    wrong = provider_of(cloud, fireworks_api_key="fw_wrong")
    with pytest.raises(AuthFailed, match="FIREWORKS_API_KEY"):
        await wrong.get_job(JOB)
    await wrong.aclose()
    cloud.world.add_batch_job("acme", "train-1", lines=ranked(300))
    page = await provider.query_logs(LogQuery(JOB, limit=10))
    assert page.cursor is not None
    with pytest.raises(BadRequest):
        await provider.query_logs(LogQuery(JOB, cursor=replace(page.cursor, state=b"nonsense")))


async def test_metrics_are_not_supported(provider: FireworksProvider) -> None:
    with pytest.raises(NotSupported):
        await provider.query_metrics(MetricQuery(JOB))


async def test_status_offers_no_metrics_even_of_a_job_that_ended(cloud: Cloud, provider: FireworksProvider) -> None:
    statuses = [Status(NOON - timedelta(hours=9), "RUNNING"), Status(NOON - timedelta(hours=1), "FAILED")]
    cloud.world.add_batch_job("acme", "train-1", lines=ranked(9), statuses=statuses, num_ranks=8)
    answer = await read_status(provider, JOB, Redactor(), NOON, lambda: shipped_diagnosis_config().scanner)
    assert answer.missing == {Part.METRICS}
