"""`trainwatch scan` of several files, folders and patterns: one verdict for the run, with counts for each file."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from bot import __main__ as program
from bot.diagnosis.file_sources import rank_of_path
from bot.terminal.excerpts import highlight_match
from bot.terminal.log_files import find_files

HEALTHY = "".join(f"2026-03-13 10:00:{second:02d} INFO step {second} loss 2.{second}\n" for second in range(40))
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."
FAILING = f"""\
{HEALTHY}2026-03-13 10:01:00 ERROR training failed
Traceback (most recent call last):
  File "/app/train.py", line 412, in step
    loss.backward()
{OOM}
"""
PEER = f"""\
{HEALTHY}2026-03-13 10:01:09 ERROR [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=41, \
OpType=ALLREDUCE, NumelIn=1, NumelOut=1, Timeout(ms)=600000) ran for 600061 milliseconds before timing out.
"""


@pytest.fixture(autouse=True)
def _in_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRAINWATCH_SIGNATURES", raising=False)


def write_run() -> None:
    for rank in range(4):
        folder = Path(f"run/attempt_0/{rank}")
        folder.mkdir(parents=True)
        (folder / "stderr.log").write_text(FAILING if rank == 3 else PEER.replace("Rank 0", f"Rank {rank}"))


@pytest.mark.parametrize(
    ("path", "rank"),
    [
        ("rank_3.log", 3), ("logs/rank3.out", 3), ("worker-3.err", 3), ("attempt_0/3/stderr.log", 3),
        ("logs/none_x1/attempt_1/12/stdout.log", 12), ("global_rank-17.log.gz", 17), ("node1/rank_2.txt", 2),
        ("train.log", None), ("slurm-1234.out", None), ("frank_3.log", None), ("ranking_3.log", None),
        ("step_3.log", None),
    ],
)  # fmt: skip
def test_rank_is_read_from_the_file_name(path: str, rank: int | None) -> None:
    assert rank_of_path(path) == rank


def test_logs_of_the_ranks_of_a_run_get_one_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    write_run()
    assert program.run(["scan", "run", "--exit-code"]) == 3
    out = capsys.readouterr().out
    assert out.startswith("1 problem found.\n\nPAGE  GPU out of memory\n")
    assert "run/attempt_0/3/stderr.log line 45 · rank 3\n" in out
    assert "Also seen as a consequence in other files: " in " ".join(out.split())
    assert "(ranks 0-2)" in " ".join(out.split())
    assert f"▶ {OOM}" in out
    assert [line.split() for line in out.splitlines() if line.startswith("run/attempt_0/3")] == [
        ["run/attempt_0/3/stderr.log", "3", "45", "1"]
    ]
    assert "168 lines read." in out


def test_json_names_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    write_run()
    program.run(["scan", "--json", "run/attempt_0/3/stderr.log", "run/attempt_0/0/stderr.log"])
    document = json.loads(capsys.readouterr().out)
    (incident,) = document["incidents"]
    assert (incident["ranks"], incident["file"], incident["line"]) == ([3], "run/attempt_0/3/stderr.log", 45)
    assert document["files"] == [
        {
            "path": f"run/attempt_0/{rank}/stderr.log",
            "rank": rank,
            "process": str(rank),
            "attempt": 0,
            "lines": lines,
            "problems": 1,
            "first": "2026-03-13T10:00:00.000Z",
            "last": last,
        }
        for rank, lines, last in ((3, 45, "2026-03-13T10:01:00.000Z"), (0, 41, "2026-03-13T10:01:09.000Z"))
    ]


def test_one_file_is_reported_as_before_with_the_rank_of_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    Path("rank_5.log").write_text(FAILING)
    program.run(["scan", "rank_5.log"])
    out = capsys.readouterr().out
    assert "      line 45 · rank 5\n" in out
    assert "problems" not in out


def test_progress_of_another_rank_is_not_a_recovery(capsys: pytest.CaptureFixture[str]) -> None:
    Path("rank_0.log").write_text(FAILING)
    Path("rank_1.log").write_text(HEALTHY)
    assert program.run(["scan", "--exit-code", "rank_0.log", "rank_1.log"]) == 3
    assert "PAGE  GPU out of memory" in capsys.readouterr().out


def test_same_failure_of_several_ranks_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    for rank in (0, 2, 7):
        Path(f"rank_{rank}.log").write_text(FAILING.replace("2026-03-13", f"2026-03-{20 - rank}"))
    program.run(["scan", "rank_*.log"])
    out = capsys.readouterr().out
    assert out.startswith("1 problem found.")
    assert "rank 7 first, then" in out
    assert "3 occurrences" in out


def test_patterns_folders_and_files_are_combined_and_read_once() -> None:
    for name in ("a/rank_10.log", "a/rank_2.log.gz", "a/model.bin", "a/.hidden/x.log", "a/deep/stderr", "notes.md"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x\n")
    found = find_files(["notes.md", "a", "a/*.log", "**/stderr"])
    assert [file.path for file in found.files] == ["notes.md", "a/deep/stderr", "a/rank_2.log.gz", "a/rank_10.log"]
    assert found.others == {".bin": 1}
    assert [file.path for file in find_files(["a/rank_*"]).files] == ["a/rank_2.log.gz", "a/rank_10.log"]


def test_binary_files_are_skipped_with_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    Path("logs").mkdir()
    Path("logs/rank_0.log").write_text(FAILING)
    Path("logs/rank_1.log").write_bytes(bytes(range(1, 256)) * 9)
    Path("logs/rank_2.log.gz").write_bytes(gzip.compress(HEALTHY.encode()))
    Path("logs/model.pt").write_bytes(b"PK")
    assert program.run(["scan", "logs"]) == 0
    shown = capsys.readouterr()
    assert "Skipped: logs/rank_1.log is a binary file, not a text log." in shown.err
    assert "1 other file in the folders is not a log and was not read: 1 .pt." in shown.err
    assert "85 lines read." in shown.out


def test_only_logs_of_a_folder_are_read() -> None:
    texts = {
        "run/train.1234.0": HEALTHY, "run/llama-worker-0": HEALTHY, "run/trainer_log.jsonl": "{}\n", "run/a.err": "x\n",
        "run/.git/logs/HEAD": "x\n", "run/requirements.txt": "torch\n", "run/LICENSE": "2026-01-01 10:00:00 x\n",
        "run/data/train.jsonl": "{}\n", "run/config.yaml": "x: 1\n", "run/notes": "nothing\n", "run/model.pt": "PK",
        "run/node_modules/x.log": "x\n", "run/code/train.py": "import os\n",
    }  # fmt: skip
    for name, text in texts.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    found = find_files(["run", "./run/a.err"])
    read = {"run/train.1234.0", "run/llama-worker-0", "run/trainer_log.jsonl", "run/a.err"}
    assert {file.path for file in found.files} == read
    assert found.describe_others().startswith("7 other files in the folders are not logs and were not read: ")


def test_only_binary_files_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.log", "b.log"):
        Path(name).write_bytes(bytes(range(1, 256)) * 9)
    assert program.run(["scan", "a.log", "b.log"]) == 2
    assert "None of the files is a text log." in capsys.readouterr().err


def test_many_files_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    for rank in range(64):
        Path(f"rank_{rank}.log").write_text(FAILING if rank == 40 else HEALTHY)
    program.run(["scan", "."])
    out = capsys.readouterr().out
    assert "Showing 20 of 64 files. The others have 1,760 lines." in out
    assert next(line for line in out.splitlines() if line.startswith("rank_")).split() == [
        "rank_40.log",
        "40",
        "45",
        "1",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_report_fits_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    Path("rank_0.log").write_text(FAILING.replace("Tried", "x" * 300 + " Tried"))
    Path("quiet.log").write_text("".join(f"2026-03-13 INFO reading shard {at} {'x ' * 90}\n" for at in range(50)))
    program.run(["scan", "quiet.log"])
    program.run(["scan", "rank_0.log"])
    rows = capsys.readouterr().out.splitlines()
    assert [row for row in rows if len(row) > width and len(row.split()) > 1] == []
    assert OOM[:35] in " ".join(" ".join(rows).split())


def test_match_is_highlighted_in_colour(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    Path("rank_0.log").write_text(FAILING)
    program.run(["scan", "rank_0.log"])
    row = next(row for row in capsys.readouterr().out.splitlines() if "▶" in row)
    assert "\x1b[7m" in row
    assert row.index("\x1b[7m") < row.index("\x1b[27m")


def test_match_that_continues_in_the_next_row_is_highlighted_at_its_start() -> None:
    assert highlight_match(["a NCCL", "error b"], "NCCL error") == ["a \x1b[7mNCCL\x1b[27m", "error b"]
    assert highlight_match(["a", "x b x"], "x") == ["a", "\x1b[7mx\x1b[27m b x"]
    assert highlight_match(["a"], "") == ["a"]


def test_a_named_pipe_in_a_folder_is_not_waited_for() -> None:
    write_run()
    os.mkfifo("run/attempt_0/worker.log")

    found = find_files(["run"])

    assert (len(found.files), found.others) == (4, {".log": 1})


def test_named_pipe_that_a_pattern_matches_is_not_waited_for() -> None:
    Path("train.log").write_text(FAILING)
    os.mkfifo("pipe.log")
    assert [one.path for one in find_files(["*.log"]).files] == ["train.log"]
