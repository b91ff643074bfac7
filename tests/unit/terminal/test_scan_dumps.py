"""`trainwatch scan` with dumps of ranks: alone, in folders, and together with logs."""

import json
import os
import pickle
from pathlib import Path

import pytest

from bot import __main__ as program
from tests.unit.diagnosis.dumps.recorders import as_json, as_pickle, recorder
from tests.unit.diagnosis.dumps.stack_samples import SAVING, WAITING, pyspy

STEP = ("all_reduce", 1024)
TIMEOUT = (
    "[rank{0}]:[E1129 21:21:09.9 ProcessGroupNCCL.cpp:632] [Rank {0}] Watchdog caught collective operation timeout: "
    "WorkNCCL(SeqNum=8, OpType=ALLREDUCE, NumelIn=1024, NumelOut=1024, Timeout(ms)=600000) ran for 600000 milliseconds "
    "before timing out.\n"
)


class _Runs:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("ran",)


@pytest.fixture(autouse=True)
def _in_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRAINWATCH_SIGNATURES", raising=False)


def write_recorders(folder: str, *, guilty: int = 2) -> None:
    """The recorders of four ranks, pickles and JSON mixed, under names that say nothing but the rank."""
    Path(folder).mkdir()
    for rank in range(4):
        dump = recorder([STEP] * (7 if rank == guilty else 8), members=range(4))
        Path(folder, f"nccl_trace_rank_{rank}").write_bytes(as_pickle(dump) if rank % 2 else as_json(dump))


def incidents(printed: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(printed)["incidents"]
    return found


def test_folder_of_flight_recorders_names_the_rank(capsys: pytest.CaptureFixture[str]) -> None:
    write_recorders("dumps")

    assert 3 == program.run(["scan", "--exit-code", "dumps"])
    shown = capsys.readouterr().out
    assert shown.startswith(
        "1 problem found.\n\nPAGE  Rank 2 never entered all_reduce 8\n      dumps/nccl_trace_rank_2 · rank 2\n"
    )
    assert "▶ r2 last: all_reduce 7" in shown


def test_dumps_explain_the_timeout_in_the_logs(capsys: pytest.CaptureFixture[str]) -> None:
    write_recorders("run")
    for rank in (0, 1, 3):
        Path("run", f"rank_{rank}.log").write_text(TIMEOUT.format(rank))

    assert 0 == program.run(["scan", "--json", "run"])
    (incident,) = incidents(capsys.readouterr().out)
    assert (incident["ranks"], incident["category"], incident["line"]) == ([2], "collective", 0)
    assert "The logs show the consequence: A collective timed out." in str(incident["why"])


def test_dumps_follow_from_a_cause_in_the_logs(capsys: pytest.CaptureFixture[str]) -> None:
    write_recorders("run")
    Path("run/rank_2.log").write_text(
        "step 1\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.\n"
    )

    assert 0 == program.run(["scan", "--json", "run"])
    (incident,) = incidents(capsys.readouterr().out)
    assert (incident["signature"], incident["ranks"]) == ("cuda_oom", [2])
    assert "rank 2 never did" in str(incident["why"])


def test_stacks_of_any_name_are_recognised(capsys: pytest.CaptureFixture[str]) -> None:
    Path("spy").mkdir()
    for rank in range(8):
        Path("spy", f"rank{rank}-of-8.dump").write_text(pyspy(SAVING if rank == 3 else WAITING))

    assert 0 == program.run(["scan", "--json", "spy"])
    (incident,) = incidents(capsys.readouterr().out)
    assert (incident["category"], incident["title"]) == (
        "hang",
        "Rank 3 is in save_checkpoint (train.py:88) while the others wait",
    )


def test_hostile_pickle_is_refused_and_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    Path("nccl_trace_rank_0").write_bytes(pickle.dumps({"pg_config": {}, "entries": [_Runs()]}, 2))

    assert 2 == program.run(["scan", "nccl_trace_rank_0"])
    assert "nccl_trace_rank_0: Refused to read the flight-recorder dump: it would run code" in capsys.readouterr().err
    assert not Path("ran").exists()


def test_damaged_dump_counts_as_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("dumps").mkdir()
    dump = as_pickle(recorder([STEP], members=range(4)))
    for rank in range(4):
        Path(f"dumps/nccl_trace_rank_{rank}").write_bytes(dump if rank < 3 else dump[:300])

    assert 0 == program.run(["scan", *map(str, Path("dumps").iterdir())])
    shown = capsys.readouterr()
    assert "dumps/nccl_trace_rank_3: Refused to read the flight-recorder dump: it is damaged" in shown.err
    assert "wrote no dump" not in shown.out


def test_crash_log_of_faulthandler_is_not_a_dump(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.log").write_text(
        "step 1 loss 2\nFatal Python error: Segmentation fault\n\n"
        'Current thread 0x00007f01 (most recent call first):\n  File "/app/train.py", line 20 in step\n'
    )

    assert 3 == program.run(["scan", "train.log", "--exit-code"])
    assert "Fatal Python error: Segmentation fault" in capsys.readouterr().out


def test_damaged_dump_in_a_folder_is_skipped_with_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    write_recorders("dumps")
    Path("dumps/nccl_trace_rank_9").write_bytes(as_pickle(recorder([STEP]))[:300])

    assert 0 == program.run(["scan", "--json", "dumps"])
    shown = capsys.readouterr()
    assert "dumps/nccl_trace_rank_9: Refused to read the flight-recorder dump" in shown.err
    assert [2] == incidents(shown.out)[0]["ranks"]


def test_one_dump_alone_says_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    Path("nccl_trace_rank_0").write_bytes(as_pickle(recorder([STEP])))

    assert 0 == program.run(["scan", "nccl_trace_rank_0"])
    shown = capsys.readouterr().out
    assert shown.startswith("No problem found in the dumps.\n")
    assert "The dump of one rank alone shows no failure. Scan those of all ranks." in shown
