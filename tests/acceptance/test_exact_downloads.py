"""`trainwatch logs --download` writes the exact artifact into the given file and no other."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from bot.domain.durations import ns_from_datetime
from emulator.faults import Fault
from emulator.logs import Line
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


@pytest.mark.parametrize("offers_ranges", [True, False])
@pytest.mark.parametrize("form", ["txt", "json"])
async def test_a_download_whose_connection_breaks_is_completed(
    machine: Machine, form: str, *, offers_ranges: bool
) -> None:
    machine.on.quirks.rivergen = RivergenQuirks(cut_download_at=20_001, offers_ranges=offers_ranges)
    ref = put(machine.world, "rivergen", hostile_lines(1_000, "rivergen"))
    ended = await machine.call("logs", ref, "--download", "run.log", *(["--json"] if form == "json" else []))
    expected = b"".join(artifact(machine.world.rivergen_runs["mdl-1", "run-1"], form, machine.world.now_ns))
    got = (machine.folder / "run.log").read_bytes() if ended.code == 0 else b""
    assert (0, expected) == (ended.code, got), ended.err
    assert "The connection to RiverGen broke after 20,001 bytes" in ended.err


FILE = (
    b"2026-03-13T10:00:00.123Z [INFO] start\n2026-03-13T10:00:01.123Z [INFO] Epoch 1\n"
    b"2026-03-13T10:00:02.123Z [INFO] Epoch 2\n2026-03-13T10:00:03.123Z [ERROR] Training failed\n"
    b'Traceback (most recent call last):\n  File "train.py", line 3\nValueError: no\n'
)
FAILED = 'Training failed\nTraceback (most recent call last):\n  File "train.py", line 3\nValueError: no'
PAGES = {
    "a line less": (["start", "Epoch 1", "Epoch 2"], "The platform counts 3 lines, the file holds 4."),
    "a line more": (["debug", "start", "Epoch 1", "Epoch 2", FAILED], "The platform counts 5 lines, the file holds 4."),
    "three more": (["d", "e", "f", "start", "Epoch 1", "Epoch 2", FAILED], "counts 7 lines, the file holds 4."),
    "other words": (["start", "Epoch 1", "Epoch 2", "Training has failed"], ""),
    "the same": (["start", "Epoch 1", "Epoch 2", FAILED], ""),
    "each line of the file": ([*FAILED.split("\n"), "start", "Epoch 1", "Epoch 2"], ""),
    "nothing": ([], "The platform counts 0 lines, the file holds 4."),
}


@pytest.mark.parametrize("pages", PAGES)
async def test_the_file_is_kept_as_served_whatever_the_pages_hold(machine: Machine, pages: str) -> None:
    messages, remark = PAGES[pages]
    machine.on.quirks.rivergen = RivergenQuirks(artifact=FILE)
    start_ns = ns_from_datetime(ANCHOR)
    ref = put(machine.world, "rivergen", [Line(start_ns + at, text) for at, text in enumerate(messages)])
    ended = await machine.call("logs", ref, "--download", "run.log")
    assert (0, FILE) == (ended.code, (machine.folder / "run.log").read_bytes())
    assert remark in ended.err
    assert ("The platform counts" in ended.err) is bool(remark)


AS_SERVED = {
    "no line end": b"2026-03-13T10:00:00Z [INFO] a",
    "CRLF": b"2026-03-13T10:00:00Z [INFO] a\r\n2026-03-13T10:00:00Z [INFO] b\r\n",
    "carriage returns": b"2026-03-13T10:00:00Z [INFO] 1%\r2%\r3%\n",
    "BOM": b"\xef\xbb\xbf2026-03-13T10:00:00Z [INFO] a\n",
    "NULs": b"\0\0\0\0 [INFO] a\n\0",
    "latin-1": b"2026-03-13T10:00:00Z [INFO] gr\xf6\xdfe\n",
    "UTF-16": "2026-03-13 größe\r\n".encode("utf-16"),
    "odd UTF-16": "2026-03-13 größe\r\n".encode("utf-16") + b"x",
    "gzip": gzip.compress(b"2026-03-13T10:00:00Z [INFO] a\n" * 1000),
    "broken gzip": gzip.compress(b"2026-03-13T10:00:00Z [INFO] a\n" * 1000)[:40],
    "xz": lzma.compress(b"2026-03-13T10:00:00Z [INFO] a\n" * 1000),
    "empty": b"",
    "blank lines": b"\n\n\n",
}


@pytest.mark.parametrize("name", AS_SERVED)
async def test_any_bytes_pass_through(machine: Machine, name: str) -> None:
    machine.on.quirks.rivergen = RivergenQuirks(artifact=AS_SERVED[name], chunk_bytes=5)
    ref = put(machine.world, "rivergen", hostile_lines(3, "rivergen"))
    for options in ([], ["--no-redact"], ["--json"]):
        ended = await machine.call("logs", ref, "--download", "run.log", "--force", *options)
        assert (0, AS_SERVED[name]) == (ended.code, (machine.folder / "run.log").read_bytes())


SECRET = "hf_" + "aB3" * 12
LINE = f"2026-03-13T10:00:00Z [INFO] größe {SECRET} end\r\n"
ENCODED = {
    "UTF-8": LINE.encode() * 3000,
    "UTF-16": LINE.encode("utf-16-le") * 3000,
    "UTF-16 with a mark": LINE.encode("utf-16") + LINE.encode("utf-16-le") * 2999,
    "gzip": gzip.compress(LINE.encode() * 3000),
}


@pytest.mark.parametrize("name", ENCODED)
async def test_only_hidden_values_differ_and_are_counted(machine: Machine, name: str) -> None:
    machine.on.quirks.rivergen = RivergenQuirks(artifact=ENCODED[name], chunk_bytes=4_099)
    ref = put(machine.world, "rivergen", hostile_lines(3, "rivergen"))
    ended = await machine.call("logs", ref, "--download", "run.log")
    got = (machine.folder / "run.log").read_bytes()
    assert _text(ENCODED[name], name).replace(SECRET[3:], "[hidden]") == _text(got, name)
    assert "3,000 secrets hidden" in ended.err
    await machine.call("logs", ref, "--download", "run.log", "--force", "--no-redact")
    assert ENCODED[name] == (machine.folder / "run.log").read_bytes()


def _text(body: bytes, name: str) -> str:
    body = gzip.decompress(body) if name == "gzip" else body
    return body.decode("utf-16-le" if name.startswith("UTF-16") else "utf-8")


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
