"""Stacks: the odd one among the ranks, from every kind of dump."""

from collections.abc import Callable, Sequence

import pytest

from bot.diagnosis.dumps.rank_dumps import RankDump, compare_dumps, is_rank_dump, read_dump
from bot.diagnosis.findings import Failure

from .stack_samples import EVALUATING, LOADING, SAVING, WAITING, Frame, faulthandler, pyspy, pyspy_json

Write = Callable[[Sequence[Frame]], str]


def compare(stacks: Sequence[Sequence[Frame]], write: Write) -> Failure | None:
    """The finding for ranks with these stacks, one file each."""
    encoded = [write(frames).encode() for frames in stacks]
    assert all(is_rank_dump(data) for data in encoded)
    return compare_dumps([(read_dump(f"rank_{rank}.txt", data), rank) for rank, data in enumerate(encoded)])


@pytest.mark.parametrize("write", [pyspy, pyspy_json, faulthandler])
@pytest.mark.parametrize(
    ("stacks", "ranks", "title", "why"),
    [
        (
            [WAITING] * 3 + [SAVING] + [WAITING] * 4,
            (3,),
            "Rank 3 is in save_checkpoint (train.py:88) while the others wait",
            "7 of 8 ranks wait in all_reduce (distributed_c10d.py:2501), called in synchronize (train.py:20);"
            " rank 3 is in save_checkpoint (train.py:88).",
        ),
        (
            [LOADING, WAITING],
            (0,),
            "Rank 0 is in next_batch (stream.py:51) while the others wait",
            "1 of 2 ranks waits in all_reduce (distributed_c10d.py:2501), called in synchronize (train.py:20);"
            " rank 0 is in next_batch (stream.py:51).",
        ),
        (
            [WAITING, WAITING, EVALUATING],
            (2,),
            "Rank 2 is in all_reduce (distributed_c10d.py:2501) while the others wait",
            "2 of 3 ranks wait in all_reduce (distributed_c10d.py:2501), called in synchronize (train.py:20);"
            " rank 2 is in all_reduce (distributed_c10d.py:2501), called in evaluate (evaluation.py:33).",
        ),
        (
            [WAITING, SAVING, SAVING],
            (0,),
            "Rank 0 is in all_reduce (distributed_c10d.py:2501), unlike the others",
            "2 of 3 ranks are in save_checkpoint (train.py:88); rank 0 is in all_reduce (distributed_c10d.py:2501),"
            " called in synchronize (train.py:20).",
        ),
    ],
)
def test_finds_the_odd_stack(
    write: Write, stacks: list[tuple[Frame, ...]], ranks: tuple[int, ...], title: str, why: str
) -> None:
    failure = compare(stacks, write)

    assert failure is not None
    assert (failure.title, failure.why, failure.ranks) == (title, why, ranks)
    assert (failure.category, failure.severity) == ("hang", "page")
    assert failure.root_index is not None


def test_equal_stacks_that_wait_are_a_warning_and_others_are_nothing() -> None:
    same = compare([WAITING] * 4, pyspy)

    assert same is not None
    assert (same.title, same.severity) == ("All 4 ranks wait in all_reduce (distributed_c10d.py:2501)", "warn")
    assert "TORCH_FR_BUFFER_SIZE" in same.hint
    agreed = compare([SAVING] * 4, pyspy)
    assert agreed is not None
    assert agreed.severity == "info"


@pytest.mark.parametrize("marker", ["=== rank {} ===", "==> dumps/rank_{}.txt <==", "[rank{}]", "Rank: {}"])
def test_many_dumps_in_one_file_are_separated_by_the_line_before(marker: str) -> None:
    parts = [f"{marker.format(rank)}\n{pyspy(SAVING if rank == 2 else WAITING, 70 + rank)}" for rank in range(4)]
    data = "\n".join(parts).encode()

    failure = compare_dumps([(read_dump("all.txt", data), None)])

    assert is_rank_dump(data)
    assert failure is not None
    assert failure.ranks == (2,)


@pytest.mark.parametrize(
    ("data", "label"),
    [
        ("".join(pyspy(SAVING if pid == 72 else WAITING, pid) for pid in range(70, 74)), "pid 72"),
        ("".join(pyspy_json(SAVING if pid == 72 else WAITING, pid) for pid in range(70, 74)), "pid 72"),
        (
            "".join(
                pyspy(SAVING if rank == 1 else WAITING, 70 + rank, command=f"python train.py --local_rank={rank}")
                for rank in range(4)
            ),
            1,
        ),
    ],
)
def test_without_such_a_line_the_process_or_its_arguments_name_the_rank(data: str, label: int | str) -> None:
    failure = compare_dumps([(read_dump("all.txt", data.encode()), None)])

    assert failure is not None
    assert failure.ranks == (label,)


def test_a_local_variable_names_the_rank() -> None:
    dumps = [
        (read_dump("a.txt", pyspy(SAVING, 70, has_locals=True).encode()), None),
        (read_dump("b.txt", pyspy(WAITING, 71).encode()), 0),
        (read_dump("c.txt", pyspy(WAITING, 72).encode()), 1),
    ]

    failure = compare_dumps(dumps)

    assert failure is not None
    assert failure.ranks == (5,)


def test_workers_and_launchers_are_not_ranks() -> None:
    worker = (("get", "queue.py", 180), ("_worker_loop", "torch/utils/data/_utils/worker.py", 250))
    launcher = (("_invoke_run", "torch/distributed/elastic/agent/server/api.py", 900), ("<module>", "torchrun", 8))
    data = "".join([pyspy(WAITING, 1), pyspy(worker, 2), pyspy(launcher, 3), pyspy(SAVING, 4), pyspy(WAITING, 5)])

    failure = compare_dumps([(read_dump("all.txt", data.encode()), None)])

    assert failure is not None
    assert failure.ranks == ("pid 4",)


def test_the_newest_stack_of_a_process_counts() -> None:
    data = "".join([pyspy(SAVING, 1), pyspy(WAITING, 2), pyspy(SAVING, 3), pyspy(WAITING, 3)])
    failure = compare_dumps([(read_dump("all.txt", data.encode()), None)])

    assert failure is not None
    assert failure.ranks == ("pid 1",)


@pytest.mark.parametrize(
    "log",
    [
        'step 1 loss 2.0\nstep 2 loss 1.9\nThread 12 (idle): "MainThread"\n    f (a.py:1)\nstep 3 loss 1.8\nstep 4\n',
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nValueError: no Thread\n',
        '[{"step": 1, "loss": 2.0}]\n',
        '{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.9}\n',
        "",
    ],
)
def test_logs_are_not_dumps(log: str) -> None:
    assert not is_rank_dump(log.encode())


@pytest.mark.parametrize(
    "data", [b'[{"pid": 1, "frames": [[[', b'[{"pid": ' + b"[" * 100_000, b'[{"frames": 3}, 4, null]']
)
def test_damaged_stacks_are_empty(data: bytes) -> None:
    dump = read_dump("a.json", data)

    assert dump == RankDump("a.json")
