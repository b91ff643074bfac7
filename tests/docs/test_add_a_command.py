"""The recipe "Add a command" of docs/architecture.md, applied to a copy of the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Add a command")[2]
STEPS = re.findall(r"^```diff\n# (\S+)\n(.*?)^```$", RECIPE, re.MULTILINE | re.DOTALL)
ROW, HANDLER, *RENDERINGS = [path for path, _ in STEPS]
MYPY = """
[mypy]
python_version = 3.11
warn_no_return = True
ignore_missing_imports = True
follow_imports = silent
[mypy-bot.commands.handlers.*,bot.providers.*,bot.rules.*,bot.diagnosis.*,bot.redaction.*,re2]
follow_imports = skip
"""
"""Only the types of commands and answers matter here; skipping the rest makes the check fast."""

USE = """
import asyncio, io
from datetime import UTC, datetime, timedelta
from bot.commands.answers import Asker
from bot.commands.channel_runner import ChannelRunner
from bot.commands.parsing.parser import parse, parse_argv
from bot.commands.runner import CommandRunner
from bot.redaction.redactor import Redactor
from bot.slack.render.answers import render
from bot.store.store import open_store
from bot.terminal.app import Session
from bot.terminal.output import Output
from tests.fakes.provider import FakeProvider, registry_of

times = iter(datetime(2026, 3, 13, tzinfo=UTC) + timedelta(milliseconds=number * 42) for number in range(99))

async def main():
    runner = CommandRunner(registry_of(FakeProvider()), lambda: next(times), Redactor())
    slack = ChannelRunner(runner, await open_store("sqlite:///unused.db"))
    print(render(await slack.run(parse("ping mem:run/1"), Asker("U1", "C1"))).text)
    print(render(await slack.run(parse("help ping"), Asker("U1", "C1"))).text)
    for argv in (["ping", "mem:run/1"], ["ping", "mem:run/1", "--json"], ["ping", "mem:run/9"]):
        output = Output(io.StringIO(), io.StringIO())
        print(await Session(runner, output).run(parse_argv(argv)), output.out.getvalue() + output.err.getvalue())

asyncio.run(main())
"""


def apply(folder: Path, *, without: tuple[str, ...] = ()) -> None:
    """Apply the steps to a copy of the code, except those for some files."""
    for path, diff in STEPS:
        file = folder / path
        text = (ROOT / path).read_text(encoding="utf-8")
        for hunk in () if path in without else diff.split("@@\n"):
            rows = hunk.splitlines(keepends=True)
            before = "".join(row[1:] or "\n" for row in rows if row[0] != "+")
            after = "".join(row[1:] or "\n" for row in rows if row[0] != "-")
            assert text.count(before) == 1, f"{path}: the recipe does not fit:\n{before}"
            text = text.replace(before, after)
        file.write_text(text, encoding="utf-8")


def type_errors(folder: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", HANDLER, *RENDERINGS]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    shutil.copytree(ROOT / "bot", folder / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "fakes", folder / "tests" / "fakes")
    (folder / "mypy.ini").write_text(MYPY)
    return folder


def test_a_command_touches_four_files() -> None:
    assert [ROW, HANDLER, *RENDERINGS] == [
        "bot/commands/subcommands/jobs.py",
        "bot/commands/runner.py",
        "bot/slack/render/answers.py",
        "bot/terminal/render/answers.py",
    ]


def test_missing_handler_and_renderings_fail_type_checking(folder: Path) -> None:
    apply(folder, without=(HANDLER, *RENDERINGS))
    errors = type_errors(folder)
    assert f"{HANDLER}:" in errors
    assert '"assert_never" has incompatible type "PingCommand"' in errors
    for rendering in RENDERINGS:
        assert f"{rendering}:" in errors


def test_complete_command_passes_type_checking_and_runs_in_both_frontends(folder: Path) -> None:
    apply(folder)
    assert type_errors(folder).startswith("Success")
    run = subprocess.run(
        [sys.executable, "-c", USE], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    slack, help_text, terminal = run.stdout.split("\n", 2)
    assert slack == "mem answered in 42 ms.", run.stderr
    assert help_text.startswith("How to use /train ping REF [OPTIONS]")
    assert "0 mem answered in 42 ms." in terminal
    assert '"took_ms": 42.0' in terminal
    assert "1 trainwatch: " in terminal
