"""The Fireworks reader loses and duplicates no line, even if the server is as unhelpful as its documents allow."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.durations import parse_rfc3339_ns
from bot.domain.jobs import JobRef
from bot.domain.logs import LogCursor, LogLine, LogPage, LogQuery, Order
from bot.errors import BadRequest
from bot.providers.fireworks.log_reader import LARGEST_PAGE, TokenPosition, TokenReader
from bot.providers.paging.cursors import pack_cursor, unpack_cursor
from bot.providers.paging.seen_lines import MOST_SEEN

JOB = JobRef("fireworks", "acme/job-1")
SECOND = 10**9
NOW_NS = 1_800_000_000 * SECOND


@dataclass
class Server:
    """Pages by token. Tokens expire, pages are short or empty; equal timestamps come in any order after restarts."""

    lines: list[LogLine]
    chance: random.Random
    page_cap: int = LARGEST_PAGE
    empty_share: float = 0.0
    expiry_share: float = 0.0
    requests: int = 0
    _chains: dict[str, tuple[tuple[tuple[str, str], ...], list[LogLine]]] = field(default_factory=dict)

    def get(self, params: list[tuple[str, str]]) -> tuple[list[LogLine], str] | None:
        """Return a page and the next token; None is status 400."""
        self.requests += 1
        named = dict(params)
        bound = tuple(item for item in params if item[0] != "pageToken")
        token = named.get("pageToken")
        if token is None:
            left = self._from_start(named)
        else:
            if self.chance.random() < self.expiry_share:
                return None
            issued_for, left = self._chains[token]
            assert issued_for == bound, "a token is bound to the other parameters"
        assert int(named["pageSize"]) <= LARGEST_PAGE
        size = 0 if self.chance.random() < self.empty_share else min(int(named["pageSize"]), self.page_cap)
        page, rest = left[:size], left[size:]
        if not rest and page == left:
            return page, ""
        following = f"t{len(self._chains)}"
        self._chains[following] = (bound, rest)
        return page, following

    def _from_start(self, named: dict[str, str]) -> list[LogLine]:
        newest_first = named.get("startFromHead") != "true"
        assert "startTime" in named, "without a start there is one page and no token (documented)"
        start_ns = parse_rfc3339_ns(named["startTime"])
        assert start_ns is not None
        shuffled = self.chance.sample(self.lines, len(self.lines))
        found = [line for line in shuffled if line.timestamp_ns >= start_ns]
        return sorted(found, key=lambda line: line.timestamp_ns, reverse=newest_first)


def call(server: Server, query: LogQuery, now_ns: int = NOW_NS, requests: int = 20, most: int = MOST_SEEN) -> LogPage:
    reader = TokenReader.resume(query, now_ns, most=most)
    for _ in range(requests):
        answer = server.get(reader.params())
        if answer is None:
            assert reader.token_expired()
            continue
        page = reader.take(*answer)
        if page is not None:
            return page
    return reader.pause()


def read_all(
    server: Server, query: LogQuery, limits: list[int], most: int = MOST_SEEN
) -> tuple[list[LogLine], list[LogPage]]:
    lines: list[LogLine] = []
    pages: list[LogPage] = []
    cursor = None
    while not pages or pages[-1].more:
        limit = limits[len(pages) % len(limits)]
        page = call(server, replace(query, limit=limit, cursor=cursor), most=most)
        assert len(page.lines) <= limit
        lines += page.lines
        pages.append(page)
        cursor = page.cursor
        assert len(pages) < 5000
    return lines, pages


def line_at(stamp_ns: int, text: str = "x", rank: int = 0) -> LogLine:
    return LogLine(stamp_ns, text, rank=rank)


LOG_LINES = st.builds(
    line_at,
    st.integers(0, 12).map(lambda step: NOW_NS - 100 * SECOND + step * 7),
    st.sampled_from(["loss 1", "loss 2", "  indented", ""]),
    st.integers(0, 2),
)


READS = given(
    lines=st.lists(LOG_LINES, max_size=60),
    order=st.sampled_from(Order),
    limits=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    page_cap=st.integers(1, 25),
    troubles=st.tuples(st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 0.15])),
    bounds=st.tuples(st.none() | st.integers(0, 12), st.none() | st.integers(0, 12)),
    seed=st.integers(0, 2**16),
)


@settings(max_examples=300, deadline=None)
@READS
def test_every_entry_is_read_once_and_in_order(
    lines: list[LogLine],
    order: Order,
    limits: list[int],
    page_cap: int,
    troubles: tuple[float, float],
    bounds: tuple[int | None, int | None],
    seed: int,
) -> None:
    start_ns, end_ns = (None if step is None else NOW_NS - 100 * SECOND + step * 7 for step in bounds)
    server = Server(lines, random.Random(seed), page_cap, *troubles)
    found, _ = read_all(server, LogQuery(JOB, start_ns, end_ns, order), limits)
    expected = [
        line
        for line in lines
        if (start_ns is None or line.timestamp_ns >= start_ns) and (end_ns is None or line.timestamp_ns <= end_ns)
    ]
    assert Counter(expected) == Counter(found)
    stamps = [line.timestamp_ns for line in found]
    assert sorted(stamps, reverse=order is Order.DESC) == stamps


@pytest.mark.slow
def test_every_entry_of_2000_logs_is_read_once() -> None:
    body = test_every_entry_is_read_once_and_in_order.hypothesis.inner_test  # type: ignore[attr-defined]
    settings(max_examples=2000, deadline=None)(READS(body))()


FOLLOWS = given(
    arrivals=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 80), st.sampled_from(["a", "b"]), st.integers(0, 1)), max_size=60
    ),
    limits=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    page_cap=st.integers(1, 25),
    troubles=st.tuples(st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 0.15])),
    patience=st.sampled_from([1, 2, 3, 2000]),
    seed=st.integers(0, 2**16),
)


@settings(max_examples=300, deadline=None)
@FOLLOWS
def test_following_reads_late_entries_and_duplicates_once(
    arrivals: list[tuple[int, int, str, int]],
    limits: list[int],
    page_cap: int,
    troubles: tuple[float, float],
    patience: int,
    seed: int,
) -> None:
    """An entry becomes visible up to 80 s late, within the overlap of 90 s. A poll may stop after some pages."""
    begin_ns = NOW_NS - 1000 * SECOND
    arriving = [
        (second + late, line_at(begin_ns + second * SECOND, text, rank)) for second, late, text, rank in arrivals
    ]
    server = Server([], random.Random(seed), page_cap, *troubles)
    found: list[LogLine] = []
    cursor = None
    for second in (0, 20, 40, 60, 61, 90, 300, 301):
        server.lines = [line for visible, line in arriving if visible <= second]
        more, rounds = True, 0
        while more and (rounds < patience or second >= 300):
            query = LogQuery(JOB, limit=limits[rounds % len(limits)], cursor=cursor, follow=True)
            page = call(server, query, begin_ns + second * SECOND)
            assert page.cursor is not None
            found += page.lines
            cursor, more, rounds = page.cursor, page.more, rounds + 1
            assert rounds < 2000
    assert Counter(line for _, line in arriving) == Counter(found)


@pytest.mark.slow
def test_following_2000_logs_reads_every_entry_once() -> None:
    body = test_following_reads_late_entries_and_duplicates_once.hypothesis.inner_test  # type: ignore[attr-defined]
    settings(max_examples=2000, deadline=None)(FOLLOWS(body))()


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("limit", [1, 3, 10])
def test_equal_entries_on_several_pages_are_counted(order: Order, limit: int) -> None:
    lines = [line_at(NOW_NS - (number // 20) * SECOND) for number in range(60)]
    server = Server(lines, random.Random(0), page_cap=7)
    found, _ = read_all(server, LogQuery(JOB, end_ns=NOW_NS + SECOND, order=order), [limit])
    assert Counter(lines) == Counter(found)


def test_a_resumed_round_finds_entries_that_arrived_in_between() -> None:
    lines = [line_at(NOW_NS + second * SECOND, str(second)) for second in range(300) if second != 40]
    server = Server(lines[:100], random.Random(0))
    first = call(server, LogQuery(JOB, limit=70, follow=True), NOW_NS + 100 * SECOND)
    server.lines, server.expiry_share = [*lines, line_at(NOW_NS + 40 * SECOND, "late")], 1.0
    found, cursor = list(first.lines), first.cursor
    for _ in range(20):
        page = call(server, LogQuery(JOB, limit=70, cursor=cursor, follow=True), NOW_NS + 300 * SECOND)
        found, cursor = [*found, *page.lines], page.cursor
    assert Counter(server.lines) == Counter(found)


def test_a_timestamp_in_the_future_does_not_hide_entries_of_other_ranks() -> None:
    server = Server([line_at(NOW_NS + 600 * SECOND, rank=1)], random.Random(0))
    page = call(server, LogQuery(JOB, follow=True))
    server.lines.append(line_at(NOW_NS + SECOND, "later", rank=0))
    page = call(server, LogQuery(JOB, follow=True, cursor=page.cursor), NOW_NS + 2 * SECOND)
    assert ["later"] == [line.message for line in page.lines]


def test_entries_older_than_the_overlap_are_forgotten() -> None:
    lines = [line_at(NOW_NS + second * SECOND, str(second)) for second in range(1000)]
    server = Server(lines, random.Random(0))
    page = call(server, LogQuery(JOB, follow=True, overlap=timedelta(seconds=90)), NOW_NS + 1000 * SECOND)
    assert page.cursor is not None
    assert len(page.cursor.state) < 2500


def test_the_overlap_shrinks_when_too_many_lines_are_remembered() -> None:
    lines = [line_at(NOW_NS + number * SECOND // 100, str(number)) for number in range(1000)]
    found, pages = read_all(Server(lines, random.Random(0)), LogQuery(JOB, follow=True), [70], most=100)
    assert lines == found
    cursor = pages[-1].cursor
    assert cursor is not None
    assert len(cursor.state) < 2500
    query = LogQuery(JOB, follow=True, cursor=cursor)
    again = call(Server(lines, random.Random(0)), query, NOW_NS + 20 * SECOND, most=100)
    assert [] == list(again.lines)


def test_a_token_that_leads_in_a_circle_ends_with_a_gap() -> None:
    reader = TokenReader.resume(LogQuery(JOB), NOW_NS)
    page, answers = None, 0
    while page is None:
        page = reader.take([], f"t{answers % 3}")
        answers += 1
    assert not page.more
    assert "does not send them" in page.gaps[0].public


def test_a_circle_of_full_pages_emits_each_entry_once() -> None:
    lines = [line_at(NOW_NS - (9 - number) * SECOND, str(number)) for number in range(3)]
    reader = TokenReader.resume(LogQuery(JOB, limit=3), NOW_NS)
    found: list[LogLine] = []
    for _ in range(100):
        page = reader.take(list(lines), "always the same")
        found += page.lines if page else ()
        if page is not None and not page.more:
            break
    assert lines == found


def test_the_page_size_stays_within_the_documented_maximum() -> None:
    reader = TokenReader.resume(LogQuery(JOB, limit=50_000), NOW_NS)
    assert ("pageSize", "10000") in reader.params()


def test_a_cursor_that_cannot_be_read_raises_bad_request() -> None:
    page = TokenReader.resume(LogQuery(JOB), NOW_NS).pause()
    assert page.cursor is not None
    position = unpack_cursor(page.cursor, TokenPosition)
    position.delivered = (b"broken", b"")
    for cursor in (pack_cursor(position), LogCursor(b"broken")):
        with pytest.raises(BadRequest):
            TokenReader.resume(LogQuery(JOB, cursor=cursor), NOW_NS)
