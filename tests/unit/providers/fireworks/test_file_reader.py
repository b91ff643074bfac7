"""Log files are read exactly: each line once, in both directions and in every window, whatever the sizes of parts."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bot.domain.durations import format_ns
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.errors import CursorLost
from bot.providers.fireworks.file_reader import FilePart, FileReader, LogFileInfo, ReadSizes

JOB = JobRef("fireworks", "acme/supervisedFineTuningJobs/s")
FIRST_NS = 1_773_396_000 * 10**9
INFO = LogFileInfo("trainer", FIRST_NS, FIRST_NS + 3600 * 10**9, is_complete=False)
SIZES = (ReadSizes(200, 120), ReadSizes(1000, 300), ReadSizes())


def read_page(text: bytes, query: LogQuery, sizes: ReadSizes = SIZES[0], info: LogFileInfo = INFO) -> LogPage:
    """Read a page from a store that has this text."""
    steps = FileReader.resume(query, info, sizes).steps()
    try:
        part = next(steps)
        while True:
            assert part.offset >= 0
            assert part.length > 0
            part = steps.send(FilePart(text[part.offset : part.offset + part.length], len(text)))
    except StopIteration as end:
        page: LogPage = end.value
        return page


def read_all(
    text: bytes, query: LogQuery, sizes: ReadSizes = SIZES[0], info: LogFileInfo = INFO
) -> tuple[list[LogLine], list[LogPage]]:
    pages = [read_page(text, query, sizes, info)]
    while pages[-1].more:
        assert len(pages) < 5000
        pages.append(read_page(text, replace(query, cursor=pages[-1].cursor), sizes, info))
    return [line for page in pages for line in page.lines], pages


def text_of(count: int, seed: int, *, share_timed: float = 0.8) -> bytes:
    """Lines of which some state a time, in order, some of them equal; the others are those of a traceback."""
    dice, rows, at_ns = random.Random(seed), list[str](), FIRST_NS + 10**9
    for number in range(count):
        at_ns += dice.choice((0, 10**6, 10**9))
        if number == 0 or dice.random() < share_timed:
            rows.append(f"{format_ns(at_ns)} step {number}")
        else:
            rows.append(dice.choice(("", "  File x", "Größe \u2028", "boom " * 3)))
    return "\n".join([*rows, ""]).encode()


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("seed", range(8))
def test_both_directions_give_every_line_once_with_the_same_time(sizes: ReadSizes, seed: int) -> None:
    text = text_of(150, seed, share_timed=(0.8, 0.3)[seed % 2])
    forward, _ = read_all(text, LogQuery(JOB, limit=1 + seed * 7), sizes)
    backward, _ = read_all(text, LogQuery(JOB, limit=1 + seed * 7, order=Order.DESC), sizes)
    assert text.decode().split("\n")[:-1] == [line.message for line in forward]
    assert forward == backward[::-1]
    stamps = [line.timestamp_ns for line in forward]
    assert sorted(stamps) == stamps


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("seed", range(12))
def test_a_window_has_exactly_its_lines(sizes: ReadSizes, seed: int) -> None:
    text = text_of(150, seed, share_timed=(0.8, 0.3)[seed % 2])
    whole, _ = read_all(text, LogQuery(JOB, limit=1000), ReadSizes())
    dice = random.Random(seed)
    first, last = sorted(dice.sample(range(len(whole) - 8), 2))
    start_ns, end_ns = whole[first].timestamp_ns, whole[last].timestamp_ns
    expected = [line for line in whole if start_ns <= line.timestamp_ns <= end_ns]
    for order in Order:
        found, _ = read_all(text, LogQuery(JOB, start_ns, end_ns, order, limit=40), sizes)
        assert expected == (found if order is Order.ASC else found[::-1])


def test_half_a_line_waits_for_its_end_unless_the_job_has_ended() -> None:
    query = LogQuery(JOB, follow=True)
    first = read_page(b"one\ntw", query)
    assert (["one"], False) == ([line.message for line in first.lines], first.more)
    query = replace(query, cursor=first.cursor)
    assert [] == read_page(b"one\ntw", query).lines
    assert ["two"] == [line.message for line in read_page(b"one\ntwo\nth", query).lines]
    ended = read_page(b"one\ntw", query, info=replace(INFO, is_complete=True))
    assert ["tw"] == [line.message for line in ended.lines]


def test_a_line_longer_than_a_part_is_returned_in_parts() -> None:
    text = b"a\n" + "ü".encode() * 700 + b"\nb\n"
    for follow in (False, True):
        lines, _ = read_all(text, LogQuery(JOB, follow=follow))
        assert text.decode().replace("\n", "") == "".join(line.message for line in lines)
    lines, _ = read_all(text, LogQuery(JOB, order=Order.DESC))
    assert ("a", "b") == (lines[-1].message, lines[0].message)


@pytest.mark.parametrize("replaced", [b"", b"short\n", b"other text " * 40 + b"\n"])
def test_a_file_that_was_replaced_is_read_again(replaced: bytes) -> None:
    page = read_page(text_of(9, 1), LogQuery(JOB, follow=True))
    while page.more:
        page = read_page(text_of(9, 1), LogQuery(JOB, follow=True, cursor=page.cursor))
    lines, pages = read_all(replaced, LogQuery(JOB, follow=True, cursor=page.cursor))
    assert "was replaced" in pages[0].gaps[0].public
    assert replaced.decode().strip("\n") == "".join(line.message for line in lines)


def test_another_file_and_an_invalid_cursor() -> None:
    page = read_page(b"metrics\n", LogQuery(JOB, follow=True), info=replace(INFO, source="metrics"))
    assert ["log"] == [line.message for line in read_page(b"log\n", LogQuery(JOB, cursor=page.cursor)).lines]
    assert page.cursor is not None
    with pytest.raises(CursorLost):
        read_page(b"", LogQuery(JOB, cursor=replace(page.cursor, state=b"?")))


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_lines_after_the_last_stated_time_belong_to_a_later_window(sizes: ReadSizes, follow: bool) -> None:
    text = text_of(60, 3, share_timed=1.0) + b"Traceback\n  File x\nBoom\n"
    query = LogQuery(JOB, INFO.last_ns - 60 * 10**9, follow=follow)
    lines, pages = read_all(text, query, sizes)
    assert ["Traceback", "  File x", "Boom"] == [line.message for line in lines]
    assert (not follow) == any("state no time" in gap.public for page in pages for gap in page.gaps)
    if follow:
        assert all(line.timestamp_ns >= (query.start_ns or 0) for line in lines)
    outside = LogQuery(JOB, INFO.last_ns + 60 * 10**9)
    assert [] == read_page(text, outside, sizes).lines
