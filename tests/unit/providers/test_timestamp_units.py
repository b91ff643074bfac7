"""Lines whose timestamps come in another unit or not at all are shown, on every platform and however they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from bot.commands.handlers.log_stream import stream_lines
from bot.domain.durations import EARLIEST_NS, NS_PER_SECOND, ns_from_datetime, parse_rfc3339_ns, scale_to_ns
from bot.domain.gaps import Gap, GapReason
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, LogQuery, Order
from bot.providers.base import Provider
from bot.providers.baseten.training import BasetenTraining
from bot.providers.fireworks.provider import FireworksProvider
from bot.providers.fireworks.signed_files import SignedFiles
from bot.providers.http.client import HttpClient, HttpLimits, Limiter, LimiterPool
from bot.providers.observe import ObservationRequest, observe
from bot.providers.rivergen.provider import RivergenProvider
from bot.providers.testing import FakeTransport

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT_NS = ns_from_datetime(NOW) - 600 * NS_PER_SECOND
UNITS: dict[str, Callable[[int], object]] = {
    "seconds": lambda ns: ns // 10**9,
    "milliseconds": lambda ns: ns // 10**6,
    "microseconds": lambda ns: ns // 10**3,
    "nanoseconds": lambda ns: ns,
    "picoseconds": lambda ns: ns * 1000,
    "a float": lambda ns: ns / 1e9,
    "a float of milliseconds": lambda ns: ns / 1e6,
    "an exponent": lambda ns: f"{ns / 1e9:.9e}",
    "a fraction as text": lambda ns: f"{ns // 10**9}.{ns % 10**9:09d}",
    "text": str,
    "spaces": lambda ns: f" {ns // 10**6} ",
    "RFC 3339": lambda ns: datetime.fromtimestamp(ns // 10**9, UTC).isoformat(),
    "an object": lambda ns: {"seconds": ns // 10**9, "nanos": ns % 10**9},
    "negative": lambda ns: -5,
    "zero": lambda ns: "0",
    "an uptime": lambda ns: 12345.678,
    "null": lambda ns: None,
    "garbage": lambda ns: "soon",
    "NaN as text": lambda ns: "NaN",
    "huge": lambda ns: "9" * 400,
    "true": lambda ns: True,
    "the year 1": lambda ns: "0001-01-01T00:00:00Z",
    "the year 1970": lambda ns: "1970-01-01T00:00:01Z",
}
READ = list(UNITS)[: list(UNITS).index("an object")]


def limiter() -> Limiter:
    return Limiter(HttpLimits(requests_per_second=1e6, attempts=1))


def baseten(stamps: Sequence[object]) -> Provider:
    """A server that returns every line for every window."""
    lines = [{"timestamp": stamp, "message": f"line {at}", "replica": "r"} for at, stamp in enumerate(stamps)]
    job = {"id": "j", "current_status": "TRAINING_JOB_RUNNING", "training_project_id": "p"}
    job |= {"created_at": "2026-11-20T11:00:00Z", "updated_at": "2026-11-20T11:00:00Z"}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, json={"logs": lines} if request.url.path.endswith("/logs") else {"training_job": job}
        )

    client = HttpClient("baseten", "http://b", {}, secrets=[], limiter=limiter(), transport=FakeTransport(answer))
    return BasetenTraining(client, lambda: NOW)


def fireworks(stamps: Sequence[object]) -> Provider:
    """A gateway that knows when each line was written, one second apart, whatever time it states."""
    entries = [{"logTime": stamp, "rank": 0, "message": f"line {at}"} for at, stamp in enumerate(stamps)]

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith(":getLogs"):
            return httpx.Response(200, json={"name": "x", "state": "RUNNING"})
        start_ns = parse_rfc3339_ns(request.url.params["startTime"]) or 0
        first = max(0, (start_ns - AT_NS) // NS_PER_SECOND)
        return httpx.Response(200, json={"entries": entries[first:]})

    client = HttpClient("fireworks", "http://f", {}, secrets=[], limiter=limiter(), transport=FakeTransport(answer))
    files = SignedFiles(HttpLimits(), LimiterPool(), allows_http=True)
    return FireworksProvider(client, files, clock_ns=lambda: ns_from_datetime(NOW))


def rivergen(stamps: Sequence[object]) -> Provider:
    lines = [
        {"line": at + 1, "level": "info", "message": f"line {at}", "timestamp": stamp}
        for at, stamp in enumerate(stamps)
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/logs"):
            return httpx.Response(200, json={"run_id": "r", "status": "running", "results": []})
        query = request.url.params
        first = max(0, len(lines) - int(query["limit"])) if "tail" in query else int(query["offset"])
        chosen = lines[first : first + int(query["limit"])]
        return httpx.Response(200, json={"total_lines": len(lines), "lines": chosen})

    client = HttpClient("rivergen", "http://r", {}, secrets=[], limiter=limiter(), transport=FakeTransport(answer))
    return RivergenProvider(client)


PLATFORMS = {"baseten": (baseten, "p/j"), "fireworks": (fireworks, "acme/j"), "rivergen": (rivergen, "m/r")}


async def read_all(provider: Provider, query: LogQuery) -> tuple[list[LogLine], list[Gap]]:
    lines, gaps = list[LogLine](), list[Gap]()
    async for batch in stream_lines(provider, query):
        lines += batch.lines
        gaps += batch.gaps
    return lines, gaps


async def follow(provider: Provider, ref: JobRef, polls: int) -> list[str]:
    request, messages = ObservationRequest(ref, None), list[str]()
    for _ in range(polls):
        seen = await observe(provider, request, NOW)
        assert seen.log_error is None
        messages += [line.message for line in seen.lines]
        request = replace(request, cursor=seen.cursor)
    return messages


@pytest.mark.parametrize("unit", READ)
def test_the_magnitude_of_a_number_shows_its_unit(unit: str) -> None:
    for year in (1974, 2001, 2026, 2100, 2254):
        at_ns = ns_from_datetime(datetime(year, 5, 6, 7, 8, 9, tzinfo=UTC))
        value = UNITS[unit](at_ns)
        if isinstance(value, int | float):
            found = scale_to_ns(value)
            assert found is not None
            assert abs(found - at_ns) < NS_PER_SECOND


def test_other_numbers_are_refused() -> None:
    for number in (
        0,
        -1,
        5,
        99_999_999,
        10**24,
        -(10**18),
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        9_500_000_000.0 * 10**9,
    ):
        assert scale_to_ns(number) is None
    assert EARLIEST_NS == scale_to_ns(EARLIEST_NS)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("unit", UNITS)
async def test_a_page_in_one_unit_is_read_whole(platform: str, unit: str) -> None:
    make, job = PLATFORMS[platform]
    stamps = [UNITS[unit](AT_NS + at * 5 * NS_PER_SECOND) for at in range(8)]
    for order in Order:
        lines, _ = await read_all(make(stamps), LogQuery(JobRef(platform, job), order=order))
        messages = [line.message for line in lines]
        assert sorted(messages) == [f"line {at}" for at in range(8)]
        if unit in READ:
            assert messages == sorted(messages, reverse=order is Order.DESC)
            assert all(abs(line.timestamp_ns - AT_NS) < 60 * NS_PER_SECOND for line in lines)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_units_may_be_mixed_within_a_page(platform: str) -> None:
    make, job = PLATFORMS[platform]
    stamps = [unit(AT_NS + at * NS_PER_SECOND) for at, unit in enumerate(UNITS.values())]
    lines, _ = await read_all(make(stamps), LogQuery(JobRef(platform, job)))
    assert {f"line {at}" for at in range(len(stamps))} == {line.message for line in lines}
    assert len(stamps) == len(lines)
    assert all(abs(line.timestamp_ns - AT_NS) < 60 * NS_PER_SECOND for line in lines)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("unit", UNITS)
async def test_a_follower_reads_each_line_once(platform: str, unit: str) -> None:
    make, job = PLATFORMS[platform]
    stamps = [UNITS[unit](AT_NS + at * 5 * NS_PER_SECOND) for at in range(8)]
    messages = await follow(make(stamps), JobRef(platform, job), 4)
    assert [f"line {at}" for at in range(8)] == sorted(messages)


async def test_lines_at_another_time_are_shown_once_and_counted() -> None:
    """The platform has chosen them for this window, so their times are wrong."""
    ahead = [AT_NS + 400 * 86_400 * NS_PER_SECOND, 10**17 + 1]
    provider, query = baseten([AT_NS, *ahead, AT_NS + 1]), LogQuery(JobRef("baseten", "p/j"))
    lines, gaps = await read_all(provider, query)
    assert ["line 0", "line 3", "line 2", "line 1"] == [line.message for line in lines]
    assert [AT_NS, AT_NS + 1, AT_NS + 1, AT_NS + 1] == [line.timestamp_ns for line in lines]
    (gap,) = gaps
    assert (GapReason.MISTIMED_LINES, 2) == (gap.reason, gap.lines)
    assert "2 lines have a time outside the window" in gap.public
    assert ["line 0", "line 1", "line 2", "line 3"] == sorted(await follow(provider, query.job, 4))


async def test_lines_outside_the_range_that_a_person_asked_for_are_counted() -> None:
    stamps = [AT_NS, AT_NS - 3_600 * NS_PER_SECOND, AT_NS + 1]
    query = LogQuery(JobRef("baseten", "p/j"), start_ns=AT_NS - 60 * NS_PER_SECOND)
    lines, (gap,) = await read_all(baseten(stamps), query)
    assert ["line 0", "line 2"] == [line.message for line in lines]
    assert "1 line has a time outside the window" in gap.public
    assert "1 of them is not shown" in gap.public


WRONG = {"years ago": datetime(2009, 2, 3, tzinfo=UTC), "years ahead": datetime(2031, 2, 3, tzinfo=UTC)}


@pytest.mark.parametrize("platform", ["fireworks", "rivergen"])
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("wrong", WRONG)
async def test_lines_at_wrong_times_are_counted(platform: str, order: Order, wrong: str) -> None:
    """Their place in the log is in the window, so their times are wrong; each is counted once, over all pages."""
    make, job = PLATFORMS[platform]
    stamps: list[object] = [(AT_NS + at * NS_PER_SECOND) for at in range(12)]
    stamps[4] = stamps[7] = ns_from_datetime(WRONG[wrong])
    window = LogQuery(JobRef(platform, job), AT_NS + NS_PER_SECOND, AT_NS + 10 * NS_PER_SECOND, order, limit=3)
    lines, gaps = await read_all(make(stamps), window)
    shown = [f"line {at}" for at in (1, 2, 3, 5, 6, 8, 9, 10)]
    assert shown == sorted((line.message for line in lines), key=lambda text: int(text[5:]))
    assert {GapReason.MISTIMED_LINES} == {gap.reason for gap in gaps}
    assert 2 == sum(gap.lines or 0 for gap in gaps)


@pytest.mark.parametrize("platform", ["fireworks", "rivergen"])
async def test_the_watcher_counts_lines_at_wrong_times_once(platform: str) -> None:
    make, job = PLATFORMS[platform]
    stamps: list[object] = [AT_NS + at * NS_PER_SECOND for at in range(4)]
    stamps[1] = ns_from_datetime(WRONG["years ago"])
    provider, counts, messages = make(stamps), list[list[int | None]](), list[str]()
    request = ObservationRequest(JobRef(platform, job), AT_NS)
    for _ in range(3):
        seen = await observe(provider, request, NOW)
        messages += [line.message for line in seen.lines]
        counts.append([gap.lines for gap in seen.gaps if gap.reason is GapReason.MISTIMED_LINES])
        request = replace(request, cursor=seen.cursor)
    assert ["line 0", "line 2", "line 3"] == messages
    assert [[1], [], []] == counts


@pytest.mark.parametrize("platform", ["fireworks", "rivergen"])
@pytest.mark.parametrize("order", Order)
async def test_lines_around_a_window_leave_no_gap(platform: str, order: Order) -> None:
    """Also when workers are somewhat out of order at its ends."""
    make, job = PLATFORMS[platform]
    seconds = (0, 1, 3, 2, 4, 5, 7, 6, 8, 9)
    stamps: list[object] = [AT_NS + at * NS_PER_SECOND for at in seconds]
    window = LogQuery(JobRef(platform, job), AT_NS + 3 * NS_PER_SECOND, AT_NS + 6 * NS_PER_SECOND, order, limit=2)
    lines, gaps = await read_all(make(stamps), window)
    assert {"line 4", "line 5", "line 7"} <= {line.message for line in lines}
    assert [] == gaps
