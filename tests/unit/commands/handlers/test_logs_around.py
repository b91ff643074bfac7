"""`--around` shows exactly the lines around a time, and paging on from there shows every other line once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.handlers.log_page import PAGE_LIMITS, PageLimits
from bot.commands.handlers.logs import read_page
from bot.commands.handlers.logs_around import read_around
from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.domain.durations import format_ns, ns_from_datetime
from bot.domain.logs import Level, LogLine, LogQuery, Order
from bot.errors import Unavailable
from bot.redaction.redactor import Redactor
from tests.fakes.provider import NOW, REF, FakeProvider

NOW_NS = ns_from_datetime(NOW)
FIRST_NS = NOW_NS - 3600 * 10**9


async def ask(provider: FakeProvider, options: str, limits: PageLimits = PAGE_LIMITS) -> LogsAnswer:
    command = parse(f"logs mem:run/1 {options}")
    assert isinstance(command, LogsCommand)
    return await run(provider, command, limits)


async def run(provider: FakeProvider, command: LogsCommand, limits: PageLimits = PAGE_LIMITS) -> LogsAnswer:
    read = read_page if command.around_ns is None else read_around
    return await read(provider, REF, command, Redactor(), NOW, limits=limits)


def lines_at(*offsets_ns: int) -> list[LogLine]:
    return [LogLine(FIRST_NS + offset, f"line {number}") for number, offset in enumerate(offsets_ns)]


def at(offset_ns: int) -> str:
    return format_ns(FIRST_NS + offset_ns)


async def test_nearest_line_is_marked_between_its_context() -> None:
    lines = lines_at(*range(0, 100_000, 1000))
    answer = await ask(FakeProvider(lines), f"--around {at(50_400)} -C 3")
    assert tuple(lines[47:54]) == answer.lines
    assert answer.marked == 3


@pytest.mark.parametrize(("offset_ns", "marked"), [(-5, 0), (0, 0), (499, 0), (501, 1), (5000, 2)])
async def test_nearest_line_may_be_before_or_after_the_time(offset_ns: int, marked: int) -> None:
    answer = await ask(FakeProvider(lines_at(0, 1000, 2000)), f"--around {at(offset_ns)}")
    assert (answer.marked, len(answer.lines)) == (marked, 3)


async def test_worst_of_several_lines_with_the_nearest_time_is_marked() -> None:
    same = [LogLine(FIRST_NS, "step"), LogLine(FIRST_NS, "lost", level=Level.ERROR), LogLine(FIRST_NS, "step")]
    answer = await ask(FakeProvider([*lines_at(-9), *same, *lines_at(9)]), f"--around {at(0)} -C 1")
    assert answer.marked == 2


async def test_line_within_the_microsecond_of_a_rounded_time_is_marked() -> None:
    lines = [*lines_at(-100), LogLine(FIRST_NS + 700, "ERROR: lost"), *lines_at(5000)]
    assert (await ask(FakeProvider(lines), f"--around {at(0)}")).marked == 1
    lines[0] = LogLine(FIRST_NS + 100, "step")
    assert (await ask(FakeProvider(lines), f"--around {at(0)}")).marked == 1


async def test_two_readings_stop_after_the_context() -> None:
    provider = FakeProvider(lines_at(*range(100_000)))
    await ask(provider, f"--around {at(50_000)}")
    assert [query.limit for query in provider.queries] == [52, 52]


async def test_filter_applies_to_context() -> None:
    lines = lines_at(*range(1000))
    answer = await ask(FakeProvider(lines), f"--around {at(500)} --grep 7$ -C 1")
    assert ["line 487", "line 497", "line 507"] == [line.message for line in answer.lines]
    assert answer.marked == 1


async def test_an_empty_log_has_no_mark() -> None:
    answer = await ask(FakeProvider(), f"--around {at(0)}")
    assert (answer.lines, answer.marked, answer.older) == ((), None, None)


async def test_failure_in_one_direction_is_a_gap() -> None:
    def fail(query: LogQuery) -> None:
        if query.order is Order.DESC:
            raise Unavailable("mem does not answer.")

    lines = lines_at(*range(10))
    provider = FakeProvider(lines, on_query=fail)
    answer = await ask(provider, f"--around {at(5)} -C 2")
    assert tuple(lines[5:8]) == answer.lines
    assert ["mem does not answer."] == [gap.public for gap in answer.gaps]
    provider.on_query = None
    assert answer.older is not None
    assert tuple(lines[:5]) == (await run(provider, answer.older)).lines


async def test_failure_in_both_directions_is_raised() -> None:
    provider = FakeProvider(log_errors=iter([Unavailable("down"), Unavailable("down")]))
    with pytest.raises(Unavailable):
        await ask(provider, f"--around {at(0)}")


@given(
    gaps=st.lists(st.sampled_from([0, 0, 1, 999, 10**6, 86_400 * 10**9]), max_size=60),
    moment=st.integers(0, 60),
    shift_ns=st.sampled_from([-1, 0, 1, 400, 10**9]),
    context=st.integers(1, 9),
    page_lines=st.integers(1, 7),
    options=st.sampled_from(["", "--include 1", "--grep [2-7]"]),
)
async def test_context_is_exact_and_paging_from_it_shows_every_line_once(
    gaps: list[int], moment: int, shift_ns: int, context: int, page_lines: int, options: str
) -> None:
    lines, at_ns = [], FIRST_NS - 60 * 86_400 * 10**9
    for number, gap in enumerate(gaps):
        at_ns += gap
        lines.append(LogLine(at_ns, f"line {number}"))
    around_ns = (lines[min(moment, len(lines) - 1)].timestamp_ns if lines else FIRST_NS) + shift_ns
    provider = FakeProvider(lines, page_lines)
    wanted = list((await ask(provider, f"{options} --all")).lines)
    answer = await ask(provider, f"{options} --around {format_ns(around_ns)} -C {context}")
    assert expected_around(wanted, around_ns, context) == list(answer.lines)
    if answer.lines:
        assert answer.marked is not None
        nearest = min(wanted, key=lambda line: distance(line, around_ns))
        assert distance(answer.lines[answer.marked], around_ns) == distance(nearest, around_ns)
    before = await _walk(provider, answer.older, forward=False)
    after = await _walk(provider, answer.newer, forward=True)
    assert wanted == [*before, *answer.lines, *after]


def expected_around(wanted: list[LogLine], around_ns: int, context: int) -> list[LogLine]:
    """The nearest line with its context, and whatever shares the timestamps at both ends."""
    if not wanted:
        return []
    split = sum(1 for line in wanted if line.timestamp_ns < around_ns)
    before, after = wanted[:split][-1:], wanted[split:][:1]
    is_before = min([*after, *before], key=lambda line: distance(line, around_ns)) in before
    first, stop = max(0, split - context - is_before), min(len(wanted), split + context + (not is_before))
    while 0 < first < split and wanted[first - 1].timestamp_ns == wanted[first].timestamp_ns:
        first -= 1
    while split < stop < len(wanted) and wanted[stop - 1].timestamp_ns == wanted[stop].timestamp_ns:
        stop += 1
    return wanted[first:stop]


def distance(line: LogLine, around_ns: int) -> int:
    is_rounded = around_ns % 1000 == 0 and around_ns <= line.timestamp_ns < around_ns + 1000
    return 0 if is_rounded else abs(line.timestamp_ns - around_ns)


async def _walk(provider: FakeProvider, command: LogsCommand | None, *, forward: bool) -> list[LogLine]:
    """Press Newer (or Older) until there are no more lines; return all, oldest first."""
    lines: list[LogLine] = []
    while command is not None:
        assert command == parse(format_command(command))
        answer = await run(provider, command)
        if not answer.lines:
            break
        lines = [*lines, *answer.lines] if forward else [*answer.lines, *lines]
        command = answer.newer if forward else answer.older
    return lines
