"""A filter that drops the name of a secret does not show its value, however the log is read."""

from __future__ import annotations

import json

import pytest

from bot.commands.handlers.log_file import read_with_file
from bot.commands.handlers.logs import read_page
from bot.commands.handlers.logs_around import read_around
from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.domain.durations import format_ns, ns_from_datetime
from bot.domain.jobs import Job, JobState
from bot.domain.logs import Level, LogLine
from bot.redaction.redactor import HIDDEN, Redactor
from bot.terminal.follow import follow
from tests.fakes.provider import NOW, REF, FakeProvider
from tests.unit.terminal.shell import Shell

FIRST_NS = ns_from_datetime(NOW) - 10**9
ROWS = [f"user{number},Zq{number}hunter{number}" for number in range(40)]
TEXTS = [
    "step 1",
    "db_password:",
    "  'hunter2hunter2'",
    "step 2",
    "name,password",
    *ROWS,
    "step 3",
    "hunter season opens",
]
LINES = [
    LogLine(FIRST_NS + number, text, level=Level.ERROR if "hunter" in text else Level.INFO)
    for number, text in enumerate(TEXTS)
]
EXPECTED = [f"  '{HIDDEN}'", *(f"user{number},{HIDDEN}" for number in range(40)), "hunter season opens"]
FILTERS = [("--include", "hunter"), ("--grep", "hunt(er)"), ("--level", "error")]


def logs(*options: str) -> LogsCommand:
    command = parse_argv(["logs", "mem:run/1", *options])
    assert isinstance(command, LogsCommand)
    return command


def read(answer: LogsAnswer) -> tuple[list[str], int]:
    return sorted(line.message for line in answer.lines), answer.redacted


@pytest.mark.parametrize("words", FILTERS)
@pytest.mark.parametrize("order", ["--asc", "--desc"])
async def test_a_page_and_a_file(words: tuple[str, ...], order: str) -> None:
    provider, redactor, wanted = FakeProvider(LINES), Redactor(), (sorted(EXPECTED), 41)
    page = await read_page(provider, REF, logs(*words, order, "--limit", "60"), redactor, NOW)
    assert read(page) == wanted
    with_file = await read_with_file(provider, REF, logs(*words, order, "--all"), redactor, NOW)
    assert read(with_file) == wanted
    assert with_file.file is not None
    rows = b"".join(with_file.file.read()).decode().splitlines()
    with_file.file.close()
    assert not [row for row in rows if "hunter2" in row]


@pytest.mark.parametrize("words", FILTERS)
async def test_the_lines_around_a_time(words: tuple[str, ...]) -> None:
    command = logs(*words, "--around", format_ns(FIRST_NS), "--context", "60")
    answer = await read_around(FakeProvider(LINES), REF, command, Redactor(), NOW)
    assert read(answer) == (sorted(EXPECTED), 41)


@pytest.mark.parametrize("words", FILTERS)
async def test_the_terminal(words: tuple[str, ...]) -> None:
    shell = Shell(FakeProvider(LINES))
    await shell.type("logs", "mem:run/1", "--json", "--all", *words)
    assert [json.loads(row)["message"] for row in shell.out.splitlines()] == EXPECTED
    assert "41 secrets hidden" in shell.err
    shell = Shell(FakeProvider(LINES))
    await shell.type("logs", "mem:run/1", "--json", "--all", "--no-redact", *words)
    assert sum("hunter" in row for row in shell.out.splitlines()) == len(EXPECTED)


@pytest.mark.parametrize("words", FILTERS)
async def test_following_in_the_terminal(words: tuple[str, ...]) -> None:
    ended = Job(REF, JobState.SUCCEEDED, "SUCCEEDED", name="run 1")
    provider = FakeProvider(LINES, jobs={REF.id: ended})
    shell = Shell(provider)
    await follow(provider, REF, logs("--follow", "--json", *words), shell.follow_context())
    assert [json.loads(row)["message"] for row in shell.out.splitlines()] == EXPECTED
