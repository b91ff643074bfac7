"""The RiverGen reader loses and duplicates no line, even if lines arrive late, move or go missing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.providers.rivergen.log_reader import NumberedPage, read_page_by_offset
from bot.providers.rivergen.wire import NumberedLine

JOB = JobRef("rivergen", "mdl-1/run-1")
SECOND = 10**9


@dataclass
class Server:
    """Lines in order of number; `page_cap` cuts pages silently."""

    lines: Sequence[NumberedLine]
    page_cap: int = 5000
    requests: int = 0

    async def fetch(self, offset: int, limit: int) -> NumberedPage:
        self.requests += 1
        size = min(limit, self.page_cap)
        first = max(0, len(self.lines) - size) if offset < 0 else offset
        return NumberedPage(len(self.lines), first, self.lines[first : first + size])


def numbered(count: int, *, first: int = 1, step_ns: int = SECOND) -> list[NumberedLine]:
    return [NumberedLine(number, LogLine(number * step_ns, f"line {number}")) for number in range(first, first + count)]


def read_all(server: Server, query: LogQuery, limits: Sequence[int]) -> tuple[list[LogLine], list[LogPage]]:
    lines: list[LogLine] = []
    pages: list[LogPage] = []
    while not pages or pages[-1].more:
        query = replace(query, limit=limits[len(pages) % len(limits)])
        page = asyncio.run(read_page_by_offset(query, "run-1", server.fetch))
        assert len(page.lines) <= query.limit
        lines += page.lines
        pages.append(page)
        query = replace(query, cursor=page.cursor)
        assert len(pages) < 2000
    return lines, pages


READS = given(
    stamps=st.lists(st.integers(0, 30), max_size=80),
    order=st.sampled_from(Order),
    limits=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    page_cap=st.integers(1, 30),
    bounds=st.tuples(st.none() | st.integers(0, 30), st.none() | st.integers(0, 30)),
)


@settings(max_examples=300, deadline=None)
@READS
def test_every_line_is_read_once_and_in_order(
    stamps: list[int], order: Order, limits: list[int], page_cap: int, bounds: tuple[int | None, int | None]
) -> None:
    lines = [LogLine(stamp, "repeated") for stamp in sorted(stamps)]
    server = Server([NumberedLine(number, line) for number, line in enumerate(lines, start=1)], page_cap)
    start_ns, end_ns = bounds
    found, pages = read_all(server, LogQuery(JOB, start_ns, end_ns, order), limits)
    expected = [
        line
        for line in lines
        if (start_ns is None or line.timestamp_ns >= start_ns) and (end_ns is None or line.timestamp_ns <= end_ns)
    ]
    assert (expected if order is Order.ASC else expected[::-1]) == found
    assert [] == [gap for page in pages for gap in page.gaps]


@pytest.mark.slow
def test_every_line_of_2000_logs_is_read_once() -> None:
    body = test_every_line_is_read_once_and_in_order.hypothesis.inner_test  # type: ignore[attr-defined]
    settings(max_examples=2000, deadline=None)(READS(body))()


FOLLOWS = given(
    arrivals=st.lists(st.integers(0, 60), max_size=60),
    limits=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    page_cap=st.integers(1, 30),
)


@settings(max_examples=300, deadline=None)
@FOLLOWS
def test_following_reads_late_lines_once(arrivals: list[int], limits: list[int], page_cap: int) -> None:
    """Lines are one second apart and become visible up to 60 s late, within the overlap of 90 s."""
    lines = numbered(len(arrivals))
    found: list[LogLine] = []
    gaps = []
    cursor = None
    for second in (0, 5, 20, 21, 50, 70, 100, 130):
        visible = [item for item, late in zip(lines, arrivals, strict=True) if item.number + late <= second]
        server = Server(visible, page_cap)
        query = LogQuery(JOB, follow=True, cursor=cursor)
        fresh, pages = read_all(server, query, limits)
        found += fresh
        gaps += [gap for page in pages for gap in page.gaps]
        cursor = pages[-1].cursor
        assert cursor is not None
    assert Counter(line for _, line in lines) == Counter(found)
    assert [] == gaps


@pytest.mark.slow
def test_following_2000_logs_reads_every_line_once() -> None:
    body = test_following_reads_late_lines_once.hypothesis.inner_test  # type: ignore[attr-defined]
    settings(max_examples=2000, deadline=None)(FOLLOWS(body))()


def test_skipped_numbers_give_a_gap_of_their_number() -> None:
    server = Server([*numbered(5), *numbered(5, first=9)])
    for order, pages in ((order, read_all(server, LogQuery(JOB, order=order), [3])[1]) for order in Order):
        assert [3] == [gap.lines for page in pages for gap in page.gaps], order


def test_lines_removed_from_the_beginning_do_not_hide_later_lines() -> None:
    server = Server(numbered(100))
    page = asyncio.run(read_page_by_offset(LogQuery(JOB, limit=10), "run-1", server.fetch))
    server.lines = numbered(93, first=8)
    rest, _ = read_all(server, LogQuery(JOB, cursor=page.cursor), [10])
    assert [f"line {number}" for number in range(1, 101)] == [line.message for line in [*page.lines, *rest]]


@pytest.mark.parametrize("late", [3, 14, 19])
def test_a_late_line_does_not_hide_others_when_reading_backward(late: int) -> None:
    lines = numbered(20)
    server = Server([item for item in lines if item.number != late])
    page = asyncio.run(read_page_by_offset(LogQuery(JOB, order=Order.DESC, limit=5), "run-1", server.fetch))
    server.lines = lines
    rest, _ = read_all(server, LogQuery(JOB, order=Order.DESC, cursor=page.cursor), [5])
    expected = [f"line {number}" for number in range(20, 0, -1) if number != late or late < 15]
    assert expected == [line.message for line in [*page.lines, *rest]]


def test_a_follower_continues_after_its_offset_was_removed() -> None:
    server = Server(numbered(100))
    _, pages = read_all(server, LogQuery(JOB, follow=True), [50])
    server.lines = numbered(30, first=75)
    found, pages = read_all(server, LogQuery(JOB, follow=True, cursor=pages[-1].cursor), [10])
    assert [f"line {number}" for number in range(101, 105)] == [line.message for line in found]
    server.lines = []
    found, pages = read_all(server, LogQuery(JOB, follow=True, cursor=pages[-1].cursor), [10])
    assert ([], ()) == (found, pages[-1].gaps)


def test_a_follower_stops_at_the_end_of_its_query_and_continues_after_it() -> None:
    server = Server(numbered(10))
    page = asyncio.run(read_page_by_offset(LogQuery(JOB, end_ns=4 * SECOND, follow=True), "run-1", server.fetch))
    assert (4, False) == (len(page.lines), page.more)
    page = asyncio.run(read_page_by_offset(LogQuery(JOB, follow=True, cursor=page.cursor), "run-1", server.fetch))
    assert [f"line {number}" for number in range(5, 11)] == [line.message for line in page.lines]


def test_a_follower_reports_a_permanent_hole_once() -> None:
    lines = [*numbered(5), *numbered(5, first=9)]
    cursor = None
    gaps = []
    for count in (10, 20, 200, 300, 400):
        server = Server([*lines, *numbered(count, first=14)])
        _, pages = read_all(server, LogQuery(JOB, follow=True, cursor=cursor, overlap=timedelta(seconds=90)), [5000])
        cursor = pages[-1].cursor
        gaps += [gap.lines for page in pages for gap in page.gaps]
    assert [3] == gaps


def test_lines_that_are_counted_but_not_sent_give_a_gap() -> None:
    async def fetch(offset: int, limit: int) -> NumberedPage:
        return NumberedPage(12, offset, numbered(10)[offset : offset + limit])

    page = asyncio.run(read_page_by_offset(LogQuery(JOB), "run-1", fetch))
    assert page.more
    page = asyncio.run(read_page_by_offset(LogQuery(JOB, cursor=page.cursor), "run-1", fetch))
    assert ([2], False) == ([gap.lines for gap in page.gaps], page.more)


def test_a_start_in_a_long_log_is_found_with_few_requests() -> None:
    server = Server(numbered(200_000))
    page = asyncio.run(read_page_by_offset(LogQuery(JOB, start_ns=150_000 * SECOND, limit=10), "run-1", server.fetch))
    assert "line 150000" == page.lines[0].message
    assert server.requests <= 12
    server.requests = 0
    query = LogQuery(JOB, end_ns=50_000 * SECOND, order=Order.DESC, limit=10)
    page = asyncio.run(read_page_by_offset(query, "run-1", server.fetch))
    assert "line 50000" == page.lines[0].message
    assert server.requests <= 12


def test_an_end_is_found_when_only_the_tail_has_the_total() -> None:
    whole = Server(numbered(9_000))

    async def fetch(offset: int, limit: int) -> NumberedPage:
        chunk = await whole.fetch(offset, limit)
        return replace(chunk, total=max(offset + len(chunk.lines), *(number for number, _ in chunk.lines), 0))

    query = LogQuery(JOB, end_ns=7_000 * SECOND, order=Order.DESC, limit=10)
    page = asyncio.run(read_page_by_offset(query, "run-1", fetch))
    assert "line 7000" == page.lines[0].message


def test_the_cursor_of_a_follower_stays_small() -> None:
    server = Server(numbered(50_000))
    _, pages = read_all(server, LogQuery(JOB, follow=True), [5000])
    assert pages[-1].cursor is not None
    assert len(pages[-1].cursor.state) < 100
