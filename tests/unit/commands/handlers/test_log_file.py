"""The file of `logs --all` has every line in order, and its answer those of one page."""

from __future__ import annotations

import pytest

from bot.commands.handlers.log_file import FileLimits, read_with_file
from bot.commands.handlers.log_page import PageLimits
from bot.commands.handlers.logs import read_page
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.logs import CutReason, LogsAnswer, LogsCommand
from bot.domain.logs import LogLine
from bot.errors import Unavailable
from bot.redaction.redactor import Redactor
from tests.fakes.provider import NOW, REF, FakeProvider

LIMITS = PageLimits(lines=100)
LINES = [LogLine(10**18 + number // 3, f"line {number}") for number in range(2500)]


def typed(options: str) -> LogsCommand:
    command = parse(f"logs mem:run/1 {options}")
    assert isinstance(command, LogsCommand)
    return command


async def ask(
    provider: FakeProvider, options: str, max_bytes: int = 10**9, read_s: float = 600
) -> tuple[LogsAnswer, list[str]]:
    file_limits = FileLimits(max_bytes, read_s=read_s, segment_bytes=10_000)
    answer = await read_with_file(
        provider, REF, typed(options), Redactor(), NOW, limits=LIMITS, file_limits=file_limits
    )
    assert answer.file is not None
    rows = b"".join(answer.file.read()).decode().splitlines()
    assert len(rows) == answer.file.lines
    answer.file.close()
    return answer, [row.partition(" ")[2] for row in rows]


@pytest.mark.parametrize("page_lines", [70, 10_000])
@pytest.mark.parametrize(
    ("options", "expected", "shown"),
    [
        ("--all", LINES, LINES[-100:]),
        ("--all --asc", LINES, LINES[:102]),
        ("--all --desc", LINES[::-1], LINES[:-101:-1]),
        ("--all --include 7", [line for line in LINES if "7" in line.message], None),
        ("--limit 2000", LINES[-2000:], LINES[-100:]),
        ("--limit 2000 --desc", LINES[:499:-1], LINES[:-101:-1]),
        ("--limit 2000 --asc", LINES[:2000], LINES[:102]),
    ],
)
async def test_file_has_every_line_and_the_answer_one_page(
    options: str, expected: list[LogLine], shown: list[LogLine] | None, page_lines: int
) -> None:
    answer, rows = await ask(FakeProvider(LINES, page_lines), options)
    assert [line.message for line in expected] == rows
    assert answer.count == len(expected)
    if shown is not None:
        assert tuple(shown) == answer.lines


async def test_paging_on_from_the_answer_loses_no_line() -> None:
    provider = FakeProvider(LINES, 70)
    answer, _ = await ask(provider, "--all")
    assert answer.older is not None
    older = await read_page(provider, REF, answer.older, Redactor(), NOW)
    assert len(older.lines) >= 100
    assert [*older.lines, *answer.lines] == LINES[-len(older.lines) - len(answer.lines) :]


async def test_file_too_large_keeps_the_newest_lines_and_counts_the_others() -> None:
    for options in ("--all", "--all --desc"):
        answer, rows = await ask(FakeProvider(LINES, 70), options, max_bytes=50_000)
        assert answer.file is not None
        assert answer.count == 2500
        assert answer.file.older == 2500 - len(rows)
        newest = [line.message for line in LINES[-len(rows) :]]
        assert rows == (newest[::-1] if "--desc" in options else newest)
        assert 30_000 < len(rows) * 41 <= 62_000


@pytest.mark.parametrize(
    ("options", "cut"), [("--all", CutReason.NEWER_UNREAD), ("--all --desc", CutReason.OLDER_UNREAD)]
)
async def test_reading_that_takes_too_long_ends_and_is_a_cut(options: str, cut: CutReason) -> None:
    answer, rows = await ask(FakeProvider(LINES, 70), options, read_s=0)
    assert len(rows) == 70
    assert cut in [one.reason for one in answer.cuts]


async def test_failure_after_the_first_lines_is_a_gap_and_a_cut() -> None:
    failures = iter([None, *[Unavailable("mem does not answer.")] * 30])
    answer, rows = await ask(FakeProvider(LINES, 70, log_errors=failures), "--all")
    assert (answer.count, len(rows)) == (70, 70)
    assert ["mem does not answer."] == [gap.public for gap in answer.gaps]
    assert CutReason.NEWER_UNREAD in [cut.reason for cut in answer.cuts]


async def test_an_empty_log_has_an_empty_file() -> None:
    answer, rows = await ask(FakeProvider(), "--all")
    assert (answer.lines, answer.count, rows) == ((), 0, [])
