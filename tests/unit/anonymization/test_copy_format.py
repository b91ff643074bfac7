"""Copies are read with the line numbers of the original, however they are cut into pages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.anonymization.copy_format import (
    COPY_MARK,
    MAX_LINE_BYTES,
    LineRange,
    expand_cuts,
    read_ranges,
    render_cut,
    render_header,
    select_lines,
)

LINES = [f"line {number}" for number in range(1, 1001)]
LOG = "".join(f"{line}\n" for line in LINES).encode()


def pages(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def test_lines_around_failures_are_selected_in_order() -> None:
    assert select_lines([500, 505, 990], 1000, 10) == [LineRange(1, 10), LineRange(490, 515), LineRange(980, 1000)]
    assert select_lines([2], 5, 10) == [LineRange(1, 5)]


@pytest.mark.parametrize("size", [1, 7, 100, 5000, 1 << 20])
def test_ranges_are_read_from_any_pages(size: int) -> None:
    found = read_ranges(pages(LOG, size), [LineRange(3, 4), LineRange(500, 500), LineRange(1000, 1000)], 1 << 20)

    assert found == [["line 3", "line 4"], ["line 500"], ["line 1000"]]


def test_last_line_without_line_end_is_read() -> None:
    assert read_ranges([b"a\nb"], [LineRange(2, 2)], 100) == [["b"]]


def test_more_than_the_limit_is_refused() -> None:
    assert read_ranges([LOG], [LineRange(1, 1000)], 100) is None


@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_long_line_is_cut_in_its_middle(size: int) -> None:
    line = b"head" + b"x" * 2_000_000 + b"tail"
    ((cut, after),) = read_ranges(pages(line + b"\nnext\n", size), [LineRange(1, 2)], 1 << 20) or [[]]

    assert (cut[:4], cut[-4:], after) == ("head", "tail", "next")
    assert f"{len(line) - MAX_LINE_BYTES:,} bytes cut" in cut


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 1000), max_size=4), st.integers(1, 60), st.integers(1, 4000))
def test_expanded_copy_has_each_kept_line_at_its_place(failures: list[int], context: int, size: int) -> None:
    ranges = select_lines(failures, 1000, context)
    parts, line = [render_header("1", 1, 1000, {})], 1
    for one, kept in zip(ranges, read_ranges([LOG], ranges, 1 << 20) or [], strict=True):
        parts += [render_cut(one.first - line, one.first)] if one.first > line else []
        parts += [f"{text}\n" for text in kept]
        line = one.last + 1
    copy = "".join(parts).encode()
    assert copy.startswith(COPY_MARK)

    read = b"".join(expand_cuts(pages(copy, size))).decode().split("\n")
    expected = [text if any(one.first <= at <= one.last for one in ranges) else "" for at, text in enumerate(LINES, 1)]
    assert read == [*expected, ""]


def test_copy_that_states_too_many_cut_lines_ends() -> None:
    hostile = render_header("1", 1, 1, {}) + "… 999,999,999,999 lines cut; line 1 follows …\n" * 3 + "x\n"
    size = sum(map(len, expand_cuts([hostile.encode()])))

    assert size == 1_000_000_000 + 2
