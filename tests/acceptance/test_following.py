"""`logs --follow` and `watch` print each line once, with alerts and state changes between the lines."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from emulator.faults import Fault
from emulator.logs import Line, Log
from emulator.quirks import BasetenQuirks
from emulator.world import History, Status, to_ns
from tests.acceptance.logs import REFERENCES
from tests.acceptance.program import Machine, Row, expected_rows
from tests.support.waiting import LONGEST_S

ROUNDS = 6
ENDED = {
    "baseten": "TRAINING_JOB_COMPLETED",
    "baseten-model": "FAILED",
    "fireworks": "COMPLETED",
    "rivergen": "completed",
}


def begin(machine: Machine, system: str) -> tuple[Log, History]:
    """Add a running job with 50 log lines."""
    world, began = machine.world, datetime.now(UTC) - timedelta(minutes=10)
    lines = [Line(to_ns(began) + number * 10**9, f"earlier {number}", "r0abc") for number in range(50)]
    match system:
        case "baseten":
            statuses = [Status(began, "TRAINING_JOB_RUNNING")]
            training = world.add_training_job("proj", "job1", lines=lines, statuses=statuses)
            return training.log, training.history
        case "baseten-model":
            deployment = world.add_deployment("mod1", "dep1", lines=lines, statuses=[Status(began, "ACTIVE")])
            return deployment.log, deployment.history
        case "fireworks":
            batch = world.add_batch_job("acme", "batch-1", lines=lines, statuses=[Status(began, "RUNNING")])
            return batch.log, batch.history
        case _:
            run = world.add_rivergen_run("mdl-1", "run-1", lines=lines, statuses=[Status(began, "running")])
            return run.log, run.history


def new_lines(number: int, *, late: bool) -> list[Line]:
    """Lines with equal timestamps and duplicates, and optionally a late line."""
    now = to_ns(datetime.now(UTC))
    lines = [Line(now, f"round {number} line {n % 7}", "r0abc") for n in range(30)]
    lines += [Line(now - 20 * 10**9, f"late {number}", "r1abc", visible_at_ns=now)] if late else []
    return lines


async def follow(machine: Machine, system: str) -> tuple[Counter[str], Counter[str], str]:
    """Run `logs --follow`. Returns the expected rows, the printed rows and standard error."""
    log, history = begin(machine, system)
    process = await machine.start("logs", REFERENCES[system], "--follow", "--since", "1h", "--json")
    for number in range(ROUNDS):
        await asyncio.sleep(0.7)
        log.append(*new_lines(number, late=system != "rivergen"))
    history.add(datetime.now(UTC), ENDED[system])
    out, err = await asyncio.wait_for(process.communicate(), LONGEST_S)
    rows: list[Row] = [json.loads(line) for line in out.splitlines()]
    assert 0 == process.returncode, err
    return Counter(map(str, expected_rows(list(log.lines), system))), Counter(map(str, rows)), err.decode()


@pytest.mark.slow  # the job's state is polled every 15 s, and its log is read for 15 s after its end
async def test_follow_prints_each_line_once_despite_late_lines_and_faults(machine: Machine) -> None:
    machine.on.quirks.baseten = BasetenQuirks(end_inclusive=True, page_cap=60)
    faults = [Fault("reset", probability=0.1), Fault("status", status=503, probability=0.1)]
    asyncio.get_running_loop().call_later(2, machine.on.faults.set, faults)
    for expected, printed, notes in await asyncio.gather(*(follow(machine, system) for system in REFERENCES)):
        assert expected == printed
        assert "has ended: " in notes.splitlines()[-1]
    assert {"reset", "status"} == set(machine.on.faults.struck)


@pytest.mark.slow
async def test_watch_prints_alerts_state_changes_and_the_end(machine: Machine) -> None:
    log, history = begin(machine, "baseten")
    process = await machine.start("watch", "baseten:proj/job1")
    assert process.stderr is not None
    first = await asyncio.wait_for(process.stderr.readline(), LONGEST_S)
    text = "RuntimeError: CUDA error: device-side assert triggered"
    log.append(Line(to_ns(datetime.now(UTC)), text, "r0abc", "ERROR"))
    await asyncio.sleep(1)
    history.add(datetime.now(UTC), "TRAINING_JOB_FAILED", "exit code 1")
    out, err = await asyncio.wait_for(process.communicate(), LONGEST_S)
    notes = (first + err).decode()
    assert 0 == process.returncode, notes
    assert 1 == out.decode().count(text)
    assert ": running (TRAINING_JOB_RUNNING)" in notes
    assert ": failed (TRAINING_JOB_FAILED)" in notes
    assert "── page: " in notes
    assert notes.rstrip().endswith("baseten:proj/job1 has ended: failed (TRAINING_JOB_FAILED).")
