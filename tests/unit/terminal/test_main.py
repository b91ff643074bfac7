"""The program as a process: exit codes, streams, imports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bot import __main__ as program
from tests.support.waiting import LONGEST_S

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("SLACK_", "BASETEN_", "FIREWORKS_", "RIVERGEN_", "TRAINWATCH_", "DATABASE_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def start(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("argv", [[], ["--help"], ["help"], ["logs", "--help"], ["help", "db"]])
def test_help_exits_with_0(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(argv) == 0
    assert capsys.readouterr().out.startswith("Usage: trainwatch ")


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--version"]) == 0
    assert capsys.readouterr().out == f"trainwatch {version('trainwatch')}\n"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["lgos"], "Did you mean `logs`?"),
        (["logs", "mem:1", "--sinse", "3h"], "Did you mean `--since`?"),
        (["unwatch", "mem:1"], "works only in Slack"),
        (["logs", "baseten:p/j"], "BASETEN_API_KEY"),
        (["logs", "nope:p/j"], "There is no platform named"),
        (["jobs"], "No platform is set up."),
        (["serve"], "make demo"),
    ],
)
def test_invalid_command_or_setting_exits_with_2(
    argv: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(argv) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("trainwatch: ")
    assert expected in shown.err


def test_serve_reports_missing_tokens_and_where_to_find_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["serve"]) == 2
    error = capsys.readouterr().err
    for text in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "https://api.slack.com/apps"):
        assert text in error


def test_invalid_setting_exits_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TRAINWATCH_POLL_INTERVAL", "soon")
    assert program.run(["jobs"]) == 2
    assert "TRAINWATCH_POLL_INTERVAL: must be a number and a unit" in capsys.readouterr().err


def test_unreachable_platform_exits_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("BASETEN_API_KEY", "invalid-key")
    monkeypatch.setenv("BASETEN_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("BASETEN_RETRY_BUDGET_S", "0")
    assert program.run(["logs", "baseten:p/j"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("trainwatch: ")
    assert "invalid-key" not in error


def test_database_is_created_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["db", "upgrade"]) == 0
    assert Path("trainwatch.db").is_file()
    assert program.run(["check"]) == 1
    shown = capsys.readouterr().out
    assert "ok   Database schema" in shown
    assert "FAIL Slack tokens" in shown


def test_health_check_fails_while_the_bot_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    program.run(["db", "upgrade"])
    assert program.run(["check", "--health", "--json"]) == 1
    assert '"ok": false' in capsys.readouterr().out


def test_ctrl_c_exits_with_130_without_output(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("BASETEN_API_KEY", "key")
        monkeypatch.setenv("BASETEN_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        process = start("logs", "baseten:p/j")
        silent.settimeout(LONGEST_S)
        connection, _ = silent.accept()  # the request now waits for a response
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONGEST_S)
        connection.close()
    assert (process.returncode, out, err) == (130, b"", b"")


def test_closed_pipe_exits_with_0_without_output() -> None:
    process = start("logs", "--help")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(LONGEST_S) == 0
    process.stderr.close()


def test_health_check_imports_only_the_store() -> None:
    loaded = "import sys, bot.terminal.health; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    out = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert "sqlalchemy" in out
    assert set() == {"slack_bolt", "alembic", "aiohttp", "httpx", "re2", "pydantic"} & set(out)


@pytest.mark.parametrize("argv", ["--help", "logs --help"])
def test_help_loads_only_the_descriptions_of_the_commands(argv: str) -> None:
    """Help starts fast because it imports little; `make bench` compares its time with that of a bare Python."""
    program = "import sys, bot.__main__; bot.__main__.run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    without = "import sys, re2; print(*sys.modules, file=sys.stderr)"
    loaded = modules_of(program, *argv.split()) - modules_of(without)
    packages = {name.partition(".")[0] for name in loaded}
    assert packages - sys.stdlib_module_names == {"bot"}
    assert set() == {"asyncio", "email", "http", "json", "logging", "socket", "sqlite3", "ssl", "urllib"} & packages
    assert {"__main__", "commands", "domain", "errors", "terminal"} >= {
        name.split(".")[1] for name in loaded if name.startswith("bot.")
    }


def modules_of(program: str, *argv: str) -> set[str]:
    """Return the modules that a program prints to its standard error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *argv]
    return set(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr.split())
