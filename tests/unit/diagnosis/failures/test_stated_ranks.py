"""The ranks that lines, names of pods and reports of launchers state."""

import pytest

from bot.diagnosis.failures.rank_reports import find_ended_rank, find_launcher_rank
from bot.diagnosis.failures.rank_roster import RankRoster
from bot.diagnosis.failures.stated_ranks import find_head_rank, find_local_rank, find_odd_rank, find_rank, rank_of_name


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("train-workers-0-2-x7k2p/train", 2),
        ("train-workers-3-0-x7k2p", 3),
        ("train-workers-3-1-x7k2p", None),
        ("trainer-4", 4),
        ("algo-1", 0),
        ("web-frontend-2", None),
    ],
)
def test_name_of_a_pod_states_its_rank(name: str, rank: int | None) -> None:
    assert rank_of_name(name) == rank


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("worker/2: Traceback", 2),
        ("      From worker 4:\tERROR: LoadError", 4),
        ("trainer global_rank=12 local_rank=4 stopped", 12),
        ("process with RANK_ID 3 exited", 3),
        ("top_rank=3 of the candidates", None),
    ],
)
def test_text_states_a_rank(text: str, rank: int | None) -> None:
    assert find_rank(text) == rank


@pytest.mark.parametrize(
    ("row", "rank"),
    [
        ("GPU 3 has a total capacity of 39.39 GiB", 3),
        ("GPU 0 has a total capacity of 39.39 GiB", None),
        ("found at least two devices, cuda:1 and cuda:2", None),
        ("gpu-b local_rank=0 failed", 0),
    ],
)
def test_row_states_an_index_on_the_node(row: str, rank: int | None) -> None:
    assert find_local_rank(row) == rank


def test_line_above_a_traceback_states_the_rank() -> None:
    header = "Traceback (most recent call last):"
    assert find_head_rank(["Process SpawnProcess-3:", header, "  File"]) == 2
    assert find_head_rank(["ERROR [RANK 1] training crashed", header]) == 1
    assert find_head_rank(["rank 1 loaded its shard", header]) is None


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("  Process name: [[61213,1],6]", 6),
        ("=   RANK 3 PID 40221 RUNNING AT node14", 3),
        ("rank 3 in job 1  node14_42001   caused collective abort of all ranks", 3),
        ("##### Command execution on worker 3 failed with exit status 1.", 3),
        ("Process 5 exit with status code 1.", 5),
        ("Process 40221 started", None),
    ],
)
def test_launcher_names_the_process_that_ended_first(text: str, rank: int | None) -> None:
    assert find_launcher_rank(text) == rank


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("worker 4 exited with code 137", 4),
        ("rank 3 (pid 4003) killed by signal 9", 3),
        ("worker 4 exited with code 143", None),
        ("rank 0 (pid 4000) terminated with signal 15", None),
        ("worker 4 exited cleanly", None),
        ("process 40221 died", None),
    ],
)
def test_supervisor_names_the_rank_that_failed(text: str, rank: int | None) -> None:
    assert find_ended_rank(text) == rank


def test_heads_of_joined_files_state_the_rank() -> None:
    roster = RankRoster()
    roster.read("==> log/workerlog.3 <==", "==> log/workerlog.3 <==")
    assert roster.section_rank == 3
    roster.read("===== rank 5 =====", "===== rank 5 =====")
    assert roster.section_rank == 5


def test_first_rank_of_a_node_follows_from_what_the_launcher_states() -> None:
    roster = RankRoster()
    roster.read("", "torchrun --node_rank=1 --nproc_per_node=8 train.py")
    assert roster.find_local("", 3) == 11
    roster.read("", "torchrun --node_rank=0 --nproc_per_node=8 train.py")
    assert roster.find_local("", 3) == 3


@pytest.mark.parametrize(
    ("values", "rank"),
    [
        (("0.5", "0.5", "nan"), 2),
        (("0.5", "0.25", "0.5", "0.5"), 1),
        (("0.5", "0.25"), None),
        (("0.5", "0.25", "0.125"), None),
        (("0.5", "0.5", "0.25", "0.25"), None),
        (("0.5", "0.5", "0.5"), None),
    ],
)
def test_odd_rank_has_the_only_other_value(values: tuple[str, ...], rank: int | None) -> None:
    assert find_odd_rank([f"rank   {index} = {value}" for index, value in enumerate(values)]) == rank
