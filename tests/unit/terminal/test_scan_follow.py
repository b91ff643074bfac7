"""`trainwatch scan --follow`: news as it comes, through rotation, truncation and silence."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.commands.subcommands.shell import ScanCommand
from bot.diagnosis.page_scanner import PageScanner
from bot.errors import ConfigError
from bot.rules.diagnosis_config import build_reader
from bot.terminal.output import Output
from bot.terminal.scan_follow import NS, Follower, Tail

NOW_NS = 1_773_400_000 * NS
OOM = "[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.\n"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def reader() -> PageScanner:
    return build_reader()


class Watching:
    """A follower whose clock goes as told."""

    def __init__(self, reader: PageScanner, *, json: bool = False) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.follower = Follower(ScanCommand("x", json=json), reader, Output(self.out, self.err))
        self.now_ns = NOW_NS

    def comes(self, text: str, after_s: float = 1) -> None:
        self.now_ns += int(after_s * NS)
        self.follower.take(text.encode(), self.now_ns)


def test_what_happened_before_is_told_then_what_happens(reader: PageScanner) -> None:
    watching = Watching(reader)
    watching.comes("step 1 loss 2.5\n")
    watching.comes("")
    assert "── 1 lines read, step 1, loss 2.5. Nothing so far that needs you. Following." in watching.err.getvalue()
    watching.comes(OOM)
    assert watching.out.getvalue().startswith("PAGE  GPU out of memory\n")


def test_news_is_told_once(reader: PageScanner) -> None:
    watching = Watching(reader, json=True)
    watching.comes(OOM)
    watching.comes("")
    for _ in range(5):
        watching.comes(OOM, 20)
    watching.follower.finish()
    (told,) = watching.out.getvalue().splitlines()
    assert ("page", "gpu_memory") == (json.loads(told)["severity"], json.loads(told)["category"])


def test_a_line_that_comes_in_pieces_is_one_line(reader: PageScanner) -> None:
    watching = Watching(reader)
    watching.comes("")
    watching.comes(OOM[:40])
    assert "" == watching.out.getvalue()
    watching.comes(OOM[40:])
    assert "PAGE" in watching.out.getvalue()


def test_a_run_that_stops_advancing_is_told_and_so_is_its_going_on(reader: PageScanner) -> None:
    watching = Watching(reader)
    watching.comes("")
    for step in range(60):
        watching.comes(f"step {step} loss 2.{step}\n", 4)
    watching.comes("", 200)
    assert "" == watching.out.getvalue()
    watching.comes("", 500)
    assert "PAGE  No progress for 12 min after step 59" in watching.out.getvalue()
    watching.comes("step 60 loss 2.6\nstep 61 loss 2.6\n", 4)
    assert "── It moves again." in watching.err.getvalue()


def test_the_end_of_a_pipe_is_the_last_word(reader: PageScanner) -> None:
    watching = Watching(reader)
    watching.comes("step 1\n" + OOM.rstrip("\n"))
    assert 0 == watching.follower.finish()
    assert "PAGE  GPU out of memory" in watching.out.getvalue()


class Following:
    """A tail whose waiting takes no time."""

    def __init__(self, path: Path) -> None:
        self.path, self.notes = path, list[str]()
        self.tail = Tail(path, self.notes.append, lambda _: None)

    def read(self) -> bytes:
        data = self.tail.read()
        assert data is not None
        return data


@pytest.fixture
def following(tmp_path: Path) -> Following:
    path = tmp_path / "train.log"
    path.write_text("one\n")
    made = Following(path)
    assert b"one\n" == made.read()
    assert b"" == made.read()
    return made


def test_a_file_that_grows_is_read_on(following: Following) -> None:
    with following.path.open("a") as file:
        file.write("two\n")
    assert b"two\n" == following.read()
    assert [] == following.notes


def test_a_file_that_is_cut_short_is_read_from_its_beginning(following: Following) -> None:
    following.path.write_text("a\n")
    assert b"" == following.read()
    assert b"a\n" == following.read()
    assert ["was cut short; it is read from its beginning"] == [note.partition(" ")[2] for note in following.notes]


def test_a_file_that_is_replaced_is_read_to_its_end_and_then_the_new_one(following: Following) -> None:
    with following.path.open("a") as file:
        file.write("last words\n")
    following.path.rename(following.path.with_suffix(".1"))
    assert b"last words\n" == following.read()
    assert b"" == following.read(), "the new one is not there yet"
    following.path.write_text("new\n")
    assert b"" == following.read()
    assert b"new\n" == following.read()
    assert "was replaced" in following.notes[0]


@pytest.mark.parametrize("name", ["missing.log", "."])
def test_only_a_file_can_be_followed(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        Tail(tmp_path / name, print)


def test_the_program_follows_a_file_and_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("step 1 loss 2.5\n")
    program = [sys.executable, "-m", "bot", "scan", "--follow", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.run(
        [*program, "--exit-code", "-"], input=OOM.encode(), capture_output=True, env=environment, cwd=tmp_path,
        timeout=20, check=False,
    )  # fmt: skip
    assert (3, "page") == (pipe.returncode, json.loads(pipe.stdout)["severity"])
    with subprocess.Popen(
        [*program, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert b"Following." in running.stderr.readline()
        with path.open("a") as file:
            file.write(OOM)
        assert "gpu_memory" == json.loads(running.stdout.readline())["category"]
        running.send_signal(2)
        deadline = time.monotonic() + 10
        while running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert 130 == running.returncode
