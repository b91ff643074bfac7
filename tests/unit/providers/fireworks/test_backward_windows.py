"""Newest first from an end time: each line once, in few requests at any density."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.durations import NS_PER_MS, NS_PER_SECOND
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.errors import CursorLost
from bot.providers.fireworks.backward_windows import BackwardReader, WindowPosition
from bot.providers.paging.cursors import pack_cursor
from tests.unit.providers.fireworks.test_log_reader import JOB, NOW_NS, Server, call, line_at

DAY_NS = timedelta(days=1) // timedelta(microseconds=1) * 1000
QUERY = LogQuery(JOB, None, NOW_NS, Order.DESC, limit=51)


def page_of(server: Server, query: LogQuery) -> LogPage:
    steps = BackwardReader.resume(query).steps()
    try:
        request = next(steps)
        while True:
            request = steps.send(call(server, request))
    except StopIteration as end:
        page: LogPage = end.value
        return page


def newest(server: Server, query: LogQuery, count: int) -> list[LogLine]:
    """Read pages until there are `count` lines."""
    lines: list[LogLine] = []
    while len(lines) < count:
        page = page_of(server, query)
        lines += page.lines
        if not page.more:
            break
        query = replace(query, cursor=page.cursor)
    return lines[:count]


@pytest.mark.parametrize(
    ("step_ns", "count", "most_requests"),
    [
        (DAY_NS, 400, 11),
        (60 * NS_PER_SECOND, 20_000, 7),
        (NS_PER_SECOND, 20_000, 3),
        (NS_PER_SECOND // 10_000, 50_000, 4),
        (1, 20_000, 12),
    ],
)
def test_number_of_requests_does_not_depend_on_lines_after_the_end(
    step_ns: int, count: int, most_requests: int
) -> None:
    lines = [line_at(NOW_NS + (number - count // 2) * step_ns, f"line {number}") for number in range(count)]
    server = Server(lines, random.Random(1))
    expected = [line for line in reversed(lines) if line.timestamp_ns <= NOW_NS][:51]
    assert newest(server, QUERY, 51) == expected
    assert server.requests <= most_requests


def test_silence_after_a_busy_hour_takes_few_requests() -> None:
    end_ns = NOW_NS - 3 * DAY_NS
    lines = [line_at(end_ns - number * NS_PER_MS, f"line {number}") for number in range(50_000)]
    server = Server(lines, random.Random(1))
    assert newest(server, QUERY, 51) == lines[:51]
    assert server.requests <= 40


@settings(max_examples=100, deadline=None)
@given(
    gaps=st.lists(st.sampled_from([0, 0, 0, 1, 100_000, NS_PER_SECOND, DAY_NS]), min_size=1, max_size=60),
    bounds=st.tuples(st.none() | st.integers(0, 20), st.integers(0, 60)),
    limits=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    page_cap=st.integers(1, 25),
    troubles=st.tuples(st.sampled_from([0.0, 0.2]), st.sampled_from([0.0, 0.1])),
    seed=st.integers(0, 2**16),
)
def test_every_line_is_read_once_and_in_order(
    gaps: list[int],
    bounds: tuple[int | None, int],
    limits: list[int],
    page_cap: int,
    troubles: tuple[float, float],
    seed: int,
) -> None:
    stamps = [NOW_NS - 100 * DAY_NS + at for at in accumulate(gaps)]
    lines = [line_at(stamp, f"line {number % 5}") for number, stamp in enumerate(stamps)]
    start_ns = None if bounds[0] is None else stamps[min(bounds[0], len(stamps) - 1)]
    query = LogQuery(JOB, start_ns, stamps[min(bounds[1], len(stamps) - 1)], Order.DESC)
    found = read_all(Server(lines, random.Random(seed), page_cap, *troubles), query, limits)
    assert query.end_ns is not None
    expected = [line for line in lines if (start_ns or 0) <= line.timestamp_ns <= query.end_ns]
    assert Counter(expected) == Counter(found)
    read = [line.timestamp_ns for line in found]
    assert sorted(read, reverse=True) == read


def test_more_lines_of_one_nanosecond_than_a_window_holds_are_read_once() -> None:
    lines = [line_at(NOW_NS - number // 1500, f"line {number % 700}") for number in range(3500)]
    found = read_all(Server(lines, random.Random(1)), QUERY, [400])
    assert Counter(lines) == Counter(found)


def read_all(server: Server, query: LogQuery, limits: list[int]) -> list[LogLine]:
    lines: list[LogLine] = []
    for number in range(500):
        limit = limits[number % len(limits)]
        page = page_of(server, replace(query, limit=limit))
        assert len(page.lines) <= limit
        lines += page.lines
        if not page.more:
            return lines
        query = replace(query, cursor=page.cursor)
    raise AssertionError("the pages do not end")


def test_a_foreign_cursor_is_refused() -> None:
    cursor = pack_cursor(WindowPosition(NOW_NS, delivered=(b"12345678", b"")))
    with pytest.raises(CursorLost):
        BackwardReader.resume(replace(QUERY, cursor=cursor))
