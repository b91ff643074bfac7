"""Reading a log: the next page is prefetched, and a costly pattern yields to the event loop."""

from __future__ import annotations

import asyncio
import contextlib

from bot.commands.handlers.log_stream import build_query, stream_lines
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.logs import LogFilter, LogLine, LogPage, LogQuery
from tests.fakes.provider import NOW, REF, FakeProvider


def query(limit: int | None, grep: str | None = None) -> LogQuery:
    return build_query(REF, LogsCommand("r", limit=limit, filter=LogFilter(grep=grep)), NOW)


async def test_next_page_is_requested_before_a_page_is_filtered() -> None:
    provider = FakeProvider([LogLine(number, "x") for number in range(100)], page_lines=10)
    asked: list[int] = []
    async with contextlib.aclosing(stream_lines(provider, query(limit=None))) as batches:
        async for _ in batches:
            asked.append(len(provider.queries))
    assert asked == [2, 3, 4, 5, 6, 7, 8, 9, 10, 10]


async def test_short_limit_needs_one_request() -> None:
    provider = FakeProvider([LogLine(number, "x") for number in range(5000)])
    async with contextlib.aclosing(stream_lines(provider, query(limit=20))) as batches:
        first = await anext(batches)
    assert (len(first.lines), len(provider.queries)) == (21, 1)


async def test_stopping_early_cancels_the_pending_request() -> None:
    class Slow(FakeProvider):
        async def query_logs(self, query: LogQuery) -> LogPage:
            if self.queries:
                await asyncio.sleep(60)
            return await super().query_logs(query)

    provider = Slow([LogLine(number, "x") for number in range(100)], page_lines=10)
    before = asyncio.all_tasks()
    async with contextlib.aclosing(stream_lines(provider, query(limit=None))) as batches:
        await anext(batches)
    assert asyncio.all_tasks() == before


async def test_costly_pattern_yields_to_the_event_loop() -> None:
    lines = [LogLine(number, "some words é 0.123 " * 8) for number in range(3000)]
    costly = query(limit=None, grep=r"(\pL|\d| ){12}zz")
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    async with contextlib.aclosing(stream_lines(FakeProvider(lines, 3000), costly)) as batches:
        read = [batch.read async for batch in batches]
    task.cancel()
    assert read == [3000]
    assert turns > 10
