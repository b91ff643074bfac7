"""`trainwatch logs --download` writes the exact artifact into the given file and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.faults import Fault
from emulator.quirks import RivergenQuirks
from emulator.rivergen_logs import artifact
from emulator.world import Status
from tests.acceptance.logs import REFERENCES, giant_line, hostile_lines, put
from tests.acceptance.program import ANCHOR, Machine, expected_rows

CHUNKS = (65_536, 4_099, 7)
"""Chunk sizes; 7 bytes split lines and characters."""
HOSTILE_NAMES = ("../../evil.txt", "/etc/evil.txt", "C:\\evil.txt", "..", "a" * 400, "-rf")


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("chunk_bytes", CHUNKS)
@pytest.mark.parametrize("form", ["txt", "json"])
async def test_the_artifact_is_written_byte_for_byte(machine: Machine, form: str, chunk_bytes: int) -> None:
    machine.on.quirks.rivergen = RivergenQuirks(chunk_bytes=chunk_bytes)
    lines = hostile_lines(10_000 if chunk_bytes > 7 else 1_000, "rivergen")
    ref = put(machine.world, "rivergen", lines)
    arguments = ["logs", ref, "--download", "run.log", *(["--json"] if form == "json" else [])]
    ended = await machine.call(*arguments)
    expected = b"".join(artifact(machine.world.rivergen_runs["mdl-1", "run-1"], form, machine.world.now_ns))
    assert (0, b"") == (ended.code, ended.out)
    assert expected == (machine.folder / "run.log").read_bytes()
    assert f"Wrote {len(expected):,} bytes to run.log." in ended.err


async def test_a_real_process_downloads_a_line_of_two_megabytes(machine: Machine) -> None:
    ref = put(machine.world, "rivergen", [*hostile_lines(1_000, "rivergen"), giant_line("rivergen")])
    ended = await machine.run("logs", ref, "--download", "-")
    expected = b"".join(artifact(machine.world.rivergen_runs["mdl-1", "run-1"], "txt", machine.world.now_ns))
    assert (0, expected) == (ended.code, ended.out)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_a_hostile_attachment_name_does_not_change_the_file(machine: Machine, tmp_path: Path, name: str) -> None:
    machine.on.quirks.rivergen = RivergenQuirks(file_name=name)
    ref = put(machine.world, "rivergen", hostile_lines(50, "rivergen"))
    before = files_in(tmp_path.parent)
    ended = await machine.call("logs", ref, "--download", "mine.log")
    assert 0 == ended.code
    assert sorted([*before, tmp_path / "mine.log"]) == files_in(tmp_path.parent)


@pytest.mark.parametrize("looks_complete", [True, False])
@pytest.mark.parametrize("form", ["txt", "json"])
async def test_a_download_that_ends_early_is_completed(machine: Machine, form: str, *, looks_complete: bool) -> None:
    machine.on.quirks.rivergen = RivergenQuirks(cut_download_at=20_001, cut_looks_complete=looks_complete)
    ref = put(machine.world, "rivergen", hostile_lines(1_000, "rivergen"))
    ended = await machine.call("logs", ref, "--download", "run.log", *(["--json"] if form == "json" else []))
    expected = b"".join(artifact(machine.world.rivergen_runs["mdl-1", "run-1"], form, machine.world.now_ns))
    got = (machine.folder / "run.log").read_bytes() if ended.code == 0 else b""
    assert (0, expected) == (ended.code, got), ended.err


async def test_the_older_path_is_used_if_the_newer_is_missing(machine: Machine) -> None:
    machine.on.faults.set([Fault("status", "/rivergen/api/v1/models/mdl-1/training-metrics", status=404)])
    lines = hostile_lines(500, "rivergen")
    ref = put(machine.world, "rivergen", lines)
    shown = await machine.call("logs", ref, "--all", "--json")
    ended = await machine.call("logs", ref, "--download", "run.log")
    expected = b"".join(artifact(machine.world.rivergen_runs["mdl-1", "run-1"], "txt", machine.world.now_ns))
    assert (0, expected_rows(lines, "rivergen")) == (shown.code, shown.rows)
    assert (0, expected) == (ended.code, (machine.folder / "run.log").read_bytes())


async def test_without_a_run_the_newest_one_is_read(machine: Machine) -> None:
    lines = hostile_lines(300, "rivergen")
    put(machine.world, "rivergen", lines)
    older = [Status(ANCHOR.replace(year=ANCHOR.year - 1), "completed")]
    machine.world.add_rivergen_run("mdl-1", "run-0", lines=hostile_lines(10, "rivergen", seed=2), statuses=older)
    ended = await machine.call("logs", "rivergen:mdl-1", "--all", "--json")
    assert (0, expected_rows(lines, "rivergen")) == (ended.code, ended.rows)


@pytest.mark.parametrize("system", REFERENCES)
async def test_filtered_lines_are_written_to_the_file(machine: Machine, system: str) -> None:
    ref = put(machine.world, system, hostile_lines(1_000, system))
    options = ("--include", "loss", "--all")
    shown = await machine.call("logs", ref, *options)
    ended = await machine.call("logs", ref, *options, "--download", "some.log")
    assert (0, shown.out) == (ended.code, (machine.folder / "some.log").read_bytes())


async def test_a_failed_download_keeps_the_old_file(machine: Machine) -> None:
    machine.on.quirks.rivergen = RivergenQuirks(token_expired=True)
    ref = put(machine.world, "rivergen", hostile_lines(10, "rivergen"))
    (machine.folder / "run.log").write_text("older content")
    ended = await machine.call("logs", ref, "--download", "run.log", "--force")
    assert (1, "older content") == (ended.code, (machine.folder / "run.log").read_text())
    assert "expired" in ended.err
