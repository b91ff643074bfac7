"""Ctrl-C ends the reading, and what was read is printed."""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.terminal.exit_codes import ExitCode
from tests.fakes.provider import FakeProvider
from tests.support.waiting import eventually
from tests.unit.terminal.shell import Shell
from tests.unit.terminal.test_logs import LINES


def interrupt() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


async def typed_and_interrupted(shell: Shell, provider: FakeProvider, *argv: str) -> int:
    """Type a command, and press Ctrl-C once the platform hangs."""
    typing = asyncio.create_task(shell.type(*argv))
    await eventually(lambda: provider.open_log_queries == 1 and len(provider.queries) >= 3)
    interrupt()
    return await typing


def hanging() -> FakeProvider:
    """A platform that hangs after 100 lines."""
    return FakeProvider(LINES, page_lines=50, hangs_at_line=100)


@pytest.mark.parametrize(
    ("options", "shown", "onward"),
    [
        (("--all",), [f"line {number}" for number in range(100)], "--start .+ --all"),
        (("--tail", "200"), [f"line {number}" for number in range(200, 300)], "--end .+ --limit 200"),
        (("--all", "--grep", "line 7$"), ["line 7"], "--start .+ --grep"),
    ],
)
async def test_lines_read_until_then_are_printed(options: tuple[str, ...], shown: list[str], onward: str) -> None:
    provider = hanging()
    shell = Shell(provider)
    code = await typed_and_interrupted(shell, provider, "logs", "mem:run/1", *options)
    assert code == ExitCode.INTERRUPTED
    assert [row[row.index("line") :] for row in shell.out.splitlines()] == shown
    assert re.search(f"To read on, use `trainwatch logs mem:run/1 {onward}", shell.err)
    assert "trainwatch: Interrupted." in shell.err


async def test_diagnosis_of_the_lines_read_until_then_is_printed() -> None:
    provider = hanging()
    shell = Shell(provider)
    code = await typed_and_interrupted(shell, provider, "diagnose", "mem:run/1")
    assert code == ExitCode.INTERRUPTED
    assert "100 lines" in shell.out
    assert "To read on, use `diagnose mem:run/1 --start" in shell.out


async def test_interrupted_download_keeps_its_suffix(tmp_path: Path) -> None:
    provider = hanging()
    shell = Shell(provider)
    target = tmp_path / "run.log"
    assert await typed_and_interrupted(shell, provider, "logs", "mem:run/1", "--download", str(target)) == 130
    assert not target.exists()
    assert len((tmp_path / "run.log.part").read_text().splitlines()) == 100


async def test_second_interrupt_ends_a_command_that_does_not_stop() -> None:
    provider = FakeProvider(LINES, status_s=60)
    shell = Shell(provider)
    typing = asyncio.create_task(shell.type("status", "mem:run/1"))
    await eventually(lambda: provider.job_queries == ["run/1"])
    interrupt()
    await asyncio.sleep(0)
    interrupt()
    assert await typing == ExitCode.INTERRUPTED


async def test_progress_is_shown_while_a_command_reads() -> None:
    shell = Shell(FakeProvider(LINES, page_lines=100))
    err = io.StringIO()
    shell.output.err, shell.output.show_progress, shell.output.progress_every_s = err, True, 0
    assert await shell.type("diagnose", "mem:run/1") == ExitCode.OK
    shown: Callable[[str], bool] = err.getvalue().__contains__
    assert shown("Read 100 lines, up to ")
    assert shown(" UTC, 0 requests. Ctrl-C shows what was read.")
    assert err.getvalue().endswith("\r\x1b[K")


async def test_the_usual_handler_is_restored() -> None:
    usual = signal.getsignal(signal.SIGINT)
    await Shell(FakeProvider(LINES)).type("status", "mem:run/1")
    assert signal.getsignal(signal.SIGINT) is usual
