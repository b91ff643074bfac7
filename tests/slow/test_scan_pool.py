"""Many files are read by several processes: the same report as by one, also if one is killed; Ctrl-C ends them all."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.commands.subcommands.shell import ScanCommand
from bot.rules.diagnosis_config import build_scanner
from bot.terminal.output import Output
from bot.terminal.scan import scan
from bot.terminal.scan_pool import MIN_BYTES
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow
STEPS = "".join(
    f"2026-03-13 10:{n // 60 % 60:02d}:{n % 60:02d} INFO step {n} loss 2.5 grad_norm 0.1\n" for n in range(900)
)
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."
ERROR = f'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    x()\n{OOM}\n'


def report(folder: Path, processes: int) -> str:
    out, err = io.StringIO(), io.StringIO()
    for json in (True, False):
        scan(ScanCommand((str(folder),), json=json), build_scanner(), Output(out, err), processes=processes)
    return f"{out.getvalue()}{err.getvalue()}"


def test_several_processes_report_what_one_does(tmp_path: Path) -> None:
    for rank in range(40):
        (tmp_path / f"rank_{rank}.log").write_text(STEPS[: 40_000 + rank] + (ERROR if rank in (7, 9) else ""))
    (tmp_path / "rank_40.log").write_bytes(bytes(range(1, 256)) * 9)
    (tmp_path / "rank_41.log").write_bytes(b"\x1f\x8b damaged")
    (tmp_path / "rank_42.log").write_bytes(b"")
    one = report(tmp_path, 1)
    assert one == report(tmp_path, 2)
    assert "rank_40.log is a binary file" in one
    assert '"problems": 1' in one


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_ctrl_c_ends_all_processes_without_a_traceback(tmp_path: Path) -> None:
    for rank in range(24):
        (tmp_path / f"rank_{rank}.log").write_text(STEPS * (MIN_BYTES // len(STEPS) // 8))
    command = [sys.executable, "-m", "bot", "scan", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    asyncio.run(eventually(lambda: len(children_of(process.pid)) >= 3))
    children = children_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (130, b"", b"")
    asyncio.run(eventually(lambda: not any(Path(f"/proc/{child}").exists() for child in children)))
