"""Fireworks' fine-tuning jobs through the whole program: every line of the log file, its windows and its metrics."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from emulator.fireworks_logs import format_stamp
from emulator.fireworks_tuning import SUPERVISED
from emulator.logs import Line
from emulator.quirks import FireworksQuirks
from emulator.world import FineTuningJob, Status, to_ns
from tests.acceptance.logs import hostile_lines
from tests.acceptance.program import ANCHOR, Machine, stamp
from tests.support.waiting import LONGEST_S

REF = f"fireworks:acme/{SUPERVISED}/tune-1"
COUNT = 12_000
"""Lines of more than a mebibyte, which is read at once."""


def put(machine: Machine, lines: Sequence[Line]) -> FineTuningJob:
    statuses = [Status(ANCHOR - timedelta(hours=5), "JOB_STATE_RUNNING"), Status(ANCHOR, "JOB_STATE_COMPLETED")]
    return machine.world.add_fine_tuning_job("acme", SUPERVISED, "tune-1", lines=lines, statuses=statuses)


def file_of(lines: Sequence[Line]) -> bytes:
    return "".join(f"{format_stamp(line.timestamp_ns)} {line.message}\n" for line in lines).encode()


def rows_of(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """The lines of the file with their times: those of a message that has several share its time."""
    found = []
    for line in lines:
        rows = f"{format_stamp(line.timestamp_ns)} {line.message}".split("\n")
        found += [(stamp(line.timestamp_ns), row) for row in rows]
    return found


@pytest.mark.parametrize("ignores_ranges", [False, True])
async def test_all_lines_are_printed_exactly_in_both_directions(machine: Machine, ignores_ranges: bool) -> None:
    machine.on.quirks.fireworks = FireworksQuirks(ignores_ranges=ignores_ranges)
    lines = hostile_lines(COUNT, "fireworks")
    put(machine, lines)
    ended = await machine.call("logs", REF, "--all", "--json")
    assert (0, "") == (ended.code, ended.err)
    assert rows_of(lines) == [(row["timestamp"], row["message"]) for row in ended.rows]
    newest = await machine.call("logs", REF, "--all", "--desc", "--json")
    assert ended.rows == newest.rows[::-1]


async def test_windows_filters_and_surroundings(machine: Machine) -> None:
    lines = hostile_lines(COUNT, "fireworks")
    put(machine, lines)
    start, end = stamp(lines[COUNT // 3].timestamp_ns), stamp(lines[COUNT // 2].timestamp_ns)
    expected = [row for row in rows_of(lines) if start <= row[0] <= end]
    ended = await machine.call("logs", REF, "--all", "--json", "--start", start, "--end", end)
    assert expected == [(row["timestamp"], row["message"]) for row in ended.rows]
    found = await machine.call("logs", REF, "--all", "--json", "--grep", "ValueError", "--start", start, "--end", end)
    assert [row for row in expected if "ValueError" in row[1]] == [
        (row["timestamp"], row["message"]) for row in found.rows
    ]
    around = await machine.call("logs", REF, "--around", end, "--context", "3", "--json")
    assert end in [row["timestamp"] for row in around.rows]


async def test_the_file_is_downloaded_byte_for_byte(machine: Machine) -> None:
    lines = hostile_lines(COUNT, "fireworks")
    put(machine, lines)
    ended = await machine.call("logs", REF, "--download", "run.log", "--no-redact")
    assert 0 == ended.code, ended.err
    assert file_of(lines) == (machine.folder / "run.log").read_bytes()
    as_json = await machine.call("logs", REF, "--download", "run.json", "--json")
    assert 0 == as_json.code, as_json.err
    rows = [json.loads(row) for row in (machine.folder / "run.json").read_bytes().split(b"\n") if row]
    assert rows_of(lines) == [(row["timestamp"], row["message"]) for row in rows]


@pytest.mark.parametrize("typed", ["tune-1", "sft/tune-1", "fireworks:sft/tune-1", "fireworks:acme/sft/tune-1", REF])
async def test_every_form_of_a_reference_is_understood_and_no_secret_is_shown(machine: Machine, typed: str) -> None:
    job = put(machine, [Line(to_ns(ANCHOR) - 10**9, "step 1 loss 0.5")])
    job.metric_rows = [(ANCHOR - timedelta(minutes=5), {"step": 1, "train/loss": 0.5})]
    shown = {}
    for command in ("status", "logs", "metrics", "diagnose"):
        ended = await machine.call(command, typed, "--json")
        assert ended.code in (0, 1), (command, ended.err)
        assert "Signature" not in ended.text + ended.err
        shown[command] = ended.text
    assert "train/loss" in shown["metrics"]
    assert "step 1 loss 0.5" in shown["logs"]


@pytest.mark.slow  # the job's state is polled every 15 s, and its log is read for 15 s after its end
async def test_a_growing_file_is_followed_through_expiring_urls(machine: Machine) -> None:
    machine.on.quirks.fireworks = FireworksQuirks(url_lifetime=timedelta(seconds=2))
    began = datetime.now(UTC) - timedelta(minutes=10)
    lines = [Line(to_ns(began) + number * 10**9, f"earlier {number}") for number in range(50)]
    statuses = [Status(began, "JOB_STATE_RUNNING")]
    job = machine.world.add_fine_tuning_job("acme", SUPERVISED, "tune-1", lines=lines, statuses=statuses)
    process = await machine.start("logs", REF, "--follow", "--since", "1h", "--json")
    for number in range(8):
        await asyncio.sleep(0.7)
        job.log.append(*(Line(to_ns(datetime.now(UTC)), f"round {number} line {n % 7}") for n in range(30)))
    job.history.add(datetime.now(UTC), "JOB_STATE_COMPLETED")
    out, err = await asyncio.wait_for(process.communicate(), LONGEST_S)
    assert 0 == process.returncode, err
    assert rows_of(job.log.lines) == [(row["timestamp"], row["message"]) for row in map(json.loads, out.splitlines())]
