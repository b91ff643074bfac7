"""Fireworks' fine-tuning jobs meet the provider contract: their logs and metrics are files behind signed URLs."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.durations import format_ns
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.domain.metrics import MetricQuery
from bot.errors import NotSupported, ProviderError, Unavailable
from bot.providers.base import Priority
from bot.providers.fireworks import create
from bot.providers.fireworks.provider import FireworksProvider
from bot.providers.http.client import LimiterPool
from bot.providers.testing import ProviderContract, Subject
from emulator.faults import Fault
from emulator.fireworks_tuning import COLLECTIONS, DPO, REINFORCEMENT, SUPERVISED
from emulator.logs import Line
from emulator.quirks import FireworksQuirks
from emulator.world import Status, to_ns
from tests.fakes.cloud import KEYS, NOON, Cloud, running_cloud

BEGAN = NOON - timedelta(hours=2)
QUIRKS = {
    "as documented": FireworksQuirks(),
    "unknown fields": FireworksQuirks(extra_fields=True, strict_masks=True),
    "a store that ignores ranges": FireworksQuirks(ignores_ranges=True),
}


def ref_of(collection: str, job_id: str = "tune-1") -> JobRef:
    return JobRef("fireworks", f"acme/{collection}/{job_id}")


JOB = ref_of(SUPERVISED)


def some_lines(count: int) -> list[Line]:
    """Lines after the job's start: shared timestamps, true duplicates, odd text."""
    lines = []
    for number in range(count):
        at_ns = to_ns(BEGAN) + (60 * 10**9) + number // 3 * 700_000
        text = ("step {} loss=0.12", "  indented {}", "\t<!channel> `{}` \u2028 ü", "{}")[number % 4]
        lines.append(Line(at_ns, text.format(number)))
        if number % 50 == 0:
            lines.append(lines[-1])
    return lines


def in_file(lines: Sequence[Line]) -> tuple[LogLine, ...]:
    """Lines of one row each, as the provider reads them from a file that begins each with its time."""
    return tuple(LogLine(line.timestamp_ns, f"{stamp(line.timestamp_ns)} {line.message}") for line in lines)


def stamp(timestamp_ns: int) -> str:
    text = format_ns(timestamp_ns).removesuffix("Z")
    for ending in ("000000000", "000000", "000"):
        if text.endswith(ending):
            return text.removesuffix(ending).removesuffix(".") + "Z"
    return text + "Z"


@pytest.fixture
async def cloud(response_timeout_s: float) -> AsyncIterator[Cloud]:
    async with running_cloud(response_timeout_s) as cloud:
        yield cloud


def provider_of(cloud: Cloud, **config: str) -> FireworksProvider:
    made = create({**cloud.config("fireworks"), "fireworks_account_id": "acme", **config}, LimiterPool())
    made._tuning = replace(made._tuning, clock_ns=lambda: to_ns(cloud.clock()))
    return made


@pytest.fixture
async def provider(cloud: Cloud) -> AsyncIterator[FireworksProvider]:
    made = provider_of(cloud)
    yield made
    await made.aclose()


async def pages_of(provider: FireworksProvider, query: LogQuery) -> list[LogPage]:
    pages = [await provider.query_logs(query)]
    while pages[-1].more:
        assert len(pages) < 500
        pages.append(await provider.query_logs(replace(query, cursor=pages[-1].cursor)))
    return pages


async def messages_of(provider: FireworksProvider, query: LogQuery) -> list[str]:
    return [line.message for page in await pages_of(provider, query) for line in page.lines]


