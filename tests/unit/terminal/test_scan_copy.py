"""`trainwatch scan --report`: an anonymized copy with the same diagnosis, its label, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot import __main__ as program
from tests.corpus.labels import read_labels
from tests.corpus.pool import shipped_scanner
from tests.corpus.scoring import diagnose_log, score_log

COPY, LABEL = Path("trainwatch-report.log"), Path("trainwatch-report.labels.tsv")
STEPS = "".join(f"2026-03-13 10:{n // 60 % 60:02d}:{n % 60:02d} gpu-4: step {n} loss 2.1\n" for n in range(3000))
FAILURE = """\
[rank3]: Traceback (most recent call last):
[rank3]:   File "/home/alice/wolf/train.py", line 412, in step
[rank3]:     loss.backward()
[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.
AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ
wolf ended on phoenix
"""


@pytest.fixture(autouse=True)
def _in_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRAINWATCH_SIGNATURES", raising=False)


def report(*arguments: str, log: bytes = (STEPS + FAILURE).encode()) -> int:
    Path("wolf.log").write_bytes(log)
    return program.run(["scan", "wolf.log", "--report", *arguments])


def incident(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    program.run(["scan", "--json", str(path)])
    (found,) = json.loads(capsys.readouterr().out)["incidents"]
    return {name: found[name] for name in ("severity", "signature", "line", "ranks", "title")}


def test_copy_has_the_diagnosis_of_the_log_without_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert report("--hide", "phoenix") == 0
    printed = capsys.readouterr().out
    copy = COPY.read_text()

    assert f"Wrote {COPY}: 301 of 3,006 lines" in printed
    assert "Replaced: 1 user, 1 name, 1 hidden name, 1 secret." in printed
    assert "Diagnosis of the copy: the same as that of the log." in printed
    assert printed.index("Next:") < printed.index(f"Read {COPY}") < printed.index("Attach both files")
    assert copy.startswith("# trainwatch copy 1, anonymized by trainwatch ")
    assert "Read it before you send it." in copy
    assert "\n… 2,705 lines cut; line 2,806 follows …\n" in copy
    assert "/home/user1/name1/train.py" in copy
    assert "name1 ended on hidden1" in copy
    assert [name for name in ("alice", "wolf", "phoenix", "bPxRfiCY") if name in copy] == []
    assert incident(COPY, capsys) == incident(Path("wolf.log"), capsys)


def test_label_beside_the_copy_makes_it_a_case() -> None:
    report()
    (label,) = read_labels(Path())

    assert (label.name, label.categories, label.root_lines, label.ranks) == (
        str(COPY), ("gpu_memory",), (3004,), (("3",),)
    )  # fmt: skip
    assert score_log(label, diagnose_log(shipped_scanner(), label)).misses == []


def test_existing_copy_is_kept_without_force(capsys: pytest.CaptureFixture[str]) -> None:
    COPY.write_text("mine")
    assert report() == 2
    assert "To replace it, use `--force`" in capsys.readouterr().err
    assert COPY.read_text() == "mine"

    assert report("--force") == 0
    assert COPY.read_text() != "mine"
    assert report("--output", "other.log") == 0
    assert Path("other.labels.tsv").exists()


def test_json_states_what_was_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    assert report("--json") == 0
    found = json.loads(capsys.readouterr().out)

    assert (found["copy"], found["lines"], found["kept"]) == (str(COPY), 3006, 301)
    assert found["replaced"] == {"user": 1, "name": 1, "secret": 1}
    assert found["same_diagnosis"]


def test_more_lines_are_kept_if_the_diagnosis_needs_them(capsys: pytest.CaptureFixture[str]) -> None:
    oom, pause = FAILURE.splitlines()[3].removeprefix("[rank3]: "), "waiting\n" * 300
    peers = "".join(f"[rank{rank}]: {oom}\n{pause}" for rank in range(4))
    assert report(log=(STEPS + peers + "done\n" * 500).encode()) == 0

    assert "the same as that of the log" in capsys.readouterr().out
    assert incident(COPY, capsys) == incident(Path("wolf.log"), capsys)


def test_hostile_bytes_are_copied(capsys: pytest.CaptureFixture[str]) -> None:
    torn = b"\xc3\xff\xfe /home/alice/\xe2\x82 torn\n" + b"\xd7\x93/home/alice/" + b"y" * 2_000_000 + b"\n"
    assert report(log=torn + FAILURE.encode()) == 0

    copy = COPY.read_bytes()
    assert b"\xc3\xff\xfe /home/user1/\xe2\x82 torn\n" in copy
    assert b"bytes cut" in copy
    assert b"alice" not in copy
    assert incident(COPY, capsys)["line"] == 6


def test_log_without_a_failure_is_labelled_healthy() -> None:
    assert report(log=STEPS.encode()) == 0

    (label,) = read_labels(Path())
    assert not label.must_fail


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-", "--report"], "`--report` copies one file"),
        (["a.log", "b.log", "--report"], "`--report` copies one file"),
        (["a.log", "--report", "--follow"], "not both"),
        (["a.log", "--report", "--no-redact"], "not both"),
        (["a.log", "--hide", "x"], "`--hide` needs `--report`"),
        (["a.log", "--report", "--output", "-"], "`--output` names a file"),
        (["a.log", "--report"], "Cannot read a.log"),
        ([".", "--report"], "Cannot read ."),
    ],
)
def test_what_cannot_be_copied_is_refused(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["scan", *arguments]) == 2
    assert problem in capsys.readouterr().err
    assert not COPY.exists()


def test_binary_file_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(log=bytes(range(32)) * 300) == 2
    assert "is a binary file" in capsys.readouterr().err


def test_copy_never_replaces_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert report("--output", "wolf.log", "--force") == 2
    assert "wolf.log is the log itself" in capsys.readouterr().err
    assert Path("wolf.log").read_text() == STEPS + FAILURE
