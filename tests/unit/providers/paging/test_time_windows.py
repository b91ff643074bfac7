"""The time-window reader emits every line once, whatever the platform does within its documents."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogLine, LogQuery, Order
from bot.errors import Unavailable
from bot.providers.paging.time_windows import Endpoint, read_page_by_time
from tests.unit.providers.paging.fake_logs import (
    JOB,
    START_MS,
    START_NS,
    FakeLog,
    Reading,
    doubled,
    endpoint,
    lost,
    read_all,
)

MINUTE_MS = 60_000

steps_ms = st.one_of(
    st.sampled_from([0, 0, 0, 1, 1, 2, 50]),
    st.integers(0, 5_000),
    st.sampled_from([3 * MINUTE_MS, 8 * MINUTE_MS]),
)
line_parts = st.tuples(steps_ms, st.integers(0, 3) | st.integers(0, NS_PER_MS - 1), st.integers(0, 2))


def lines_of(parts: list[tuple[int, int, int]]) -> list[LogLine]:
    at_ms, lines = START_MS, []
    for step_ms, rest_ns, text in parts:
        at_ms += step_ms
        lines.append(LogLine(at_ms * NS_PER_MS + rest_ns, f"line {text}", replica=f"replica{text}"))
    return lines


def fullest_ms(lines: list[LogLine]) -> int:
    return max(Counter(line.timestamp_ns // NS_PER_MS for line in lines).values(), default=0)


@st.composite
def logs(draw: st.DrawFn) -> FakeLog:
    lines = lines_of(draw(st.lists(line_parts, max_size=60)))
    return FakeLog(
        lines=[(line, 0) for line in lines],
        start_inclusive=draw(st.booleans()),
        end_inclusive=draw(st.booleans()),
        page_cap=draw(st.integers(1, 12) | st.just(1000)),
        uneven=draw(st.sampled_from([0, 0, 1, 30])),
        shuffle=draw(st.booleans()),
        by_ms=draw(st.booleans()),
        window_ms=draw(st.sampled_from([2 * MINUTE_MS, 7 * MINUTE_MS])),
        failures=draw(st.sampled_from([0.0, 0.0, 0.2])),
        seed=draw(st.integers(0, 1000)),
        now_ns=lines[-1].timestamp_ns + 10**9 if lines else START_NS,
    )


def in_reading_order(lines: list[LogLine], order: Order) -> bool:
    stamps = [line.timestamp_ns for line in lines]
    return stamps == sorted(stamps, reverse=order is Order.DESC)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(log=logs(), order=st.sampled_from(Order), limit=st.integers(1, 9) | st.just(1000))
async def test_every_line_comes_once_and_in_order(log: FakeLog, order: Order, limit: int) -> None:
    reading = Reading()
    query = LogQuery(JOB, START_NS, None, order, limit)
    await read_all(log, query, endpoint(log), reading)
    expected = [line for line, _ in log.lines]
    assert [] == doubled(reading, expected)
    # A platform that cuts a millisecond at random, another way each time, has no stable order.
    assert in_reading_order(reading.lines, order) or (log.shuffle and fullest_ms(expected) >= log.page_cap)
    if fullest_ms(expected) < log.page_cap:
        assert ([], []) == (lost(reading, expected), reading.gaps)
    elif not (log.shuffle or log.by_ms) and len({line.timestamp_ns for line in expected}) == len(expected):
        spans = [(gap.start_ns or 0, gap.end_ns or 0) for gap in reading.gaps]
        missing = [line.timestamp_ns for line in lost(reading, expected)]
        assert [] == [at_ns for at_ns in missing if not any(first <= at_ns <= last for first, last in spans)]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(log=logs(), start=st.integers(0, 40), length=st.integers(0, 40), order=st.sampled_from(Order))
async def test_bounds_are_exact_to_the_nanosecond(log: FakeLog, start: int, length: int, order: Order) -> None:
    log.page_cap = 1000
    stamps = [line.timestamp_ns for line, _ in log.lines] or [START_NS]
    start_ns = stamps[start % len(stamps)]
    end_ns = max(start_ns, stamps[(start + length) % len(stamps)])
    reading = Reading()
    await read_all(log, LogQuery(JOB, start_ns, end_ns, order), endpoint(log), reading)
    expected = [line for line, _ in log.lines if start_ns <= line.timestamp_ns <= end_ns]
    assert Counter(expected) == Counter(reading.lines)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    parts=st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 3), st.integers(0, 2)), max_size=80),
    delays_s=st.lists(st.integers(0, 80) | st.just(0), min_size=80, max_size=80),
    polls_s=st.lists(st.integers(1, 60), min_size=1, max_size=10),
    log=logs(),
    limit=st.integers(1, 9) | st.just(1000),
    patience=st.sampled_from([1, 2, 3_000]),
)
async def test_following_emits_late_lines_once(
    parts: list[tuple[int, int, int]],
    delays_s: list[int],
    polls_s: list[int],
    log: FakeLog,
    limit: int,
    patience: int,
) -> None:
    """A poll may stop after some pages and continue much later."""
    lines = lines_of(parts)
    late = [(line, line.timestamp_ns + delay * 10**9) for line, delay in zip(lines, delays_s, strict=False)]
    log.lines, log.now_ns = late, START_NS
    log.page_cap = max(log.page_cap, fullest_ms(lines) + 1)
    reading, known = Reading(), endpoint(log)
    query = LogQuery(JOB, START_NS, limit=limit, follow=True)
    for seconds in polls_s:
        log.now_ns += seconds * 10**9
        query = await read_all(log, query, known, reading, most_pages=patience)
    for _ in range(17):  # one scan in sixteen believes no small page
        log.now_ns += 400 * 10**9
        query = await read_all(log, query, known, reading)
    assert ([], []) == (lost(reading, lines), doubled(reading, lines))
    assert [] == reading.gaps


async def test_a_millisecond_larger_than_a_page_is_read_from_both_ends_and_reported() -> None:
    crowd = [LogLine(START_NS + number, f"crowd {number}") for number in range(2500)]
    around = [LogLine(START_NS - 5 * NS_PER_MS, "before"), LogLine(START_NS + 5 * NS_PER_MS, "after")]
    for order in Order:
        log, reading = FakeLog([(line, 0) for line in [*around, *crowd]], now_ns=START_NS + 10**12), Reading()
        await read_all(log, LogQuery(JOB, START_NS - 10**9, None, order, 5000), endpoint(log), reading)
        assert 2002 == len(reading.lines)
        assert {"before", "after"} <= {line.message for line in reading.lines}
        assert [(START_NS, START_NS + NS_PER_MS - 1)] == [(gap.start_ns, gap.end_ns) for gap in reading.gaps]


@pytest.mark.parametrize("order", list(Order))
async def test_pages_of_uneven_size_do_not_end_a_scan_early(order: Order) -> None:
    for seed in range(30):
        chance = random.Random(seed)
        lines = lines_of([(chance.choice([0, 0, 1, 700]), chance.randrange(9), 0) for _ in range(150)])
        log = FakeLog([(line, 0) for line in lines], uneven=40, seed=seed, now_ns=lines[-1].timestamp_ns + 10**9)
        log.page_cap, reading = fullest_ms(lines) + 1, Reading()
        await read_all(log, LogQuery(JOB, START_NS, order=order), endpoint(log), reading)
        assert ([], [], []) == (lost(reading, lines), doubled(reading, lines), reading.gaps)


async def test_a_saturated_millisecond_whose_ends_agree_is_reported() -> None:
    crowd = [LogLine(START_NS + number * 37 % 1000, f"crowd {number}") for number in range(1500)]
    for order in Order:
        log, reading = FakeLog([(line, 0) for line in crowd], by_ms=True, now_ns=START_NS + 10**12), Reading()
        await read_all(log, LogQuery(JOB, START_NS - 10**9, None, order, 5000), endpoint(log), reading)
        assert (1000, 1) == (len(reading.lines), len(reading.gaps))


async def test_a_saturated_last_millisecond_is_reported_when_pages_are_cut() -> None:
    before = [LogLine(START_NS - second * 10**9, "before") for second in range(10, 0, -1)]
    crowd = [LogLine(START_NS + number % 2, f"crowd {number}") for number in range(20)]
    for order in Order:
        log, reading = (
            FakeLog([(line, 0) for line in [*before, *crowd]], by_ms=True, now_ns=START_NS + 10**10),
            Reading(),
        )
        log.page_cap = 7
        await read_all(log, LogQuery(JOB, START_NS - 10**11, None, order), endpoint(log), reading)
        assert (17, 1) == (len(reading.lines), len(reading.gaps))


async def test_a_millisecond_that_exactly_fills_a_page_is_read_without_a_gap() -> None:
    crowd = [LogLine(START_NS + number, f"crowd {number}") for number in range(1000)]
    log, reading = FakeLog([(line, 0) for line in crowd], now_ns=START_NS + 10**12), Reading()
    await read_all(log, LogQuery(JOB, START_NS), endpoint(log), reading)
    assert (crowd, []) == (reading.lines, reading.gaps)


async def test_a_full_read_makes_about_one_request_per_page() -> None:
    lines = [LogLine(START_NS + number * 137_000, f"line {number}") for number in range(50_000)]
    log, reading = FakeLog([(line, 0) for line in lines], now_ns=START_NS + 10**12), Reading()
    await read_all(log, LogQuery(JOB, START_NS), endpoint(log), reading)
    assert lines == reading.lines
    assert log.requests <= 54


async def test_a_quiet_follower_makes_one_request_per_poll() -> None:
    lines = [LogLine(START_NS + number * NS_PER_MS, f"line {number}") for number in range(3000)]
    log, known = FakeLog([(line, 0) for line in lines], now_ns=START_NS + 10**10), endpoint(FakeLog())
    query = await read_all(log, LogQuery(JOB, START_NS, follow=True, overlap=timedelta(seconds=0.5)), known)
    log.requests = 0
    for _ in range(5):
        log.now_ns += 30 * 10**9
        query = await read_all(log, query, known)
    assert 5 == log.requests


async def test_a_cursor_resumes_a_catch_up_in_another_process() -> None:
    lines = [LogLine(START_NS + number * 10**7, f"line {number % 7}", replica="r") for number in range(20_000)]
    log, reading = FakeLog([(line, 0) for line in lines], now_ns=START_NS + 10**12), Reading()
    query = LogQuery(JOB, START_NS, limit=700, follow=True)
    for _ in range(200):
        query = await read_all(log, replace(query, limit=700), endpoint(log), reading)
    assert Counter(lines) == Counter(reading.lines)


async def test_a_timestamp_in_the_future_does_not_hide_later_lines() -> None:
    log, reading, known = FakeLog(now_ns=START_NS), Reading(), endpoint(FakeLog())
    log.lines = [(LogLine(START_NS + 50 * 10**9, "clock ahead"), 0)]
    query = await read_all(log, LogQuery(JOB, START_NS, follow=True), known, reading)
    log.lines.append((LogLine(START_NS + 10**9, "in time"), 0))
    log.now_ns += 100 * 10**9
    await read_all(log, query, known, reading)
    assert ["clock ahead", "in time"] == [line.message for line in reading.lines]


@pytest.mark.parametrize("order", list(Order))
async def test_a_page_may_span_weeks(order: Order) -> None:
    lines = [LogLine(START_NS + day * 86_400 * 10**9, f"day {day}") for day in range(40)]
    log, reading = FakeLog([(line, 0) for line in lines], window_ms=10**10, now_ns=START_NS + 10**16), Reading()
    await read_all(
        log, LogQuery(JOB, START_NS, order=order, limit=7), Endpoint(timedelta(days=60), timedelta(days=60)), reading
    )
    assert Counter(lines) == Counter(reading.lines)


@pytest.mark.parametrize("away_h", [1, 30])
async def test_a_follower_that_stopped_reads_the_lines_of_its_absence(away_h: int) -> None:
    lines = [LogLine(START_NS + minute * 60 * 10**9, f"minute {minute}") for minute in range(60 * away_h)]
    log, reading = FakeLog([(line, 0) for line in lines], now_ns=START_NS), Reading()
    log.lines = [(line, line.timestamp_ns) for line in lines]
    log.now_ns = START_NS + 600 * 10**9
    query = await read_all(log, LogQuery(JOB, START_NS, limit=3, follow=True), endpoint(log), reading, most_pages=1)
    log.now_ns = START_NS + away_h * 3600 * 10**9
    for _ in range(3):
        query = await read_all(log, query, endpoint(log), reading)
    assert lines == reading.lines


async def test_progress_through_a_long_silence_is_kept_when_requests_fail() -> None:
    log, known = FakeLog(now_ns=START_NS + 10**16, failures=0.05), Endpoint(timedelta(minutes=7), timedelta(minutes=7))
    query = LogQuery(JOB, START_NS)
    for _ in range(5):
        log.requests = 0
        with contextlib.suppress(Unavailable):
            page = await read_page_by_time(query, known, log.fetch, start_ns=START_NS, now_ns=log.now_ns)
            assert page.cursor != query.cursor
            query = replace(query, cursor=page.cursor)
        assert log.requests <= 10


async def test_the_cursor_of_a_scan_stays_small() -> None:
    lines = [LogLine(START_NS + number * 137_000, f"line {number}") for number in range(5_000)]
    log = FakeLog([(line, 0) for line in lines], now_ns=START_NS + 10**12)
    page = await read_page_by_time(
        LogQuery(JOB, START_NS), endpoint(log), log.fetch, start_ns=START_NS, now_ns=log.now_ns
    )
    assert page.cursor is not None
    assert len(page.cursor.state) < 300
