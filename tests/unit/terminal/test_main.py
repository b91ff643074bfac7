"""The program as a process: exit codes, streams, imports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
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
    assert program.run(["check"]) == 2
    assert "TRAINWATCH_POLL_INTERVAL must be a number and a unit" in capsys.readouterr().err


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


def test_ctrl_c_exits_with_130_and_states_only_that(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("BASETEN_API_KEY", "key")
        monkeypatch.setenv("BASETEN_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        process = start("logs", "baseten:p/j")
        silent.settimeout(LONGEST_S)
        connection, _ = silent.accept()  # the request now waits for a response
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONGEST_S)
        connection.close()
    assert (process.returncode, out, err) == (130, b"", b"trainwatch: Interrupted.\n")


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
    assert {"__main__", "commands", "domain", "environment", "errors", "terminal"} >= {
        name.split(".")[1] for name in loaded if name.startswith("bot.")
    }


REMOTE = """
import http.server, json, sys, threading
project = {"id": "p", "name": "p"}
job = {"id": "j", "training_project": project, "training_project_id": "p", "current_status": "TRAINING_JOB_RUNNING"}
class Remote(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"training_job": job, "training_jobs": [job], "logs": [], "models": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Remote)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A platform with one job, in another process."""
    with subprocess.Popen([sys.executable, "-c", REMOTE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        monkeypatch.setenv("BASETEN_API_KEY", "key")
        monkeypatch.setenv("BASETEN_BASE_URL", f"http://127.0.0.1:{process.stdout.readline().strip()}")
        yield
        process.kill()


@pytest.mark.parametrize(("argv", "expected"), [("jobs", "baseten:p/j"), ("status baseten:p/j", "running")])
@pytest.mark.usefixtures("remote")
def test_jobs_and_status_import_no_more_than_they_need(argv: str, expected: str) -> None:
    """They start fast because they import neither the database, Slack, the rules nor a library for settings."""
    program = "import sys, bot.__main__; bot.__main__.run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    loaded = modules_of(program, *argv.split(), expected=expected)
    packages = {name.partition(".")[0] for name in loaded}
    heavy = {"pydantic", "sqlalchemy", "alembic", "slack_bolt", "slack_sdk", "rich", "click"}
    heavy |= {"dotenv", "pathvalidate", "psycopg", "structlog"}
    assert heavy & packages == set()
    assert {
        name for name in loaded if name.startswith(("bot.store", "bot.slack", "bot.watcher", "bot.settings"))
    } == set()
    engines = ("bot.rules", "bot.diagnosis.failures", "bot.diagnosis.diagnoser", "bot.diagnosis.page_scanner")
    assert {name for name in loaded if name.startswith(engines)} == set()


def test_a_reference_creates_only_its_own_platform() -> None:
    program = "import sys, bot.__main__; bot.__main__.run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    loaded = modules_of(program, "status", "fireworks:acme/tune-7b")
    assert "bot.providers.fireworks.provider" in loaded
    assert {name for name in loaded if name.startswith(("bot.providers.baseten", "bot.providers.rivergen"))} == set()


def modules_of(program: str, *argv: str, expected: str = "") -> set[str]:
    """Return the modules that a program prints to its standard error, after checking what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *argv]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert expected in done.stdout
    return set(done.stderr.split())


def test_top_without_a_platform_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["top", "--once"]) == 2
    assert capsys.readouterr().err.startswith("trainwatch: No platform is set up.")
    assert not Path("trainwatch.db").exists()


def test_top_prints_one_frame_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BASETEN_API_KEY", "invalid-key")
    monkeypatch.setenv("BASETEN_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("BASETEN_RETRY_BUDGET_S", "0")
    assert program.run(["top"]) == 1
    shown = capsys.readouterr().out
    assert "Its jobs are not seen." in shown
    assert "\x1b" not in shown
