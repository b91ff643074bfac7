"""Pages of a log neither lose nor repeat a line, wherever their borders are."""

from __future__ import annotations

from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.handlers.log_page import PAGE_LIMITS, PageLimits
from bot.commands.handlers.logs import read_page
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import Cut, CutReason, LogsAnswer, LogsCommand
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import GapReason
from bot.domain.logs import LogCursor, LogLine, LogPage, LogQuery
from bot.errors import ProtocolError, Unavailable
from bot.redaction.redactor import Redactor
from tests.fakes.provider import NOW, REF, FakeProvider

NOW_NS = ns_from_datetime(NOW)
HOUR_NS = 3600 * 10**9


def typed(options: str) -> LogsCommand:
    command = parse(f"logs mem:run/1 {options}")
    assert isinstance(command, LogsCommand)
    return command


async def ask(provider: FakeProvider, options: str) -> LogsAnswer:
    return await follow(provider, typed(options))


async def follow(provider: FakeProvider, command: LogsCommand, limits: PageLimits = PAGE_LIMITS) -> LogsAnswer:
    return await read_page(provider, REF, command, Redactor(), NOW, limits=limits)


def numbered(count: int, *, per_ns: int = 1, start_ns: int = NOW_NS - HOUR_NS) -> list[LogLine]:
    return [LogLine(start_ns + number // per_ns, f"line {number}") for number in range(count)]


async def test_default_is_the_newest_hundred_lines_oldest_first() -> None:
    lines = numbered(250)
    answer = await ask(FakeProvider(lines), "")
    assert tuple(lines[150:]) == answer.lines
    assert answer.cuts == (Cut(CutReason.OLDER, None),)


async def test_asc_starts_with_the_oldest_line() -> None:
    lines = numbered(250)
    answer = await ask(FakeProvider(lines), "--asc --limit 10")
    assert tuple(lines[:10]) == answer.lines
    assert answer.older is None
    assert answer.newer is not None
    assert tuple(lines[10:20]) == (await follow(FakeProvider(lines), answer.newer)).lines


async def test_desc_shows_the_newest_line_first() -> None:
    lines = numbered(30)
    assert tuple(lines[:19:-1]) == (await ask(FakeProvider(lines), "--desc --limit 10")).lines


async def test_all_returns_every_line() -> None:
    lines = numbered(2500)
    answer = await ask(FakeProvider(lines, page_lines=100), "--all")
    assert tuple(lines) == answer.lines
    assert (None, ()) == (answer.older, answer.cuts)


async def test_page_does_not_end_inside_a_nanosecond() -> None:
    lines = numbered(100, per_ns=7)
    answer = await ask(FakeProvider(lines, page_lines=3), "--tail 10")
    assert tuple(lines[84:]) == answer.lines
    assert answer.older is not None
    older = await follow(FakeProvider(lines, page_lines=3), answer.older)
    assert tuple(lines[70:84]) == older.lines


async def test_nanosecond_with_more_lines_than_a_page_is_paged_through() -> None:
    provider = FakeProvider(numbered(2500, per_ns=2400))
    for options, forward in (("--tail 10", False), ("--asc --limit 10", True)):
        answers = await _walk(provider, typed(options), forward=forward)
        shown = answers if forward else answers[::-1]
        assert provider.lines == [line for answer in shown for line in answer.lines]


@given(
    gaps=st.lists(st.sampled_from([0, 0, 0, 1, 1000]), max_size=60),
    limit=st.integers(1, 9),
    page_lines=st.integers(1, 7),
    options=st.sampled_from(["", "--include 1", "--grep [2-7]", "--desc", "--exclude 3 --desc"]),
    same_ns=st.sampled_from([0, 2, 1000]),
)
async def test_paging_back_returns_every_line_once(
    gaps: list[int], limit: int, page_lines: int, options: str, same_ns: int
) -> None:
    provider = FakeProvider(_spaced(gaps), page_lines)
    wanted = (await ask(provider, f"{options} --all")).lines
    command: LogsCommand | None = typed(f"{options} --limit {limit}")
    pages: list[tuple[LogLine, ...]] = []
    while command is not None:
        answer = await follow(provider, command, PageLimits(same_ns=same_ns))
        pages.append(answer.lines)
        command = answer.older
    ordered = pages if "--desc" in options else pages[::-1]
    assert list(wanted) == list(chain.from_iterable(ordered))


@given(
    gaps=st.lists(st.sampled_from([0, 0, 0, 1, 1000]), min_size=1, max_size=60),
    limit=st.integers(1, 9),
    page_lines=st.integers(1, 7),
    options=st.sampled_from(["", "--include 1", "--grep [2-7]"]),
)
async def test_paging_forward_and_back_returns_every_line_once(
    gaps: list[int], limit: int, page_lines: int, options: str
) -> None:
    provider = FakeProvider(_spaced(gaps), page_lines)
    wanted = list((await ask(provider, f"{options} --all")).lines)
    there = await _walk(provider, typed(f"{options} --asc --limit {limit}"), forward=True)
    assert wanted == [line for answer in there for line in answer.lines]
    back = await _walk(provider, there[-1].older, forward=False)
    shown = [line for answer in back[::-1] for line in answer.lines]
    assert wanted[: len(wanted) - len(there[-1].lines)] == shown


async def _walk(provider: FakeProvider, command: LogsCommand | None, *, forward: bool) -> list[LogsAnswer]:
    """Press Newer (or Older) until there are no more lines."""
    answers: list[LogsAnswer] = []
    while command is not None:
        answer = await follow(provider, command)
        if not answer.lines and answers:
            break
        answers.append(answer)
        command = answer.newer if forward else answer.older
    return answers


async def test_newer_returns_lines_that_arrived_since() -> None:
    provider = FakeProvider(numbered(5))
    answer = await ask(provider, "")
    assert answer.newer is not None
    assert (await follow(provider, answer.newer)).lines == ()
    fresh = LogLine(NOW_NS - 5, "fresh")
    provider.lines.append(fresh)
    assert (await follow(provider, answer.newer)).lines == (fresh,)


async def test_paging_stays_inside_the_window() -> None:
    lines = numbered(100)
    provider = FakeProvider(lines)
    answer = await ask(
        provider, "--start 2026-03-13T11:00:00.000000010Z --end 2026-03-13T11:00:00.000000049Z --limit 30"
    )
    assert tuple(lines[20:50]) == answer.lines
    assert answer.newer is None
    assert answer.older is not None
    older = await follow(provider, answer.older)
    assert tuple(lines[10:20]) == older.lines
    assert older.older is None
    assert older.newer is not None
    assert answer.lines == (await follow(provider, older.newer)).lines


async def test_pinned_command_shows_the_same_lines_later() -> None:
    lines = numbered(50)
    provider = FakeProvider(lines)
    answer = await ask(provider, "--since 2h --tail 10")
    provider.lines.append(LogLine(NOW_NS + 10, "later"))
    again = await follow(provider, answer.pinned)
    assert answer.lines == again.lines
    assert answer.pinned == again.pinned
    assert Window(None, NOW_NS - 2 * HOUR_NS, NOW_NS) == answer.pinned.window


async def test_dropped_lines_are_counted_by_reason() -> None:
    lines = [LogLine(NOW_NS - 9, "loss 1"), LogLine(NOW_NS - 8, "loss 2 eval"), LogLine(NOW_NS - 7, "step")]
    answer = await ask(FakeProvider(lines), "--include loss --exclude eval")
    assert (lines[0],) == answer.lines
    assert answer.read == 3
    assert answer.cuts == (Cut(CutReason.NOT_INCLUDED, 1), Cut(CutReason.EXCLUDED, 1))


async def test_filters_of_the_platform_are_a_cut() -> None:
    provider = FakeProvider(numbered(3), pushes_down=frozenset({"min_level", "includes"}))
    answer = await ask(provider, "--include line")
    assert answer.cuts == (Cut(CutReason.FILTERED_BY_PLATFORM, None, ("--level", "--include")),)
    assert "some lines may have been dropped by the platform (--level, --include)" == str(answer.cuts[0])


async def test_failure_after_the_first_page_keeps_its_lines() -> None:
    lines = numbered(30)
    failures = chain([None], repeat(Unavailable("mem does not answer.")))
    provider = FakeProvider(lines, page_lines=10, log_errors=failures)
    answer = await ask(provider, "--tail 25")
    assert tuple(lines[21:]) == answer.lines
    assert [(gap.reason, gap.public) for gap in answer.gaps] == [(GapReason.UNAVAILABLE, "mem does not answer.")]
    assert answer.older is not None
    provider.log_errors = None
    assert tuple(lines[:21]) == (await follow(provider, answer.older)).lines


async def test_failure_of_the_first_page_is_raised() -> None:
    with pytest.raises(Unavailable):
        await ask(FakeProvider(log_errors=iter([Unavailable("mem does not answer.")])), "")


async def test_long_search_stops_and_can_be_continued() -> None:
    lines = [LogLine(NOW_NS - HOUR_NS, "needle"), *numbered(200, per_ns=3)]
    command: LogsCommand | None = typed("--grep needle")
    found: list[LogLine] = []
    presses = 0
    while command is not None:
        answer = await follow(FakeProvider(lines, page_lines=10), command, PageLimits(read=50))
        found += answer.lines
        command, presses = answer.older, presses + 1
    assert found == [lines[0]]
    assert presses == 5


async def test_page_stays_within_its_characters() -> None:
    lines = [LogLine(NOW_NS - 100 + number, "x" * 1_500_000) for number in range(6)]
    answer = await ask(FakeProvider(lines, page_lines=1), "")
    assert tuple(lines[4:]) == answer.lines
    assert answer.older is not None
    assert tuple(lines[2:4]) == (await follow(FakeProvider(lines, page_lines=1), answer.older)).lines


async def test_secrets_in_lines_are_redacted_and_counted() -> None:
    answer = await ask(FakeProvider([LogLine(NOW_NS, "password=hunter2")]), "")
    assert (answer.lines[0].message, answer.redacted) == ("password=[hidden]", 1)


async def test_platform_that_returns_no_progress_is_an_error() -> None:
    class Circle(FakeProvider):
        async def query_logs(self, query: LogQuery) -> LogPage:
            return LogPage([], LogCursor(b"here"), more=True)

    with pytest.raises(ProtocolError):
        await ask(Circle(numbered(5), page_lines=2), "")


def _spaced(gaps: list[int]) -> list[LogLine]:
    at, lines = NOW_NS - HOUR_NS, []
    for number, gap in enumerate(gaps):
        at += gap
        lines.append(LogLine(at, f"line {number}"))
    return lines
