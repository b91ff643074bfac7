"""The program as a shell sees it: exit codes, streams, speed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from bot import __main__ as program

ROOT = Path(__file__).parents[3]
START_UP_S = 0.15


@pytest.fixture(autouse=True)
def _nothing_set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
def test_help_is_no_failure(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(argv) == 0
    assert capsys.readouterr().out.startswith("Usage: trainwatch ")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--version"]) == 0
    assert capsys.readouterr().out == f"trainwatch {version('trainwatch')}\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["lgos"], "did you mean `logs`?"),
        (["logs", "mem:1", "--sinse", "3h"], "did you mean `--since`?"),
        (["unwatch", "mem:1"], "works only in Slack"),
        (["logs", "baseten:p/j"], "BASETEN_API_KEY"),
        (["logs", "nope:p/j"], "There is no platform named"),
        (["jobs"], "No platform is set up."),
        (["serve"], "make demo"),
    ],
)
def test_what_was_typed_or_set_up_wrong_is_code_2(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(argv) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("trainwatch: ")
    assert said in shown.err


def test_serve_names_each_missing_token_and_where_it_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["serve"]) == 2
    said = capsys.readouterr().err
    for words in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "https://api.slack.com/apps"):
        assert words in said


def test_a_wrong_setting_is_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TRAINWATCH_POLL_INTERVAL", "soon")
    assert program.run(["jobs"]) == 2
    assert "TRAINWATCH_POLL_INTERVAL: must be a number and a unit" in capsys.readouterr().err


def test_a_platform_that_cannot_be_reached_is_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BASETEN_API_KEY", "key-of-nothing")
    monkeypatch.setenv("BASETEN_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("BASETEN_RETRY_BUDGET_S", "0")
    assert program.run(["logs", "baseten:p/j"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("trainwatch: ")
    assert "key-of-nothing" not in said


def test_the_database_is_made_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["db", "upgrade"]) == 0
    assert Path("trainwatch.db").is_file()
    assert program.run(["check"]) == 1
    shown = capsys.readouterr().out
    assert "ok   Database schema" in shown
    assert "FAIL Slack tokens" in shown


def test_health_is_bad_while_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    program.run(["db", "upgrade"])
    assert program.run(["check", "--health", "--json"]) == 1
    assert '"ok": false' in capsys.readouterr().out


def test_ctrl_c_ends_quietly_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("BASETEN_API_KEY", "key")
        monkeypatch.setenv("BASETEN_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        process = start("logs", "baseten:p/j")
        silent.settimeout(20)
        connection, _ = silent.accept()  # it asks, and waits
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        connection.close()
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    process = start("logs", "--help")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(20) == 0
    process.stderr.close()


def test_a_health_check_loads_no_more_than_the_store() -> None:
    loaded = "import sys, bot.terminal.health; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    out = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert "sqlalchemy" in out
    assert set() == {"slack_bolt", "alembic", "aiohttp", "httpx", "re2", "pydantic"} & set(out)


def test_help_comes_at_once() -> None:
    """The best of a few, since other tests run beside this one."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        process = start("--help")
        process.communicate()
        times.append(time.perf_counter() - begun)
    assert min(times) < START_UP_S
