"""A progress bar is shown in its final state wherever people read it, and kept as logged in files and JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from bot.commands.handlers.logs import read_page
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.logs import LogsCommand
from bot.diagnosis.reading.plain_message import plain_message
from bot.domain.alerts import ExcerptLine
from bot.domain.jobs import JobRef
from bot.domain.logs import Level, LogLine
from bot.redaction.redactor import Redactor
from bot.slack.render.logs import render_logs
from bot.terminal.app import Session
from bot.terminal.output import Output
from tests.fakes.provider import NOW, FakeProvider, registry_of
from tests.unit.slack.validity import shown
from tests.unit.terminal.shell import Shell

BAR = "".join(f"\r{at:3d}%|##| {at}/100" for at in range(100))
FINAL = "99%|##| 99/100 (99 progress updates hidden)"
FAILED = "".join(f"\r[rank3]: {at}%" for at in range(40)) + "\rRuntimeError: CUDA error\r40%"
START_NS = 1_773_396_000_000_000_000
LINES = [LogLine(START_NS, "start"), LogLine(START_NS + 1, BAR), LogLine(START_NS + 2, FAILED, level=Level.ERROR)]


def logs_command() -> LogsCommand:
    command = parse("logs mem:run/1")
    assert isinstance(command, LogsCommand)
    return command


async def test_slack_shows_the_final_state() -> None:
    answer = await read_page(FakeProvider(LINES), JobRef("mem", "run/1"), logs_command(), Redactor(), NOW)
    text = shown(render_logs(answer))
    assert FINAL in text
    assert "RuntimeError: CUDA error" in text
    assert "40% (40 progress updates hidden)" in text
    assert "␍" not in text
    assert "98%" not in text


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("options", [(), ("--around", "2026-03-13T10:00:00Z")])
async def test_a_terminal_shows_the_final_state(options: tuple[str, ...], *, colour: bool) -> None:
    shell = Shell(FakeProvider(LINES), colour=colour)
    await shell.type("logs", "mem:run/1", *options)
    assert FINAL in shell.out
    assert "RuntimeError: CUDA error" in shell.out
    assert "\r" not in shell.out
    assert "98%" not in shell.out


async def test_files_pipes_and_json_have_the_lines_as_logged(tmp_path: Path) -> None:
    out = io.StringIO()
    runner = CommandRunner(registry_of(FakeProvider(LINES)), lambda: NOW, Redactor())
    await Session(runner, Output(out, io.StringIO())).run(logs_command())
    assert BAR in out.getvalue()
    shell = Shell(FakeProvider(LINES))
    await shell.type("logs", "mem:run/1", "--json")
    assert [line.message for line in LINES] == [json.loads(row)["message"] for row in shell.out.splitlines()]
    await shell.type("logs", "mem:run/1", "--download", str(tmp_path / "run.log"))
    assert BAR.encode() in (tmp_path / "run.log").read_bytes()


def test_evidence_and_summaries_have_the_final_state() -> None:
    assert FINAL == ExcerptLine.of(LINES[1], max_chars=200).message
    quoted = ExcerptLine.of(LINES[2], max_chars=200).message
    assert "RuntimeError: CUDA error\n40% (40 progress updates hidden)" == quoted
    assert "99%|##| 99/100" == plain_message(BAR, 100)
    assert "RuntimeError: CUDA error" == plain_message(FAILED, 100)
