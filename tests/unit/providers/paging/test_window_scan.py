"""WindowScan alone: which request follows which lines, without any I/O."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogLine, LogQuery, Order
from bot.errors import BadRequest, Unavailable
from bot.providers.http.errors import BodyTooLarge
from bot.providers.paging.cursors import unpack_cursor
from bot.providers.paging.scan_state import Endpoint, ScanState, TimeWindow, WindowRequest
from bot.providers.paging.window_scan import WindowScan
from tests.unit.providers.paging.fake_logs import JOB

END_MS = 20


def line(ms: int, message: str = "9") -> LogLine:
    return LogLine(ms * NS_PER_MS, message)


NINES = [line(9, f"9{letter}") for letter in "abcdefgh"]
OTHERS = [line(5, "A"), line(5, "B"), line(7, "C")]


def scan_of(
    *,
    order: Order = Order.ASC,
    limit: int = 1000,
    longest: timedelta = timedelta(minutes=7),
    follow: bool = False,
    state: ScanState | None = None,
    narrower: int = 0,
    now_ms: int = 1_000,
) -> WindowScan:
    query = LogQuery(JOB, order=order, limit=limit, follow=follow, end_ns=END_MS * NS_PER_MS)
    begun = state or ScanState(follow, order is Order.DESC, 0, END_MS * NS_PER_MS)
    return WindowScan(query, begun, Endpoint(longest, min(longest, timedelta(milliseconds=8))), now_ms, narrower)


def run(scan: WindowScan, *answers: list[LogLine] | Exception) -> tuple[list[TimeWindow], bool]:
    """Answer one step; return its requests and whether the page is complete."""
    steps, asked, left = scan.step(), list[TimeWindow](), list(answers)
    try:
        request = next(steps)
        while True:
            asked.append(request.window)
            answer = left.pop(0)
            request = steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
    except StopIteration as end:
        assert not left, "the step made fewer requests"
        return asked, bool(end.value)


def asc(start_ms: int, end_ms: int, limit: int = 1000) -> TimeWindow:
    return TimeWindow(start_ms, end_ms, Order.ASC, limit)


def desc(start_ms: int, end_ms: int, limit: int = 1000) -> TimeWindow:
    return TimeWindow(start_ms, end_ms, Order.DESC, limit)


def test_an_empty_page_ends_the_scan() -> None:
    scan = scan_of()
    assert ([asc(-1, 21)], True) == run(scan, [])
    assert (True, [], None) == (scan.done, scan.page.lines, scan.result().cursor)


def test_a_small_page_ends_the_scan_when_the_other_end_confirms_it() -> None:
    scan = scan_of()
    assert ([asc(-1, 21), desc(-1, 21, 2)], True) == run(scan, OTHERS, [OTHERS[2], OTHERS[1]])
    assert (True, OTHERS) == (scan.done, scan.page.lines)


def test_a_full_page_emits_all_but_its_last_millisecond() -> None:
    scan = scan_of(limit=3)
    scan.endpoint.page_size = scan.request_limit = 3
    assert ([asc(-1, 21, 3)], True) == run(scan, OTHERS)
    assert (OTHERS[:2], 6, False) == (scan.page.lines, scan.position, scan.done)


def test_the_example_of_the_module() -> None:
    scan = scan_of()
    asked, complete = run(scan, [*OTHERS, *NINES[:3]], NINES[:4])
    assert ([asc(-1, 21), desc(-1, 21, 4)], False) == (asked, complete)
    assert (OTHERS, 8) == (scan.page.lines, scan.position)

    asked, complete = run(scan, NINES[:6], NINES[2:])
    assert ([asc(8, 21), desc(8, 21, 7)], False) == (asked, complete)
    assert 8 == scan.position

    asked, complete = run(scan, NINES[:6], NINES[2:], NINES[:6], NINES[:6], NINES[2:])
    assert [asc(8, 21), desc(8, 21, 7), asc(9, 21), asc(8, 10), desc(8, 10)] == asked
    assert complete
    assert [*OTHERS, *NINES] == scan.page.lines
    assert scan.gap is not None
    assert (9 * NS_PER_MS, 10 * NS_PER_MS - 1) == (scan.gap.start_ns, scan.gap.end_ns)

    cursor = scan.result().cursor
    assert cursor is not None
    rest = scan_of(state=unpack_cursor(cursor, ScanState))
    assert ([asc(10, 21)], True) == run(rest, [])


def test_newest_first_the_windows_shrink_from_their_end() -> None:
    scan = scan_of(order=Order.DESC, limit=3)
    scan.endpoint.page_size = scan.request_limit = 3
    assert [desc(-1, 21, 3)] == run(scan, OTHERS[::-1])[0]
    assert [OTHERS[2]] == scan.page.lines
    assert [desc(-1, 6, 3), asc(-1, 7, 3)] == run(scan, [OTHERS[1], OTHERS[0]], [OTHERS[0], OTHERS[1]])[0]
    assert (True, OTHERS[::-1]) == (scan.done, scan.page.lines)


def test_narrower_queries_are_tried_for_a_saturated_millisecond() -> None:
    scan = scan_of(narrower=1)
    scan.repeated_at, scan.position = 8, 8
    steps = scan.step()
    requests = [next(steps)]
    for lines in (NINES[:6], NINES[2:], NINES[:6], NINES[:6], NINES[:6], NINES[6:7]):
        requests.append(steps.send(lines))
    with pytest.raises(StopIteration):
        steps.send(NINES[7:])
    assert [WindowRequest(asc(8, 10), 1), WindowRequest(desc(8, 10), 1)] == requests[-2:]
    assert Counter(NINES) == Counter(scan.page.lines)


def test_a_window_that_is_too_long_is_shortened_and_remembered() -> None:
    scan = scan_of()
    assert [asc(-1, 21), asc(-1, 7)] == run(scan, BadRequest("too long"), [])[0]
    assert (timedelta(milliseconds=8), 6) == (scan.endpoint.longest, scan.position)
    assert [asc(6, 14)] == run(scan, [])[0]


def test_a_body_that_is_too_large_is_requested_in_smaller_pages() -> None:
    scan = scan_of()
    assert [asc(-1, 21), asc(-1, 21, 250)] == run(scan, BodyTooLarge("too large"), [])[0]


def test_other_failures_end_the_step_without_progress() -> None:
    scan = scan_of()
    with pytest.raises(Unavailable):
        run(scan, Unavailable("reset"))
    assert (-1, []) == (scan.position, scan.page.lines)


def test_a_follower_believes_a_page_that_ends_with_its_newest_line() -> None:
    first = scan_of(follow=True, now_ms=END_MS)
    assert 2 == len(run(first, OTHERS, [OTHERS[2], OTHERS[1]])[0])
    cursor = first.result().cursor
    assert cursor is not None
    again = scan_of(follow=True, state=unpack_cursor(cursor, ScanState), now_ms=END_MS)
    assert 1 == len(run(again, OTHERS)[0])
    assert (True, []) == (again.done, again.page.lines)
