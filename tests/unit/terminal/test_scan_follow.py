"""`trainwatch scan --follow`: new failures, rotation, truncation, hangs."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.commands.subcommands.shell import ScanCommand
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.durations import NS_PER_SECOND
from bot.errors import ConfigError
from bot.rules.diagnosis_config import build_scanner
from bot.terminal.output import Output
from bot.terminal.scan_follow import FileTail, Follower
from tests.support.waiting import LONGEST_S

NOW_NS = 1_773_400_000 * NS_PER_SECOND
OOM = "[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.\n"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def scanner() -> PageScanner:
    return build_scanner()


class FollowerHarness:
    """A Follower with a manual clock."""

    def __init__(self, scanner: PageScanner, *, json: bool = False) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.follower = Follower(ScanCommand(("x",), json=json), scanner, Output(self.out, self.err))
        self.now_ns = NOW_NS

    def receive(self, text: str, after_s: float = 1) -> None:
        self.now_ns += int(after_s * NS_PER_SECOND)
        self.follower.feed(text.encode(), self.now_ns)


def test_existing_log_is_summarized_before_following(scanner: PageScanner) -> None:
    harness = FollowerHarness(scanner)
    harness.receive("step 1 loss 2.5\n")
    harness.receive("")
    assert "── 1 line read · step 1 · loss 2.5. No known failure so far. Following." in harness.err.getvalue()
    harness.receive(OOM)
    assert harness.out.getvalue().startswith("PAGE  GPU out of memory\n")


def test_failure_is_printed_once(scanner: PageScanner) -> None:
    harness = FollowerHarness(scanner, json=True)
    harness.receive(OOM)
    harness.receive("")
    for _ in range(5):
        harness.receive(OOM, 20)
    harness.follower.finish()
    (printed,) = harness.out.getvalue().splitlines()
    assert ("page", "gpu_memory") == (json.loads(printed)["severity"], json.loads(printed)["category"])


def test_partial_line_is_completed(scanner: PageScanner) -> None:
    harness = FollowerHarness(scanner)
    harness.receive("")
    harness.receive(OOM[:40])
    assert "" == harness.out.getvalue()
    harness.receive(OOM[40:])
    assert "PAGE" in harness.out.getvalue()


def test_hang_and_resumed_progress_are_printed(scanner: PageScanner) -> None:
    harness = FollowerHarness(scanner)
    harness.receive("")
    for step in range(60):
        harness.receive(f"step {step} loss 2.{step}\n", 4)
    harness.receive("", 200)
    assert "" == harness.out.getvalue()
    harness.receive("", 500)
    assert "PAGE  No new step for 12 min after step 59" in harness.out.getvalue()
    harness.receive("step 60 loss 2.6\nstep 61 loss 2.6\n", 4)
    assert "── Progress resumed." in harness.err.getvalue()


def test_end_of_pipe_diagnoses_the_last_line(scanner: PageScanner) -> None:
    harness = FollowerHarness(scanner)
    harness.receive("step 1\n" + OOM.rstrip("\n"))
    assert 0 == harness.follower.finish()
    assert "PAGE  GPU out of memory" in harness.out.getvalue()


class TailHarness:
    """A FileTail that does not sleep."""

    def __init__(self, path: Path) -> None:
        self.path, self.notes = path, list[str]()
        self.tail = FileTail(path, self.notes.append, lambda _: None)

    def read(self) -> bytes:
        data = self.tail.read()
        assert data is not None
        return data


@pytest.fixture
def tail(tmp_path: Path) -> TailHarness:
    path = tmp_path / "train.log"
    path.write_text("one\n")
    made = TailHarness(path)
    assert b"one\n" == made.read()
    assert b"" == made.read()
    return made


def test_growing_file_is_read(tail: TailHarness) -> None:
    with tail.path.open("a") as file:
        file.write("two\n")
    assert b"two\n" == tail.read()
    assert [] == tail.notes


def test_truncated_file_is_read_from_its_start(tail: TailHarness) -> None:
    tail.path.write_text("a\n")
    assert b"" == tail.read()
    assert b"a\n" == tail.read()
    assert ["was truncated. Reading it from its start."] == [note.partition(" ")[2] for note in tail.notes]


def test_replaced_file_is_read_to_its_end_then_the_new_one(tail: TailHarness) -> None:
    with tail.path.open("a") as file:
        file.write("last words\n")
    tail.path.rename(tail.path.with_suffix(".1"))
    assert b"last words\n" == tail.read()
    assert b"" == tail.read(), "the new file does not exist yet"
    tail.path.write_text("new\n")
    assert b"" == tail.read()
    assert b"new\n" == tail.read()
    assert "was replaced" in tail.notes[0]


@pytest.mark.parametrize("name", ["missing.log", "."])
def test_missing_file_and_directory_are_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        FileTail(tmp_path / name, print)


def test_program_follows_a_file_and_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("step 1 loss 2.5\n")
    program = [sys.executable, "-m", "bot", "scan", "--follow", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.run(
        [*program, "--exit-code", "-"], input=OOM.encode(), capture_output=True, env=environment, cwd=tmp_path,
        timeout=LONGEST_S, check=False,
    )  # fmt: skip
    assert (3, "page") == (pipe.returncode, json.loads(pipe.stdout)["severity"])
    with subprocess.Popen(
        [*program, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as running:
        try:
            assert running.stdout is not None
            assert running.stderr is not None
            assert b"Following." in running.stderr.readline()
            with path.open("a") as file:
                file.write(OOM)
            assert "gpu_memory" == json.loads(running.stdout.readline())["category"]
            running.send_signal(2)
            assert 130 == running.wait(LONGEST_S)
        finally:
            running.kill()
