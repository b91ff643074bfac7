"""The budget of a command stops requests, waits and retries, also inside one call of a provider."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from bot.errors import BudgetExhausted
from bot.providers.budget import BudgetLimits, CommandBudget, count_lines, spending, within_budget
from bot.providers.http.client import HttpClient, HttpLimits
from tests.support.virtual_time import in_virtual_time, virtual_now
from tests.unit.providers.http.test_client import FAST, Handler, virtual_client


def answering(status: int = 200, took_s: float = 0.0) -> tuple[Handler, list[float]]:
    """A platform that answers with a status after a while, and when it was asked."""
    asked: list[float] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        asked.append(virtual_now())
        await asyncio.sleep(took_s)
        return httpx.Response(status)

    return handler, asked


@in_virtual_time
async def test_requests_are_counted_and_limited() -> None:
    handler, asked = answering()
    client = virtual_client(handler)
    with spending(CommandBudget(BudgetLimits(requests=3))) as budget:
        for _ in range(3):
            await client.get("/x")
        with pytest.raises(BudgetExhausted) as stopped:
            await client.get("/x")
    assert stopped.value.public == "Stopped after 3 requests, the limit of one command."
    assert (len(asked), budget.requests) == (3, 3)
    await client.get("/x")  # no budget, as in a poll
    assert len(asked) == 4


@in_virtual_time
async def test_retries_and_tasks_count() -> None:
    handler, asked = answering(503)
    client = virtual_client(handler)
    with spending(CommandBudget(BudgetLimits(requests=5))):
        outcomes = await asyncio.gather(*(client.get(f"/{number}") for number in range(4)), return_exceptions=True)
    assert len(asked) == 5
    assert any(isinstance(one, BudgetExhausted) for one in outcomes)


@pytest.mark.parametrize("obstacle", ["slow answer", "rate limit", "retries"])
def test_time_ends_waits_retries_and_answers(obstacle: str) -> None:
    @in_virtual_time
    async def run() -> None:
        handler, _ = answering(503 if obstacle == "retries" else 200, 100 if obstacle == "slow answer" else 0)
        limits = (
            HttpLimits(0.01, 8, retry_budget_s=300)
            if obstacle == "rate limit"
            else replace(FAST, attempts=99, retry_budget_s=300)
        )
        client = virtual_client(handler, replace(limits, total_timeout_s=500, read_timeout_s=500))
        began = virtual_now()
        with spending(CommandBudget(BudgetLimits(seconds=7))):
            requests = [client.get("/x") for _ in range(9)]
            outcomes = await asyncio.gather(*requests, return_exceptions=True)
        stopped = [one for one in outcomes if isinstance(one, BudgetExhausted)]
        assert stopped[-1].public == "Stopped after 7 s, the limit of one command."
        assert virtual_now() - began == pytest.approx(7, abs=0.1)
        began = virtual_now()
        if obstacle == "slow answer":
            await client.get("/x")  # the stopped request left nothing behind
            assert virtual_now() - began == pytest.approx(100, abs=0.1)

    run()


@in_virtual_time
async def test_cancel_interrupts_what_is_running_and_what_follows() -> None:
    handler, asked = answering(took_s=20)
    client = virtual_client(handler, replace(FAST, total_timeout_s=100))
    budget = CommandBudget()
    asyncio.get_running_loop().call_later(3, budget.cancel)
    began = virtual_now()
    with spending(budget):
        outcomes = await asyncio.gather(client.get("/a"), client.get("/b"), return_exceptions=True)
        with pytest.raises(BudgetExhausted):
            await client.get("/c")
    assert [str(one) for one in outcomes] == ["Cancelled.", "Cancelled."]
    assert virtual_now() - began == pytest.approx(3, abs=0.1)
    assert len(asked) == 2


@in_virtual_time
async def test_nested_block_stops_before_the_last_resort() -> None:
    kept: list[str] = []
    with spending(CommandBudget(BudgetLimits(seconds=5))):
        async with within_budget(last_resort=True):
            try:
                async with within_budget():
                    await asyncio.sleep(60)
            except BudgetExhausted:
                kept.append("progress")
        began = virtual_now()
        with pytest.raises(BudgetExhausted):
            async with within_budget(last_resort=True):
                await asyncio.sleep(60)
    assert kept == ["progress"]
    assert virtual_now() - began < 0.1


@in_virtual_time
async def test_progress_is_counted_and_reported() -> None:
    seen: list[tuple[int, int, int | None]] = []
    handler, _ = answering()
    client = virtual_client(handler)
    budget = CommandBudget(on_change=lambda one: seen.append((one.requests, one.lines, one.reached_ns)))
    with spending(budget):
        await client.get("/x")
        count_lines(10, 7)
        count_lines(0, None)
    assert seen == [(1, 0, None), (1, 10, 7), (1, 10, 7)]


async def read_empty(client: HttpClient, requests: int = 99) -> None:
    """Read pages without lines."""
    for _ in range(requests):
        await client.get("/x")
        count_lines(0, None)


@in_virtual_time
async def test_many_requests_without_a_line_end_a_command() -> None:
    handler, asked = answering(took_s=0.1)
    client = virtual_client(handler)
    with spending(CommandBudget(BudgetLimits(seconds=60, empty_s=3))):
        await read_empty(client, 25)
        count_lines(1, None)
        with pytest.raises(BudgetExhausted) as stopped:
            await read_empty(client)
    assert stopped.value.public == "Stopped after 3 s and 30 requests without a log line."
    assert len(asked) == 25 + 30


@in_virtual_time
async def test_a_slow_platform_is_waited_for() -> None:
    handler, asked = answering(took_s=0.25)
    client = virtual_client(handler)
    with spending(CommandBudget(BudgetLimits(empty_s=3))), pytest.raises(BudgetExhausted) as stopped:
        await read_empty(client)
    assert stopped.value.public == "Stopped after 3 s and 20 requests without a log line."
    assert len(asked) == 20
