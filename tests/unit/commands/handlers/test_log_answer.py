"""A log that is complete has no newer page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands.handlers.log_answer import read_logs
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.domain.durations import format_ns, ns_from_datetime
from bot.domain.jobs import JobState
from bot.domain.logs import LogLine
from bot.errors import Unavailable
from bot.redaction.redactor import Redactor
from tests.fakes.provider import NOW, REF, FakeProvider

FIRST_NS = ns_from_datetime(NOW - timedelta(hours=2))
LINES = [LogLine(FIRST_NS + number, f"line {number}") for number in range(300)]
AROUND = f"--around {format_ns(FIRST_NS + 290)}"


async def ask(provider: FakeProvider, options: str) -> LogsAnswer:
    command = parse(f"logs {REF} {options}")
    assert isinstance(command, LogsCommand)
    return await read_logs(provider, REF, command, Redactor(), NOW)


def ended(ago: timedelta) -> FakeProvider:
    provider = FakeProvider(LINES)
    job = provider.add_job(REF.id, JobState.FAILED)
    provider.jobs[REF.id] = replace(job, ended_at=NOW - ago)
    return provider


@pytest.mark.parametrize("options", ["", AROUND, "--all"])
async def test_a_complete_log_ends_without_a_newer_page(options: str) -> None:
    for provider, has_newer in (
        (ended(timedelta(hours=1)), False),
        (ended(timedelta(minutes=1)), True),
        (FakeProvider(LINES), True),
        (FakeProvider(LINES, status_error=Unavailable("mem does not answer.")), True),
    ):
        answer = await ask(provider, options)
        assert has_newer is (answer.newer is not None)
        if answer.file is not None:
            answer.file.close()


@pytest.mark.parametrize(
    "options", [f"--around {format_ns(FIRST_NS + 20)}", "--asc", f"--before {format_ns(FIRST_NS + 9)}"]
)
async def test_a_page_inside_a_complete_log_has_a_newer_one(options: str) -> None:
    assert (await ask(ended(timedelta(hours=1)), options)).newer is not None


async def test_a_slow_status_does_not_hold_up_the_answer() -> None:
    provider = FakeProvider(LINES, hanging_jobs={REF.id})
    assert len((await ask(provider, "")).lines) == 100
