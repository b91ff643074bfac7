"""The RiverGen provider meets the provider contract, against the emulator with all its quirks."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import Level, LogLine, LogQuery, Order, parse_level
from bot.domain.metrics import MetricQuery
from bot.errors import AuthFailed, BadRequest, JobNotFound, ProviderError, Unavailable
from bot.providers.base import Downloads
from bot.providers.http.client import LimiterPool
from bot.providers.rivergen import create
from bot.providers.rivergen.provider import RivergenProvider
from bot.providers.testing import ProviderContract, Subject
from emulator.faults import Fault
from emulator.logs import Line
from emulator.quirks import RivergenQuirks
from emulator.world import Status
from tests.fakes.cloud import KEYS, NOON, Cloud, running_cloud, some_lines

JOB = JobRef("rivergen", "mdl-1/run-1")

QUIRKS = {
    "as documented": RivergenQuirks(),
    "counted before the filter, unknown fields": RivergenQuirks(total_after_filter=False, extra_fields=True),
}


def leveled(count: int) -> list[Line]:
    levels = ("debug", "info", "warning", "error", None)
    return [
        Line(line.timestamp_ns, line.message, level=levels[number % 5]) for number, line in enumerate(some_lines(count))
    ]


def as_read(line: Line) -> LogLine:
    """This API has milliseconds, and neither ranks, replicas nor request ids."""
    return LogLine(line.timestamp_ns // 10**6 * 10**6, line.message, level=parse_level(line.level or "info"))


@pytest.fixture
async def cloud(response_timeout_s: float) -> AsyncIterator[Cloud]:
    async with running_cloud(response_timeout_s) as cloud:
        yield cloud


def provider_of(cloud: Cloud, **config: str) -> RivergenProvider:
    return create({**cloud.config("rivergen"), **config}, LimiterPool())


@pytest.fixture
async def provider(cloud: Cloud) -> AsyncIterator[RivergenProvider]:
    made = provider_of(cloud)
    yield made
    await made.aclose()


class TestRivergen(ProviderContract):
    @pytest.fixture(params=list(QUIRKS))
    async def subject(self, cloud: Cloud, request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
        cloud.quirks.rivergen = QUIRKS[request.param]
        lines = leveled(300)
        cloud.world.add_rivergen_run(
            "mdl-1", "run-1", lines=lines, statuses=[Status(NOON - timedelta(hours=9), "running")]
        )
        cloud.world.add_rivergen_run("mdl-1", "run-0", statuses=[Status(NOON - timedelta(days=9), "hibernating")])
        provider = provider_of(cloud)
        yield Subject(
            provider,
            JOB,
            tuple(map(as_read, lines)),
            JobRef("rivergen", "mdl-1/run-nothere"),
            KEYS.rivergen,
            cloud.failing,
        )
        await provider.aclose()


async def whole(provider: RivergenProvider, job: JobRef = JOB, form: str = "txt") -> tuple[str, bytes]:
    download = await provider.download_logs(job, form=form)
    return download.filename, b"".join([chunk async for chunk in download.chunks])


async def test_a_model_alone_means_its_newest_run_in_all_queries(cloud: Cloud, provider: RivergenProvider) -> None:
    for number in range(3):
        created = [Status(NOON - timedelta(hours=9 - number), "running")]
        lines = [Line(ns_from_datetime(NOON) - 10**9, f"of run {number}")]
        run = cloud.world.add_rivergen_run("mdl-1", f"run-{number}", lines=lines, statuses=created)
        run.metrics = {f"loss_{number}": lambda epoch: 1 / epoch}
    model = JobRef("rivergen", "mdl-1")
    assert JobRef("rivergen", "mdl-1/run-2") == (await provider.get_job(model)).ref
    assert ["of run 2"] == [line.message for line in (await provider.query_logs(LogQuery(model))).lines]
    assert ["loss_2"] == [series.name for series in await provider.query_metrics(MetricQuery(model))]
    name, body = await whole(provider, model)
    assert "training-log-run-2.txt" == name
    assert b"of run 2" in body


async def test_a_follower_of_the_newest_run_keeps_reading_the_same_run(
    cloud: Cloud, provider: RivergenProvider
) -> None:
    model = JobRef("rivergen", "mdl-1")
    first = cloud.world.add_rivergen_run("mdl-1", "run-1", lines=[Line(ns_from_datetime(NOON) - 10**9, "a")])
    page = await provider.query_logs(LogQuery(model, follow=True))
    cloud.world.add_rivergen_run("mdl-1", "run-2", statuses=[Status(NOON, "running")])
    first.log.append(Line(ns_from_datetime(NOON), "b"))
    page = await provider.query_logs(LogQuery(model, follow=True, cursor=page.cursor))
    assert ["b"] == [line.message for line in page.lines]


async def test_debug_lines_are_read_although_the_platform_omits_them_by_default(
    cloud: Cloud, provider: RivergenProvider
) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=leveled(300))
    page = await provider.query_logs(LogQuery(JOB))
    assert Level.DEBUG in {line.level for line in page.lines}
    assert frozenset() == page.pushed_down


@pytest.mark.parametrize("kind", ["truncate", "html"])
async def test_a_malformed_response_is_requested_again(
    cloud: Cloud, provider: RivergenProvider, kind: Literal["truncate", "html"]
) -> None:
    lines = leveled(300)
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=lines)
    cloud.faults.set([Fault(kind, status=200, times=1)])
    assert len(lines) == len((await provider.query_logs(LogQuery(JOB))).lines)
    assert {kind: 1} == dict(cloud.faults.struck)


@pytest.mark.parametrize("count", [20_000, pytest.param(120_000, marks=pytest.mark.slow)])
async def test_a_long_log_is_read_completely_in_both_orders(
    cloud: Cloud, provider: RivergenProvider, count: int
) -> None:
    lines = leveled(count)
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=lines)
    for order in Order:
        query, found = LogQuery(JOB, order=order, limit=10_000), list[LogLine]()
        more = True
        while more:
            page = await provider.query_logs(query)
            found += page.lines
            query, more = replace(query, cursor=page.cursor), page.more
        assert Counter(map(as_read, lines)) == Counter(found)


async def test_a_follower_reads_a_late_line_once_without_a_gap(cloud: Cloud, provider: RivergenProvider) -> None:
    now_ns = ns_from_datetime(NOON)
    lines = [
        Line(now_ns - 3 * 10**9, "one"),
        Line(now_ns - 2 * 10**9, "late", visible_at_ns=now_ns + 60 * 10**9),
        Line(now_ns - 10**9, "three"),
    ]
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=lines)
    query, found = LogQuery(JOB, follow=True), list[list[str]]()
    for _ in range(4):
        page = await provider.query_logs(query)
        found.append([line.message for line in page.lines])
        assert () == page.gaps
        query = replace(query, cursor=page.cursor)
        cloud.clock.advance(timedelta(seconds=30))
    assert [["one", "three"], [], ["late"], []] == found


@pytest.mark.parametrize("form", ["txt", "json"])
@pytest.mark.parametrize("status", ["running", "completed"])
@pytest.mark.parametrize("chunk_bytes", [13, 65_536])
async def test_the_artifact_is_downloaded_byte_for_byte(
    cloud: Cloud, provider: RivergenProvider, form: str, status: str, chunk_bytes: int
) -> None:
    cloud.quirks.rivergen = RivergenQuirks(chunk_bytes=chunk_bytes)
    lines = leveled(500)
    statuses = [Status(NOON - timedelta(hours=1), "running"), Status(NOON - timedelta(minutes=1), status)]
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=lines, statuses=statuses)
    assert isinstance(provider, Downloads)
    name, body = await whole(provider, form=form)
    assert f"training-log-run-1.{form}" == name
    if form == "json":
        assert [line.message for line in lines] == [element["message"] for element in json.loads(body)]
    else:
        assert "".join(f"] {line.message}\n" for line in lines) == "".join(
            "] " + part for part in _without_stamps(body.decode())
        )


def _without_stamps(text: str) -> list[str]:
    return re.split(r"^\d{4}-\d\d-\d\dT[\d:.]+Z \[\w+\] ", text, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("form", ["txt", "json"])
@pytest.mark.parametrize("offers_ranges", [True, False])
@pytest.mark.parametrize("cut", [0, 1, 999, 20_001, 33_333])
async def test_an_artifact_whose_connection_breaks_is_completed(
    cloud: Cloud, provider: RivergenProvider, form: str, offers_ranges: bool, cut: int
) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=leveled(1000))
    _, expected = await whole(provider, form=form)
    cloud.quirks.rivergen = RivergenQuirks(cut_download_at=cut, offers_ranges=offers_ranges, chunk_bytes=777)
    download = await provider.download_logs(JOB, form=form)
    assert expected == b"".join([chunk async for chunk in download.chunks])
    (note,) = download.notes
    assert note.startswith("The connection to RiverGen broke after ")
    assert ("and was resumed" in note) is (offers_ranges and cut > 1_000)


@pytest.mark.parametrize("form", ["txt", "json"])
@pytest.mark.parametrize("cut", [0, 999, 20_001])
async def test_an_artifact_that_ends_early_without_a_failure_is_kept_as_served(
    cloud: Cloud, provider: RivergenProvider, form: str, cut: int
) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=leveled(1000))
    _, expected = await whole(provider, form=form)
    cloud.quirks.rivergen = RivergenQuirks(cut_download_at=cut, cut_looks_complete=True, chunk_bytes=777)
    download = await provider.download_logs(JOB, form=form)
    assert expected[:cut] == b"".join([chunk async for chunk in download.chunks])
    (note,) = download.notes
    assert "The platform counts 1,020 lines, the file holds " in note


async def test_a_long_artifact_is_streamed_in_small_chunks(cloud: Cloud, provider: RivergenProvider) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=leveled(20_000))
    for form in ("txt", "json"):
        download = await provider.download_logs(JOB, form=form)
        assert max([len(chunk) async for chunk in download.chunks]) < 300_000


async def test_a_download_that_is_closed_early_frees_its_connection(cloud: Cloud, provider: RivergenProvider) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=leveled(2000))
    for _ in range(40):
        download = await provider.download_logs(JOB)
        await anext(download.chunks)
        await download.chunks.aclose()  # type: ignore[attr-defined]
    assert JobState.RUNNING is (await provider.get_job(JOB)).state


async def test_the_alias_serves_downloads(cloud: Cloud, provider: RivergenProvider) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=leveled(300))
    cloud.faults.add(Fault("status", path="/rivergen/api/v1/models/mdl-1/training-metrics/logs/download", status=404))
    assert b"INFO" in (await whole(provider))[1]


async def test_the_alias_is_used_if_the_documented_path_is_missing(cloud: Cloud, provider: RivergenProvider) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", lines=leveled(300))
    cloud.faults.add(Fault("status", path="/rivergen/api/v1/models/mdl-1/training-metrics/logs", status=404))
    assert (await provider.query_logs(LogQuery(JOB))).lines
    assert b"INFO" in (await whole(provider))[1]
    asked = len(cloud.faults.requests)
    await provider.query_logs(LogQuery(JOB))
    assert asked + 1 == len(cloud.faults.requests), "the path that worked is remembered"


REFUSALS = {
    400: (BadRequest, "rejected a parameter"),
    401: (AuthFailed, "RIVERGEN_API_KEY"),
    403: (AuthFailed, "model:read or organization:viewer"),
    404: (JobNotFound, "has removed its log"),
    409: (BadRequest, "a run in progress"),
    422: (BadRequest, "has no dataset"),
    500: (Unavailable, "server error"),
    503: (Unavailable, "server error"),
}


@pytest.mark.parametrize(("status", "expected"), REFUSALS.items())
async def test_documented_refusals_are_explained(
    cloud: Cloud, provider: RivergenProvider, status: int, expected: tuple[type[ProviderError], str]
) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", statuses=[Status(NOON - timedelta(hours=1), "completed")])
    cloud.faults.add(Fault("status", status=status))
    kind, text = expected
    for call in (provider.query_logs(LogQuery(JOB)), whole(provider)):
        with pytest.raises(kind, match=text):
            await call


async def test_an_expired_token_is_reported_with_how_to_renew_it(cloud: Cloud, provider: RivergenProvider) -> None:
    cloud.quirks.rivergen = RivergenQuirks(token_expired=True)
    cloud.world.add_rivergen_run("mdl-1", "run-1")
    with pytest.raises(AuthFailed, match=r"has expired.*POST /api/auth/refresh.*RIVERGEN_API_KEY"):
        await provider.get_job(JOB)


async def test_a_log_removed_by_retention_raises_job_not_found(cloud: Cloud, provider: RivergenProvider) -> None:
    ended = [Status(NOON - timedelta(hours=1), "completed")]
    cloud.world.add_rivergen_run("mdl-1", "run-1", statuses=ended).purged = True
    with pytest.raises(JobNotFound, match="removed by retention"):
        await provider.download_logs(JOB)


async def test_a_job_has_its_details(cloud: Cloud, provider: RivergenProvider) -> None:
    statuses = [Status(NOON - timedelta(hours=2), "running"), Status(NOON - timedelta(hours=1), "failed")]
    cloud.world.add_rivergen_run("mdl-1", "run-1", statuses=statuses).label = "churn, larger"
    job = await provider.get_job(JOB)
    assert (JobState.FAILED, NOON - timedelta(hours=2), NOON - timedelta(hours=1)) == (
        job.state,
        job.started_at,
        job.ended_at,
    )
    assert {"Duration": "1 h", "Peak CPU": "86.5 %"}.items() <= dict(job.details).items()
    assert ("churn, larger", "ada@example.com") == (job.name, job.user)
    by_model = await provider.get_job(JobRef("rivergen", "mdl-1"))
    assert (JOB, "churn, larger", "ada@example.com") == (by_model.ref, by_model.name, by_model.user)


async def test_metrics_have_an_epoch_for_each_value(cloud: Cloud, provider: RivergenProvider) -> None:
    run = cloud.world.add_rivergen_run("mdl-1", "run-1", metrics={"loss": lambda epoch: 1 / epoch})
    run.epoch_length = timedelta(minutes=6)
    (loss,) = await provider.query_metrics(MetricQuery(JOB))
    assert [(epoch, 1 / epoch) for epoch in range(1, 11)] == [(point.step, point.value) for point in loss.points]


async def test_a_model_without_runs_and_an_unknown_form_are_rejected(cloud: Cloud, provider: RivergenProvider) -> None:
    cloud.world.add_rivergen_run("mdl-1", "run-1", statuses=[Status(NOON + timedelta(hours=1), "queued")])
    with pytest.raises(JobNotFound, match="no training run yet"):
        await provider.get_job(JobRef("rivergen", "mdl-1"))
    with pytest.raises(BadRequest, match="not as csv"):
        await provider.download_logs(JOB, form="csv")
