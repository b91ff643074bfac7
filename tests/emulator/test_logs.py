"""Logs: order, bisection, computed lines and their cost."""

import pytest

from emulator.logs import Line, Log, Script

MILLION = 1_000_000
SECOND_NS = 10**9


def computed(length: int) -> Log:
    return Log(Script(length, lambda number: Line(number * SECOND_NS, str(number))))


def texts(log: Log, start: int, stop: int, now_ns: int, *, newest_first: bool = False) -> list[str]:
    return [line.message for _, line in log.visible(start, stop, now_ns, newest_first=newest_first)]


def test_lines_are_sorted_by_time_and_equal_times_keep_their_order() -> None:
    log = Log([Line(2, "c"), Line(1, "a"), Line(1, "b")])
    assert [line.message for line in log.lines] == ["a", "b", "c"]


def test_a_line_is_seen_from_its_own_time_on_or_when_it_says() -> None:
    log = Log([Line(1, "plain"), Line(2, "late", visible_at_ns=9), Line(5, "early", visible_at_ns=3)])
    assert texts(log, 0, 3, 4) == ["plain", "early"]
    assert texts(log, 0, 3, 9, newest_first=True) == ["early", "late", "plain"]


def test_a_page_of_a_million_lines_is_found_by_bisection() -> None:
    computed_lines = 0

    def line_at(number: int) -> Line:
        nonlocal computed_lines
        computed_lines += 1
        return Line(number * SECOND_NS, str(number))

    log = Log(Script(MILLION, line_at))
    for second in range(0, MILLION, 10_000):
        start = log.position(second * SECOND_NS)
        assert texts(log, start, start + 1, MILLION * SECOND_NS) == [str(second)]
    assert computed_lines <= 100 * (2 * MILLION.bit_length() + 1)


def test_the_future_of_an_endless_log_is_not_searched() -> None:
    log = computed(10**12)
    assert texts(log, 0, 10**12, 2 * SECOND_NS) == ["0", "1", "2"]


def test_a_script_follows_stored_lines_and_cannot_grow() -> None:
    script = Script(2, lambda number: Line(10 + number, str(number)), after=[Line(1, "start")])
    log = Log(script)
    assert [line.message for line in script[:]] == ["start", "0", "1"]
    assert (script[-1].message, len(script)) == ("1", 3)
    with pytest.raises(IndexError):
        script[3]
    with pytest.raises(TypeError, match="cannot grow"):
        log.append(Line(99, "x"))
