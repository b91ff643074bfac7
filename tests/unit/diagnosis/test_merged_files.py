"""The files of one run get one verdict: the failure that explains the others, on the rank that failed first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from bot.diagnosis.catalogue import load_catalogue
from bot.diagnosis.file_diagnoser import FileDiagnoser
from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.merged_files import merge_files
from bot.diagnosis.page_scanner import PageScanner

SCANNER = PageScanner(load_catalogue())
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."
TRACEBACK = 'Traceback (most recent call last):\n  File "/app/train.py", line 412, in step\n    loss.backward()\n'
TERMINATED = "Received signal 15 (SIGTERM), shutting down"
CONNECTION = "torch.distributed.DistBackendError: NCCL error: remote process exited or there was a network error"


def steps(first: int, last: int, minute: int = 0, *, timed: bool = True) -> str:
    """A step each second."""
    return "".join(
        (f"2026-03-13 10:{minute + step // 60:02d}:{step % 60:02d} INFO " if timed else "")
        + f"step {step} loss 2.{step % 90 + 10}\n"
        for step in range(first, last)
    )


def timeout(rank: int, sequence: int, at: str = "10:12:00") -> str:
    return (
        f"2026-03-13 {at} [E ProcessGroupNCCL.cpp:607] [Rank {rank}] Watchdog caught collective operation timeout: "
        f"WorkNCCL(SeqNum={sequence}, OpType=ALLREDUCE, NumelIn=1, NumelOut=1, Timeout(ms)=600000) ran for 600061"
        " milliseconds before timing out.\n"
    )


def diagnose_run(texts: Mapping[str, str]) -> Diagnosis:
    files = []
    for index, (path, text) in enumerate(texts.items()):
        reader = FileDiagnoser(path, SCANNER.for_file(index, len(texts)))
        reader.feed_page(text.encode())
        files.append(reader.result())
    return merge_files(files)


def pages(diagnosis: Diagnosis) -> Sequence[Failure]:
    return [one for one in diagnosis.failures if one.severity == "page"]


def only_page(texts: Mapping[str, str]) -> Failure:
    (page,) = pages(diagnose_run(texts))
    return page


def test_cause_wins_over_consequences_without_any_times() -> None:
    texts = {f"logs/attempt_0/{rank}/stderr.log": f"{TRACEBACK}{CONNECTION}\n" for rank in range(8)}
    texts["logs/attempt_0/5/stderr.log"] = f"{TRACEBACK}{OOM}\n"
    page = only_page(texts)
    assert (page.file, page.line, page.ranks) == ("logs/attempt_0/5/stderr.log", 4, (5,))
    assert "(ranks 0-4, 6, 7)" in page.why


def test_earliest_of_two_causes_is_the_root() -> None:
    texts = {
        "rank_0.log": steps(0, 90) + f"2026-03-13 10:01:40 ERROR\n{TRACEBACK}KeyError: 'labels'\n",
        "rank_1.log": steps(0, 60) + f"2026-03-13 10:01:10 ERROR {OOM}\n",
    }
    page = only_page(texts)
    assert (page.signature, page.ranks[0], page.file) == ("cuda_oom", 1, "rank_1.log")
    assert "KeyError" in page.why


def test_a_stop_explains_what_fails_after_it() -> None:
    stopped = "2026-03-13 10:02:00 slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-03-13T10:02:00 ***\n"
    lost = steps(0, 90) + f"2026-03-13 10:02:03 ERROR failed\n{TRACEBACK}{CONNECTION}\n"
    diagnosis = diagnose_run({"launcher.log": steps(0, 90) + stopped, "rank_0.log": lost, "rank_1.log": lost})
    assert pages(diagnosis) == []
    assert diagnosis.failures[0].category == "scheduler"


def test_a_launcher_that_stops_the_other_ranks_is_a_consequence() -> None:
    texts = {f"rank_{rank}.log": steps(0, 90) + f"2026-03-13 10:02:03 {TERMINATED}\n" for rank in range(4)}
    texts["rank_2.log"] = steps(0, 90) + f"2026-03-13 10:01:59 ERROR failed\n{TRACEBACK}{OOM}\n"
    diagnosis = diagnose_run(texts)
    assert [one.signature for one in diagnosis.failures if one.severity != "info"] == ["cuda_oom"]


def test_missing_rank_is_found_by_the_sequence_numbers_of_all_files() -> None:
    texts = {f"job-77-{rank}.out": steps(0, 100) + timeout(rank, 41 if rank != 8 else 40) for rank in range(16)}
    page = only_page(texts)
    assert page.ranks[0] == 8
    assert "Ranks 0-7, 9-15 waited in ALLREDUCE 41; rank 8 was still in ALLREDUCE 40" in page.why
    assert "smallest sequence number" in page.why


def test_rank_whose_log_ends_early_is_the_one_to_check() -> None:
    texts = {f"out/rank_{rank}.log": steps(0, 300) + timeout(rank, 41) for rank in range(16)}
    texts["out/rank_8.log"] = steps(0, 120)
    page = only_page(texts)
    assert page.ranks[0] == 8
    assert "Ranks 0-7, 9-15 waited in ALLREDUCE 41; only rank 8 did not report that." in page.why
    assert "Its log is out/rank_8.log. Rank 8's log ends 10 min before the others." in page.why
    assert "rank 0" not in page.hint


@pytest.mark.parametrize(("text", "sentence"), [(None, "Rank 8 has no file."), ("", "Rank 8 has logged nothing.")])
def test_rank_without_a_log_is_the_one_to_check(text: str | None, sentence: str) -> None:
    texts = {f"out/rank_{rank}.log": steps(0, 300) + timeout(rank, 41) for rank in range(16) if rank != 8}
    if text is not None:
        texts["out/rank_8.log"] = text
    page = only_page(texts)
    assert page.ranks[0] == 8
    assert sentence in page.why


def test_rank_that_falls_silent_without_an_error_is_a_warning() -> None:
    texts = {f"rank_{rank}.log": steps(0, 400 if rank != 3 else 200) for rank in range(8)}
    (warning,) = diagnose_run(texts).failures
    assert (warning.severity, warning.ranks, warning.file) == ("warn", (3,), "rank_3.log")
    assert warning.title == "Rank 3's log ends 3 min 20 s before the others"
    assert (warning.line, warning.excerpt) == (200, ("2026-03-13 10:03:19 INFO step 199 loss 2.29",))


def test_rank_without_a_file_is_reported_if_no_rank_trained() -> None:
    starting = "2026-03-13 10:00:00 INFO waiting for all ranks\n"
    (warning,) = diagnose_run({f"rank_{rank}.log": starting for rank in range(8) if rank != 3}).failures
    assert (warning.title, warning.ranks, warning.line) == ("Rank 3 has no file", (3,), 0)
    assert diagnose_run({f"rank_{rank}.log": steps(0, 90) for rank in range(8) if rank != 3}).failures == ()


def test_ranks_that_only_log_their_start_are_not_silent() -> None:
    texts = {f"rank_{rank}.log": steps(0, 400 if rank == 0 else 2) for rank in range(8)}
    assert diagnose_run(texts).failures == ()


def test_failure_of_an_earlier_attempt_is_a_warning() -> None:
    texts = {f"run/attempt_0/{rank}/stderr.log": steps(0, 60) + f"{TRACEBACK}{OOM}\n" for rank in range(4)}
    texts |= {f"run/attempt_1/{rank}/stderr.log": steps(0, 60, minute=20) for rank in range(4)}
    diagnosis = diagnose_run(texts)
    assert [(one.signature, one.severity.value, one.why) for one in diagnosis.failures] == [
        ("cuda_oom", "warn", "A later attempt of the run trained.")
    ]


def test_a_caught_exception_in_one_stream_is_survived_in_the_other() -> None:
    error = f"2026-03-13 10:01:00 ERROR batch 7 failed\n{TRACEBACK}KeyError: 'labels'\n"
    assert pages(diagnose_run({"train-7.out": steps(0, 400), "train-7.err": error})) == []
    assert pages(diagnose_run({"train-7.out": steps(0, 60), "train-7.err": error}))


def test_a_failure_in_an_older_rotated_part_is_survived_in_the_newer_one() -> None:
    older = steps(0, 60) + f"2026-03-13 10:01:00 ERROR failed\n{TRACEBACK}{OOM}\n"
    (warning,) = diagnose_run({"train.log.1": older, "train.log": steps(0, 400, minute=5)}).failures
    assert (warning.severity, warning.file) == ("warn", "train.log.1")


def test_connections_that_break_after_a_peer_finished_are_notes() -> None:
    texts = {
        "rank_0.log": steps(0, 60)
        + "2026-03-13 10:01:00 INFO ***** train metrics *****\nTraining completed successfully\n"
    }
    texts["rank_1.log"] = steps(0, 60) + f"2026-03-13 10:01:02 ERROR exit\n{TRACEBACK}{CONNECTION}\n"
    assert pages(diagnose_run(texts)) == []


def test_ranks_of_a_node_are_not_ranks_of_the_run() -> None:
    texts = {
        f"logs/{node}/attempt_0/{rank}/stderr.log": f"{TRACEBACK}{CONNECTION}\n"
        for node in ("gpu-a", "gpu-b")
        for rank in range(4)
    }
    texts["logs/gpu-b/attempt_0/3/stderr.log"] = f"{TRACEBACK}{OOM}\n"
    assert only_page(texts).ranks == ("gpu-b rank 3",)
    texts["logs/gpu-b/attempt_0/3/stderr.log"] = (
        "Setting up process group for: env:// [rank=7, world_size=8]\n" + (texts["logs/gpu-b/attempt_0/3/stderr.log"])
    )
    assert only_page(texts).ranks == (7,)


def test_pods_and_ray_workers_are_named() -> None:
    session = "session_2026/logs"
    texts = {
        f"{session}/worker-{'a' * 56}-01000000-4242.err": f":actor_name:RayTrainWorker\n{TRACEBACK}{OOM}\n",
        f"{session}/worker-{'b' * 56}-01000000-4243.err": ":actor_name:RayTrainWorker\n",
        f"{session}/raylet.out": "[2026-03-13 10:00:00,000 I 1 1] (raylet) main.cc:1: started\n",
        f"{session}/gcs_server.out": "[2026-03-13 10:00:00,000 I 1 1] (gcs_server) main.cc:1: started\n",
    }
    assert only_page(texts).ranks == ("worker-aaaaaaaa-01000000-4242",)
    start = "Setting up process group for: env:// [rank=2, world_size=4]\n"
    texts[f"{session}/worker-{'a' * 56}-01000000-4242.out"] = start
    assert only_page(texts).ranks == (2,)
    pods = {"pods/llama-master-0.log": steps(0, 20), "pods/llama-worker-0.log": f"{TRACEBACK}{OOM}\n"}
    assert only_page(pods).ranks == ("llama-worker-0",)
    pods["pods/llama-worker-1.log"] = steps(0, 20)
    assert only_page(pods).ranks == ("llama-worker-0",)