class TestFineTuning(ProviderContract):
    @pytest.fixture(params=[(quirk, SUPERVISED) for quirk in QUIRKS] + [("as documented", DPO)], ids=str)
    async def subject(self, cloud: Cloud, request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
        quirk, collection = request.param
        cloud.quirks.fireworks = QUIRKS[quirk]
        lines = some_lines(300)
        rows = [(BEGAN + timedelta(minutes=number), {"step": number, "train/loss": 1.0}) for number in range(1, 9)]
        add(cloud, collection, lines=lines, metric_rows=rows)
        older = [Status(BEGAN - timedelta(days=9), "JOB_STATE_TELEPORTING")]
        cloud.world.add_fine_tuning_job("acme", REINFORCEMENT, "older", statuses=older)
        provider = provider_of(cloud)
        missing = ref_of(collection, "nothere")
        yield Subject(provider, ref_of(collection), in_file(lines), missing, KEYS.fireworks, cloud.failing)
        await provider.aclose()


def add(cloud: Cloud, collection: str = SUPERVISED, *, state: str = "JOB_STATE_RUNNING", **parts: object) -> None:
    statuses = [Status(BEGAN, "JOB_STATE_CREATING"), Status(BEGAN + timedelta(seconds=30), state)]
    cloud.world.add_fine_tuning_job("acme", collection, "tune-1", statuses=statuses, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_every_kind_is_listed_and_read(cloud: Cloud, provider: FireworksProvider, collection: str) -> None:
    add(cloud, collection, lines=some_lines(10))
    cloud.world.add_batch_job("acme", "train-1", statuses=[Status(NOON, "RUNNING")])
    listed = await provider.list_jobs(limit=5)
    assert ["acme/train-1", ref_of(collection).id] == [job.ref.id for job in listed]
    job = await provider.get_job(ref_of(collection))
    assert (JobState.RUNNING, "tune-1", BEGAN) == (job.state, job.name, job.created_at)
    assert len(await messages_of(provider, LogQuery(ref_of(collection)))) == 11


async def test_a_failed_job_has_its_reason(cloud: Cloud, provider: FireworksProvider) -> None:
    failed = Status(NOON, "JOB_STATE_FAILED", "the dataset has no valid rows")
    cloud.world.add_fine_tuning_job("acme", DPO, "tune-1", statuses=[failed])
    job = await provider.get_job(ref_of(DPO))
    assert (JobState.FAILED, "INTERNAL: the dataset has no valid rows", NOON) == (job.state, job.error, job.ended_at)


async def test_signed_urls_are_not_shown_and_the_key_is_not_sent_to_the_store(
    cloud: Cloud, provider: FireworksProvider
) -> None:
    add(cloud, lines=some_lines(10))
    job = await provider.get_job(JOB)
    assert "Signature" not in f"{job!r} {provider!r}"
    assert await messages_of(provider, LogQuery(JOB))  # the store refuses a request with a key
    cloud.faults.set([Fault("status", path="/storage", status=500)])
    with pytest.raises(Unavailable) as caught:
        await provider.query_logs(LogQuery(JOB))
    assert "Signature" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


@pytest.mark.parametrize("status", [400, 403])
async def test_an_expired_url_is_replaced_by_a_new_one(cloud: Cloud, provider: FireworksProvider, status: int) -> None:
    cloud.quirks.fireworks = FireworksQuirks(expired_status=status)  # type: ignore[arg-type]
    add(cloud, lines=some_lines(10))
    first = await provider.query_logs(LogQuery(JOB, limit=4))
    cloud.clock.advance(timedelta(hours=1))
    rest = await messages_of(provider, LogQuery(JOB, cursor=first.cursor))
    assert [line.message for line in in_file(some_lines(10))] == [line.message for line in first.lines] + rest


async def test_a_url_that_is_refused_again_is_an_error_without_the_url(
    cloud: Cloud, provider: FireworksProvider
) -> None:
    add(cloud, lines=some_lines(10))
    cloud.faults.set([Fault("status", path="/storage", status=403)])
    with pytest.raises(ProviderError, match="refuses the address") as caught:
        await provider.query_logs(LogQuery(JOB))
    assert "http" not in caught.value.public


async def test_a_waiting_job_has_an_empty_log_that_is_followed_from_its_first_line(
    cloud: Cloud, provider: FireworksProvider
) -> None:
    statuses = [Status(NOON, "JOB_STATE_PENDING"), Status(NOON + timedelta(minutes=1), "JOB_STATE_RUNNING")]
    lines = [Line(to_ns(NOON + timedelta(seconds=61 + number)), f"line {number}") for number in range(9)]
    cloud.world.add_fine_tuning_job("acme", SUPERVISED, "tune-1", lines=lines, statuses=statuses)
    cursor, found = None, list[str]()
    for _ in range(9):
        await provider.get_job(JOB)
        page = await provider.query_logs(LogQuery(JOB, start_ns=to_ns(NOON) - 900 * 10**9, cursor=cursor, follow=True))
        assert () == page.gaps
        found += [line.message.partition(" ")[2] for line in page.lines]
        cursor = page.cursor
        cloud.clock.advance(timedelta(seconds=14))
        provider._tuning.memory.jobs.clear()  # as two seconds later
    assert [line.message for line in lines] == found


async def test_without_a_trainer_log_the_metrics_file_is_the_log(cloud: Cloud, provider: FireworksProvider) -> None:
    cloud.quirks.fireworks = FireworksQuirks(trainer_logs=False)
    rows = [(BEGAN + timedelta(minutes=number), {"step": number, "train/loss": 1.5}) for number in (1, 2)]
    for collection in (SUPERVISED, DPO):
        add(cloud, collection, metric_rows=rows)
        page = await provider.query_logs(LogQuery(ref_of(collection)))
        assert '{"step": 1, "train/loss": 1.5}' == page.lines[0].message
        assert "metrics file" in page.gaps[0].public
    add(cloud, REINFORCEMENT)
    with pytest.raises(NotSupported, match="trainer log reading"):
        await provider.query_logs(LogQuery(ref_of(REINFORCEMENT)))


@pytest.mark.parametrize("nested", [False, True])
async def test_metrics_by_step_are_read_with_what_is_not_finite(
    cloud: Cloud, provider: FireworksProvider, nested: bool
) -> None:
    cloud.quirks.fireworks = FireworksQuirks(nested_metrics=nested)
    rows = [
        (BEGAN + timedelta(minutes=number), {"step": number, "train/loss": loss, "train/lr": 0.1, "note": "x"})
        for number, loss in enumerate((2.5, 1.5, math.nan), start=1)
    ]
    for collection in (SUPERVISED, DPO):
        add(cloud, collection, metric_rows=rows)
        found = {one.name: one for one in await provider.query_metrics(MetricQuery(ref_of(collection)))}
        assert {"train/loss", "train/lr"} == set(found)
        assert [1, 2, 3] == [point.step for point in found["train/loss"].points]
        assert [2.5, 1.5] == [point.value for point in found["train/loss"].points[:2]]
        assert math.isnan(found["train/loss"].points[2].value)
        expected = [at for at, _ in rows] if nested else [None] * 3
        assert expected == [point.at for point in found["train/loss"].points]
    add(cloud, REINFORCEMENT, metric_rows=[(BEGAN, {"score": 0.25}), (BEGAN, {"score": 0.5})])
    (score,) = await provider.query_metrics(MetricQuery(ref_of(REINFORCEMENT)))
    assert ("Score", [(0.25, 1), (0.5, 2)]) == (score.name, [(point.value, point.step) for point in score.points])


async def test_a_follower_reads_a_growing_file_once_and_holds_back_half_a_line(
    cloud: Cloud, provider: FireworksProvider
) -> None:
    add(cloud)
    log = cloud.world.fine_tuning_jobs["acme", SUPERVISED, "tune-1"].log
    query, found = LogQuery(JOB, follow=True), list[str]()
    for number in range(5):
        log.append(*(Line(to_ns(cloud.clock()) + n, f"line {number} {n}") for n in range(3)))
        cloud.clock.advance(timedelta(seconds=10))
        page = await provider.query_logs(query)
        found += [line.message.partition(" ")[2] for line in page.lines]
        query = replace(query, cursor=page.cursor)
    assert [f"line {number} {n}" for number in range(5) for n in range(3)] == found


async def test_a_replaced_file_is_read_from_its_beginning_and_reported(
    cloud: Cloud, provider: FireworksProvider
) -> None:
    add(cloud, lines=some_lines(40))
    job = cloud.world.fine_tuning_jobs["acme", SUPERVISED, "tune-1"]
    page = await provider.query_logs(LogQuery(JOB, follow=True))
    job.generation += 1
    job.log.lines = [Line(to_ns(NOON) - 10**9, f"second attempt {n}") for n in range(60)]
    again = await provider.query_logs(LogQuery(JOB, follow=True, cursor=page.cursor))
    assert (60, True) == (len(again.lines), "was replaced" in again.gaps[0].public)


@pytest.mark.parametrize("order", list(Order))
async def test_untimed_lines_have_increasing_times_and_are_in_every_later_window(
    cloud: Cloud, provider: FireworksProvider, order: Order
) -> None:
    cloud.quirks.fireworks = FireworksQuirks(stamped_lines=False)
    add(cloud, lines=some_lines(200))
    pages = await pages_of(provider, LogQuery(JOB, order=order, limit=30))
    lines = [line for page in pages for line in page.lines][:: 1 if order is Order.ASC else -1]
    assert [line.message for line in some_lines(200)] == [line.message for line in lines]
    assert len({line.timestamp_ns for line in lines}) == len(lines)
    late = await provider.query_logs(LogQuery(JOB, start_ns=to_ns(NOON) - 60 * 10**9, order=order, limit=500))
    assert len(lines) == len(late.lines)
    assert "state no time" in late.gaps[0].public


async def test_untimed_lines_are_followed_with_the_time_of_reading(cloud: Cloud, provider: FireworksProvider) -> None:
    cloud.quirks.fireworks = FireworksQuirks(stamped_lines=False)
    add(cloud, lines=some_lines(5))
    first = await provider.query_logs(LogQuery(JOB, start_ns=to_ns(NOON) - 60 * 10**9, follow=True))
    assert len(first.lines) == 6
    cloud.clock.advance(timedelta(minutes=10))
    job = cloud.world.fine_tuning_jobs["acme", SUPERVISED, "tune-1"]
    job.log.append(Line(to_ns(cloud.clock()) - 10**9, "RuntimeError: boom"))
    second = await provider.query_logs(LogQuery(JOB, follow=True, cursor=first.cursor))
    (line,) = second.lines
    read_at = datetime.fromtimestamp(line.timestamp_ns / 1e9, UTC)
    assert ("RuntimeError: boom", True) == (line.message, NOON <= read_at < NOON + timedelta(seconds=1))


async def test_the_watcher_does_not_read_the_metrics_file(cloud: Cloud, provider: FireworksProvider) -> None:
    add(cloud, metric_rows=[(BEGAN, {"step": 1, "train/loss": 1.0})])
    with pytest.raises(NotSupported):
        await provider.with_priority(Priority.BACKGROUND).query_metrics(MetricQuery(JOB))
    assert [] == [one for one in cloud.faults.requests if "/storage" in one]


async def test_a_poll_without_new_lines_reads_no_part_of_the_file_again(
    cloud: Cloud, provider: FireworksProvider
) -> None:
    add(cloud, lines=some_lines(2_000))
    query = LogQuery(JOB, follow=True, limit=5_000)
    first = await provider.query_logs(query)
    cloud.faults.requests.clear()
    again = await provider.query_logs(replace(query, cursor=first.cursor))
    assert ([], 1) == (again.lines, len([one for one in cloud.faults.requests if "/storage" in one]))
