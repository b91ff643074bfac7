"""Real failures of real PyTorch process groups over gloo: a scan of what they leave names the guilty rank."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.demo import free_port
from tests.slow.torch_environment import TorchEnvironment, torch_environment

WORKER = Path(__file__).parent / "gloo_worker.py"
TIMEOUT_S = 15
"""Of the collectives; the guilty rank of a hang waits longer than any test."""
LONGEST_S = 600.0
GRACE_S = 20.0
"""A rank that still runs this long after the others ended is ended."""
ENOUGH = 19


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the worker."""

    fault: str
    launch: str
    world: int
    guilty: int
    operation: str = "all_reduce"
    has_dumps: bool = False
    is_detailed: bool = False
    """Runs with `TORCH_DISTRIBUTED_DEBUG=DETAIL`."""


RUNS = (
    Run("exit", "torchrun", 3, 1),
    Run("kill", "files", 4, 3),
    Run("kill", "torchrun", 8, 5),
    Run("kill", "plain", 3, 1),
    Run("sleep", "torchrun", 4, 2),
    Run("sleep", "files", 3, 1),
    Run("sleep", "plain", 3, 0, "all_gather"),
    Run("sleep", "torchrun", 4, 3, "monitored_barrier"),
    Run("skip", "torchrun", 4, 2, "monitored_barrier"),
    Run("skip", "torchrun", 4, 1, is_detailed=True),
    Run("skip", "files", 4, 3, has_dumps=True),
    Run("skip", "plain", 3, 2, has_dumps=True),
    Run("shape", "torchrun", 4, 3, is_detailed=True),
    Run("shape", "files", 4, 0, is_detailed=True),
    Run("shape", "plain", 5, 2, has_dumps=True),
    Run("shape", "plain", 4, 1, has_dumps=True),
    Run("raise", "torchrun", 2, 1),
    Run("raise", "files", 3, 1),
    Run("raise", "spawn", 3, 2),
    Run("raise", "plain", 4, 0, "all_gather"),
)
MISSING = (
    Run("sleep", "torchrun", 4, 2, has_dumps=True),
    Run("skip", "torchrun", 3, 1, has_dumps=True),
)
INPUTS = ("trace_rank_*.json", "trace_rank_[0-9]", "stack_rank_*", "spied_rank_*")
"""Flight recorders as JSON and as pickles, and stacks of faulthandler and py-spy."""


@pytest.mark.slow
@pytest.mark.timeout(7200)
async def test_guilty_rank_is_named_in_nineteen_of_twenty_runs(tmp_path: Path) -> None:
    environment = await torch_environment()
    wrong = []
    for number, run in enumerate(RUNS):
        folder = tmp_path / str(number)
        await fail(run, folder, environment)
        incidents = await scan(str(folder))
        if not names(incidents, run.guilty):
            wrong.append((run, incidents))
    assert len(RUNS) - len(wrong) >= ENOUGH, wrong


@pytest.mark.slow
@pytest.mark.timeout(7200)
async def test_dumps_alone_name_the_rank_that_is_missing_from_a_collective(tmp_path: Path) -> None:
    environment = await torch_environment()
    wrong = []
    for run in MISSING:
        folder = tmp_path / run.fault
        await fail(run, folder, environment)
        for pattern in INPUTS:
            incidents = await scan(str(folder / "dumps" / pattern))
            if not names(incidents, run.guilty):
                wrong.append((run, pattern, incidents))
    assert wrong == []


def names(incidents: list[dict[str, object]], guilty: int) -> bool:
    """Does the only problem name the guilty rank first?"""
    problems = [one for one in incidents if one["severity"] == "page"]
    ranks = problems[0]["ranks"] if len(problems) == 1 else None
    return isinstance(ranks, list) and ranks[:1] == [guilty]


async def scan(path: str) -> list[dict[str, object]]:
    """Return the incidents that `trainwatch scan --json` reports."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "scan", "--json", path, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    incidents: list[dict[str, object]] = json.loads(output)["incidents"]
    return incidents


async def fail(run: Run, folder: Path, environment: TorchEnvironment) -> None:
    """Run the worker until it has failed; its logs, and dumps if it makes any, are in the folder."""
    dumps = folder / "dumps"
    dumps.mkdir(parents=True)
    variables = {
        **os.environ, "FAULT": run.fault, "GUILTY": str(run.guilty), "OPERATION": run.operation, "OMP_NUM_THREADS": "1",
        "TIMEOUT_S": str(TIMEOUT_S), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": str(run.world), "TORCH_FR_BUFFER_SIZE": "2000", "PY_SPY": environment.program("py-spy"),
        **({"DUMPS": str(dumps)} if run.has_dumps else {}),
        **({"TORCH_DISTRIBUTED_DEBUG": "DETAIL"} if run.is_detailed else {}),
    }  # fmt: skip
    started = [
        await start(command, folder / log, {**variables, **own})
        for command, log, own in commands(run, folder, environment)
    ]
    async with asyncio.timeout(LONGEST_S):
        ends = [asyncio.create_task(process.wait()) for process in started]
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < max(1, len(ends) - 1):
            done, _ = await asyncio.wait(ends, timeout=GRACE_S, return_when=asyncio.ALL_COMPLETED)
        await asyncio.wait(ends, timeout=GRACE_S)
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def commands(run: Run, folder: Path, environment: TorchEnvironment) -> Iterator[tuple[list[str], str, dict[str, str]]]:
    """The commands that start a run, each with its log and its own variables."""
    python, torchrun = environment.program("python"), environment.program("torchrun")
    launcher = [torchrun, "--nproc-per-node", str(run.world), "--master-port", str(free_port())]
    if run.launch == "torchrun":
        yield [*launcher, str(WORKER)], "run.log", {}
    elif run.launch == "files":
        yield [*launcher, "--log-dir", str(folder / "ranks"), "--redirects", "3", str(WORKER)], "launcher.log", {}
    elif run.launch == "spawn":
        yield [python, str(WORKER), "spawn"], "run.log", {}
    else:
        for rank in range(run.world):
            yield [python, "-u", str(WORKER)], f"rank_{rank}.log", {"RANK": str(rank)}


async def start(command: list[str], log: Path, variables: dict[str, str]) -> asyncio.subprocess.Process:
    """Start a process that writes to a file."""
    with log.open("wb") as file:
        return await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=asyncio.subprocess.STDOUT, env=variables
        )
