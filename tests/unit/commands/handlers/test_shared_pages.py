"""Commands that ask for the same lines at once share the request, and end without ending it for others."""

from __future__ import annotations

import asyncio

import pytest

from bot.commands.handlers.log_answer import SharedReads, read_logs
from bot.commands.handlers.shared_pages import SharedPages
from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.logs import LogFilter, LogLine, LogPage, LogQuery, Order
from bot.errors import Unavailable
from bot.providers.budget import BudgetLimits, CommandBudget, spending, within_budget
from bot.redaction.redactor import Redactor
from tests.fakes.provider import NOW, REF, FakeProvider
from tests.support.virtual_time import in_virtual_time

QUERY = LogQuery(REF, order=Order.DESC, limit=4)


def provider() -> FakeProvider:
    return FakeProvider([LogLine(number, f"line {number}") for number in range(9)], logs_s=0.2)


async def started(source: FakeProvider, pages: SharedPages, count: int) -> list[asyncio.Task[LogPage]]:
    """Ask for the page with several commands, and wait until the request is sent."""
    tasks = [asyncio.create_task(pages.query_logs(source, QUERY)) for _ in range(count)]
    await asyncio.sleep(0.1)
    assert len(source.queries) == 1
    return tasks


@in_virtual_time
async def test_300_commands_at_once_need_one_request() -> None:
    source, shared = provider(), SharedReads()
    command = parse_argv(["logs", str(REF), "--tail", "3"])
    assert isinstance(command, LogsCommand)
    reads = (read_logs(source, REF, command, Redactor(), NOW, shared) for _ in range(300))
    answers = await asyncio.gather(*reads)
    assert {tuple(line.message for line in one.lines) for one in answers} == {("line 6", "line 7", "line 8")}
    assert len(source.queries) == 1
    await read_logs(source, REF, command, Redactor(), NOW, shared)
    assert len(source.queries) == 2, "an answer that has arrived is not used again"


@in_virtual_time
async def test_a_command_that_stops_ends_only_its_own_wait() -> None:
    source, pages = provider(), SharedPages()
    first, second = await started(source, pages, 2)
    first.cancel()
    assert len((await second).lines) == 4
    assert first.cancelled()


@in_virtual_time
async def test_a_budget_ends_only_the_wait_of_its_command() -> None:
    source, pages = provider(), SharedPages()

    async def read(limits: BudgetLimits) -> int:
        with spending(CommandBudget(limits)):
            async with within_budget():
                return len((await pages.query_logs(source, QUERY)).lines)

    short, long = await asyncio.gather(
        read(BudgetLimits(seconds=0.05)), read(BudgetLimits(seconds=5)), return_exceptions=True
    )
    assert isinstance(short, Exception)
    assert long == 4


@in_virtual_time
async def test_the_request_ends_when_nobody_waits_for_it() -> None:
    source, pages = provider(), SharedPages()
    tasks = await started(source, pages, 2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert source.open_log_queries == 0
    assert pages.fetches == {}


@in_virtual_time
async def test_a_failure_reaches_every_command_and_is_not_kept() -> None:
    source, pages = provider(), SharedPages()
    source.log_errors = iter([Unavailable("gone", provider="mem")])
    found = await asyncio.gather(*(pages.query_logs(source, QUERY) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [Unavailable] * 3
    assert len((await pages.query_logs(source, QUERY)).lines) == 4


@pytest.mark.parametrize(
    "query", [LogQuery(REF, start_ns=1, limit=4), LogQuery(REF, limit=4, filter=LogFilter(includes=("x",)))]
)
@in_virtual_time
async def test_what_searches_a_range_is_bounded_by_its_own_command(query: LogQuery) -> None:
    source, pages = provider(), SharedPages()
    await asyncio.gather(*(pages.query_logs(source, query) for _ in range(2)))
    assert len(source.queries) == 2
