"""Reading a log: the next page is fetched meanwhile, and a costly pattern keeps nobody waiting."""

from __future__ import annotations

import asyncio
import contextlib
import time

from bot.commands.handlers.log_stream import stream_lines
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.logs import LogFilter, LogLine, LogPage, LogQuery
from tests.fakes.provider import NOW, REF, FakeProvider


async def test_the_next_page_is_asked_for_before_a_page_is_looked_at() -> None:
    provider = FakeProvider([LogLine(number, "x") for number in range(100)], page_lines=10)
    asked: list[int] = []
    async with contextlib.aclosing(stream_lines(provider, REF, LogsCommand("r", limit=None), NOW)) as batches:
        async for _ in batches:
            asked.append(len(provider.queries))
    assert asked == [2, 3, 4, 5, 6, 7, 8, 9, 10, 10]


async def test_a_few_lines_are_one_request() -> None:
    provider = FakeProvider([LogLine(number, "x") for number in range(5000)])
    async with contextlib.aclosing(stream_lines(provider, REF, LogsCommand("r", limit=20), NOW)) as batches:
        first = await anext(batches)
    assert (len(first.lines), len(provider.queries)) == (21, 1)


async def test_stopping_early_leaves_no_request_behind() -> None:
    class Slow(FakeProvider):
        async def query_logs(self, query: LogQuery) -> LogPage:
            if self.queries:
                await asyncio.sleep(60)
            return await super().query_logs(query)

    provider = Slow([LogLine(number, "x") for number in range(100)], page_lines=10)
    before = asyncio.all_tasks()
    async with contextlib.aclosing(stream_lines(provider, REF, LogsCommand("r", limit=None), NOW)) as batches:
        await anext(batches)
    assert asyncio.all_tasks() == before


async def test_a_costly_pattern_keeps_nobody_waiting() -> None:
    lines = [LogLine(number, "some words é 0.123 " * 8) for number in range(3000)]
    command = LogsCommand("r", limit=None, filter=LogFilter(grep=r"(\pL|\d| ){12}zz"))
    waits: list[float] = []

    async def others() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0)
            waits.append(time.perf_counter() - begun)

    task = asyncio.create_task(others())
    async with contextlib.aclosing(stream_lines(FakeProvider(lines, 3000), REF, command, NOW)) as batches:
        read = [batch.read async for batch in batches]
    task.cancel()
    assert read == [3000]
    assert len(waits) > 10
