"""Commands over five empty years while 50 jobs are polled at the default rate, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.commands.handlers.log_answer import read_logs
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.providers.base import Priority
from bot.providers.baseten.training import BasetenTraining
from bot.providers.budget import EMPTY_READING_S, BudgetLimits, CommandBudget, spending
from bot.providers.http.client import HttpClient, HttpLimits
from bot.redaction.redactor import Redactor
from tests.support.virtual_time import in_virtual_time, virtual_now
from tests.unit.providers.http.test_client import virtual_client

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
CREATED = NOW - timedelta(days=5 * 365)
JOBS, INTERVAL_S, LATE_S = 50, 2.0, 4.0
MOST_ROUNDS = 5
"""Rounds of polls before the answers: ten seconds, if no poll is late."""
COMMANDS = ("--start 1970-01-01 --grep nothing", "--since 20000d --asc", "--start 1970-01-01 --end 2261-01-01")


async def answer_empty(request: httpx.Request) -> httpx.Response:
    """A platform on which no job has a line."""
    await asyncio.sleep(0.02)
    if request.url.path.endswith("/logs"):
        return httpx.Response(200, json={"logs": []})
    status = {"id": "old", "current_status": "TRAINING_JOB_RUNNING", "created_at": CREATED.isoformat()}
    return httpx.Response(200, json={"training_job": status})


async def poll(client: HttpClient, number: int, gaps: list[float]) -> None:
    """Poll one job as often as it is due; each poll sends two requests."""
    while True:
        began = virtual_now()
        await asyncio.gather(client.get(f"/w{number}/logs"), client.get(f"/w{number}"))
        await asyncio.sleep(max(0.0, began + INTERVAL_S - virtual_now()))
        gaps.append(virtual_now() - began)


async def answer(provider: BasetenTraining, options: str) -> LogsAnswer:
    """Run a command as Slack does."""
    command = parse(f"logs baseten:proj/old {options}", InputContext(NOW))
    assert isinstance(command, LogsCommand)
    job = provider.parse_ref("proj/old")
    assert job is not None
    with spending(CommandBudget(BudgetLimits(300, 60.0, EMPTY_READING_S))):
        return await read_logs(provider, job, command, Redactor(), NOW)
    raise AssertionError


@pytest.mark.parametrize("count", [1, 2, 6])
def test_answers_come_soon_and_polls_on_time(count: int) -> None:
    @in_virtual_time
    async def run() -> None:
        client = virtual_client(answer_empty, HttpLimits())
        provider, gaps = BasetenTraining(client, lambda: NOW), list[float]()
        polling = client.with_priority(Priority.BACKGROUND)
        polls = [asyncio.create_task(poll(polling, number, gaps)) for number in range(JOBS)]
        await asyncio.sleep(30)
        gaps.clear()
        answers = await asyncio.gather(*(answer(provider, COMMANDS[number % 3]) for number in range(count)))
        for task in polls:
            task.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
        assert max(gaps) <= INTERVAL_S + LATE_S
        assert JOBS <= len(gaps) <= MOST_ROUNDS * JOBS
        for found in answers:
            assert [gap.public[:13] for gap in found.gaps] == ["Stopped after"]
            assert found.older or found.newer

    run()
