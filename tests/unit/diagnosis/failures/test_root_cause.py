# ruff: noqa: E501 - log lines are long
"""A failing run is one failure with its root cause, not its consequences."""

import random

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner
from tests.support.work import best_cpu_ratio, count_calls

PEER = "torch.distributed.DistBackendError: NCCL error in: x.cpp:1, remote process exited or there was a network error"


def diagnose(scanner: PageScanner, log: str) -> list[Failure]:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(log.encode())
    return [failure for failure in diagnoser.report().failures if failure.severity == "page"]


def timeout(rank: int) -> str:
    return (
        f"[rank{rank}]:[E ProcessGroupNCCL.cpp:1] [Rank {rank}] Watchdog caught collective operation timeout:"
        " WorkNCCL(SeqNum=90, OpType=ALLREDUCE, Timeout(ms)=600000) ran for 600001 milliseconds before timing out."
    )


def traceback(error: str, prefix: str = "", frames: int = 3) -> list[str]:
    library = [
        f'  File "/usr/lib/python3.12/site-packages/torch/nn/m{n}.py", line {n}, in forward\n    return self.f(x)'
        for n in range(frames)
    ]
    text = [
        "Traceback (most recent call last):",
        '  File "/app/train.py", line 8, in main',
        "    loss = model(x)",
        *library,
    ]
    return [prefix + line for line in "\n".join([*text, error]).split("\n")]


def test_consequence_printed_first_is_not_root_cause(scanner: PageScanner) -> None:
    log = [*traceback(PEER, "[rank0]: "), *traceback("KeyError: 'label'", "[rank5]: "), *traceback(PEER, "[rank3]: ")]
    (root,) = diagnose(scanner, "\n".join(log))

    assert (root.signature, root.root_rank, root.line) == ("python_exception", 5, 20)
    assert "KeyError: 'label' in train.py:main" in root.title
    assert "Also seen as a consequence: NCCL error" in root.why


def test_rank_with_smallest_sequence_number_is_named_in_timeout(scanner: PageScanner) -> None:
    log = "\n".join(
        f"[rank{rank}]:[E ProcessGroupNCCL.cpp:1] [Rank {rank}] Watchdog caught collective operation timeout:"
        f" WorkNCCL(SeqNum={number}, OpType=ALLREDUCE, Timeout(ms)=600000) ran for 600001 milliseconds before timing out."
        for rank, number in ((0, 90), (1, 90), (2, 71), (3, 90))
    )
    (root,) = diagnose(scanner, log)

    assert (root.category, root.root_rank, root.ranks) == ("collective", 2, (2, 0, 1, 3))
    sentence = "Ranks 0, 1, 3 waited in ALLREDUCE 90; rank 2 was still in ALLREDUCE 71, the smallest sequence number."
    assert sentence in root.why


@pytest.mark.parametrize(("reporting", "absent"), [((0, 1, 2, 4), 3), ((8, 9, 11, 12), 10), (range(7), 7)])
def test_only_rank_without_timeout_is_named(scanner: PageScanner, reporting: range, absent: int) -> None:
    (root,) = diagnose(scanner, "\n".join(timeout(rank) for rank in reporting))

    assert (root.root_rank, f"only rank {absent} did not report" in root.why) == (absent, True)


@pytest.mark.parametrize("reporting", [(0, 1, 5), range(8), (0, 2)])
def test_no_rank_is_blamed_if_several_or_none_are_missing(scanner: PageScanner, reporting: range) -> None:
    (root,) = diagnose(scanner, "\n".join(timeout(rank) for rank in reporting))

    assert (root.root_rank, "Only rank" in root.why) == (0, False)


@pytest.mark.parametrize(
    ("line", "rank"),
    [
        ("[rank0]: RuntimeError: Rank 5 failed to pass monitoredBarrier in 1800000 ms", 5),
        ("ERROR:composer.cli.launcher:Rank 2 crashed with exit code -9.", 2),
        ("srun: error: gpu012: task 1: Out Of Memory", 1),
        (f"{timeout(2)}\n\t - ranks [6] are the lagging ranks that caused this timeout. They never joined", 6),
        ('[rank7]: Traceback (most recent call last):\n[rank7]:   File "/app/train.py", line 2, in main', 7),
        ("mpirun noticed that process rank 6 with PID 31188 on node n2 exited on signal 6 (Aborted).", 6),
    ],
)
def test_blamed_rank_comes_before_rank_of_line(scanner: PageScanner, line: str, rank: int) -> None:
    assert [root.root_rank for root in diagnose(scanner, line)] == [rank]


def test_chained_exception_is_reported_by_its_cause(scanner: PageScanner) -> None:
    log = [
        *traceback("RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error. "),
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        *traceback("RuntimeError: DataLoader worker (pid(s) 7) exited unexpectedly"),
    ]
    (root,) = diagnose(scanner, "\n".join(log))

    assert (root.signature, root.category) == ("dataloader_killed", "host_memory")


def test_interleaved_tracebacks_are_separated_by_rank(scanner: PageScanner) -> None:
    one, two = traceback("ValueError: bad 1", "[rank1]: "), traceback("ValueError: bad 2", "[rank2]: ")
    (root,) = diagnose(scanner, "\n".join(line for pair in zip(one, two, strict=True) for line in pair))

    assert (root.root_rank, set(root.ranks), root.count) == (1, {1, 2}, 2)


def test_traceback_without_exception_line_is_reported_with_its_frame(scanner: PageScanner) -> None:
    log = traceback("FileNotFoundErrorsuper().__init__(")
    (root,) = diagnose(scanner, "\n".join(log))

    assert (root.category, root.signs, "train.py:main" in root.title) == ("code", ("unfinished",), True)


@pytest.mark.parametrize("kind", ["zlib.error", "cv2.error", "socket.timeout", "binascii.Error"])
def test_exception_with_name_in_lower_case_keeps_its_module(scanner: PageScanner, kind: str) -> None:
    (root,) = diagnose(scanner, "\n".join(traceback(f"{kind}: no more data")))

    assert root.title.startswith(f"{kind}: no more data in train.py:")


def test_unfinished_traceback_is_reported_only_after_silence(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    for line in traceback("KeyError: 'x'")[:-1]:
        diagnoser.feed(line, timestamp_ns=10**18)

    assert diagnoser.report(10**18 + 10**9).failures == ()
    assert [failure.severity for failure in diagnoser.report(10**18 + 10**11).failures] == ["page"]


def test_exception_without_traceback_is_a_page_only_at_end_of_log(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed("ValueError: cannot go on", timestamp_ns=10**18)
    severities = [[i.severity for i in diagnoser.report(10**18 + wait).failures] for wait in (10**9, 10**11)]
    for step in range(3):
        diagnoser.feed(f"step {step} loss 2.0\n" * 8, timestamp_ns=10**18 + 2 * 10**11)

    severities.append([i.severity for i in diagnoser.report(10**18 + 4 * 10**11).failures])
    assert severities == [["warn"], ["page"], ["info"]]


def test_many_weak_candidates_do_not_evict_root_cause(scanner: PageScanner) -> None:
    noise = "".join(f"{kind}Error: of kind {kind}\n" for kind in ("A" + "b" * n for n in range(30)))
    (root,) = diagnose(scanner, noise + "\n".join(traceback("KeyError: 'label'")))

    assert "KeyError: 'label'" in root.title


def test_end_of_epoch_is_not_end_of_run(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    for step in range(100):
        diagnoser.feed(f"step {step} loss 2.0", timestamp_ns=10**18 + step * 10**9)
        if step == 40:
            diagnoser.feed("Training done for epoch 1", timestamp_ns=10**18 + step * 10**9)

    diagnosis = diagnoser.report(10**18 + 10**13)
    assert (diagnosis.progress.finished, [i.signature for i in diagnosis.failures]) == (False, ["no_progress"])


@pytest.mark.parametrize(
    ("error", "category", "severity"),
    [
        ("KeyboardInterrupt", "scheduler", "warn"),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", "collective", "page"),
        ("subprocess.CalledProcessError: Command 'x' returned non-zero exit status 1.", "code", "page"),
        ("requests.exceptions.ConnectionError: HTTPSConnectionPool(host='x', port=443)", "launch", "page"),
        ("PermissionError: [Errno 13] Permission denied: '/ckpt/last.pt'", "storage", "page"),
        ("PermissionError: [Errno 13] Permission denied: '/opt/x'", "storage", "page"),
        ("yaml.scanner.ScannerError: mapping values are not allowed here", "launch", "page"),
    ],
)
def test_exception_type_decides_category_and_severity(
    scanner: PageScanner, error: str, category: str, severity: str
) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page("\n".join(traceback(error)).encode())

    assert [(i.category, i.severity) for i in diagnoser.report().failures] == [(category, severity)]


def test_interleaved_tracebacks_without_prefixes_are_one_failure(scanner: PageScanner) -> None:
    traces = [traceback("FileNotFoundError: /data/train.rec", frames=9) for _ in range(8)]
    log = [line for lines in zip(*traces, strict=True) for line in lines]
    (root,) = diagnose(scanner, "\n".join(log))

    assert (root.category, root.count) == ("data", 8)


def test_first_rank_in_torchrun_table_is_root_rank(scanner: PageScanner) -> None:
    table = "Failures:\n[1]:\n  rank      : 2 (local_rank: 2)\n  exitcode  : 1 (pid: 8)\nRoot Cause (first observed failure):\n[0]:\n  rank      : 6 (local_rank: 6)\n  exitcode  : 1 (pid: 9)\n"
    (root,) = diagnose(scanner, "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n" + table)

    assert root.root_rank == 6


def test_fingerprint_ignores_numbers_paths_and_addresses(scanner: PageScanner) -> None:
    first = diagnose(scanner, "\n".join(traceback("ValueError: item 17 at 0x7f00 of /tmp/a/b.bin")))[0]
    second = diagnose(scanner, "\n".join(traceback("ValueError: item 99 at 0x8a11 of /var/x/y.bin", "[rank3]: ")))[0]
    other = diagnose(scanner, "\n".join(traceback("ValueError: no items")))[0]

    assert first.fingerprint == second.fingerprint != other.fingerprint


def test_excerpt_has_root_line_and_lines_of_its_rank(scanner: PageScanner) -> None:
    log = [line for line in traceback("KeyError: 'x'", "[rank4]: ") for line in (line, "[rank9]: step 4 loss 2.0")]
    (root,) = diagnose(scanner, "\n".join([*log, "[rank4]: after"]))

    assert "[rank4]: KeyError: 'x'" in root.excerpt
    assert len(root.excerpt) <= 8


def test_lost_loss_and_crash_after_it_are_one_page(scanner: PageScanner) -> None:
    nans = "".join(f"step {step} loss nan\n" for step in range(20))
    (root,) = diagnose(scanner, nans + "\n".join(traceback("ValueError: cannot sample from nan")))

    assert (root.category, "Then: ValueError" in root.why) == ("numerics", True)


def test_failure_before_successful_restart_is_a_note(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    for line in traceback("KeyError: 'x'"):
        diagnoser.feed(line, timestamp_ns=10**18)
    before = [failure.severity for failure in diagnoser.report().failures]
    for step in range(30):
        diagnoser.feed(f"step {step} loss 2.0", timestamp_ns=10**18 + step * 10**10)

    assert (before, [failure.severity for failure in diagnoser.report().failures]) == (["page"], ["info"])


def failing_ranks(ranks: int, frames: int = 96) -> str:
    """Interleave the tracebacks of all ranks; the root cause is in the middle rank's."""
    rng = random.Random(7)
    oom = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"
    texts = [traceback(oom if rank == ranks // 2 else PEER, f"[rank{rank}]: ", frames) for rank in range(ranks)]
    order = [rank for rank, lines in enumerate(texts) for _ in lines]
    rng.shuffle(order)
    sources = [iter(lines) for lines in texts]
    return "\n".join(next(sources[rank]) for rank in order)


def test_thousand_failing_ranks_are_one_failure_with_their_root_cause(scanner: PageScanner) -> None:
    log = failing_ranks(1024)

    assert log.count("\n") > 200_000
    assert [(i.severity, i.signature, i.root_rank) for i in diagnose(scanner, log)] == [("page", "cuda_oom", 512)]


def test_work_grows_linearly_with_ranks(scanner: PageScanner) -> None:
    few, many = failing_ranks(128, 24), failing_ranks(512, 24)
    diagnose(scanner, few)  # warm the catalogue's caches

    assert count_calls(lambda: diagnose(scanner, many)) < 5 * count_calls(lambda: diagnose(scanner, few))
    assert best_cpu_ratio(lambda: diagnose(scanner, many), lambda: diagnose(scanner, few), rounds=3) < 10


@pytest.mark.parametrize("filler", [b"x", b"loss ", b"Error: foo ", b"\rstep 3 loss 0.5 ", b"1234567890 "])
def test_line_of_two_megabytes_costs_no_more_than_its_length(scanner: PageScanner, filler: bytes) -> None:
    def scan(size: int) -> list[str]:
        page = filler * (size // len(filler)) + b" CUDA out of memory. Tried to allocate\n"
        diagnoser = Diagnoser(scanner)
        diagnoser.feed_page(page)
        return [failure.signature for failure in diagnoser.report().failures]

    assert scan(2_000_000) == ["cuda_oom"]
    assert best_cpu_ratio(lambda: scan(2_000_000), lambda: scan(250_000)) < 24  # 8 if linear, 64 if quadratic


def test_without_training_steps_failure_expires_and_next_one_is_separate(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    first, second = traceback("KeyError: 'prompt'"), traceback("torch.OutOfMemoryError: CUDA out of memory.")
    found = []
    for minute in range(120):
        texts = {5: first, 90: second}.get(minute, ["GET /health 200 OK"])
        diagnoser.feed_many((text, None, "pod", 10**18 + minute * 60 * 10**9) for text in texts)
        if minute in (5, 6, 30, 90):
            found.append([(i.severity, i.signature) for i in diagnoser.report().failures])

    assert found == [
        [("page", "python_exception")],
        [("page", "python_exception")],
        [("warn", "python_exception")],
        [("page", "cuda_oom"), ("warn", "python_exception")],
    ]


def test_silence_does_not_expire_failure(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_many((text, None, "pod", 10**18) for text in traceback("KeyError: 'prompt'"))
    diagnoser.feed(PEER, replica="pod", timestamp_ns=10**18 + 1800 * 10**9)

    assert [(i.severity, i.signature) for i in diagnoser.report().failures] == [("page", "python_exception")]


def test_many_steps_after_exception_show_recovery(scanner: PageScanner) -> None:
    log = traceback("OSError: image file is truncated") + [f"step {n} loss 1.5" for n in range(220)]

    assert diagnose(scanner, "\n".join(log)) == []


NAMED = {
    "a spawned process": "\n".join(
        [
            *traceback("Exception: "),
            "",
            "-- Process 2 terminated with the following error:",
            *traceback("KeyError: 'x'"),
        ]
    ),
    "index on the node from a launcher": (
        "E0101 10:00:00.000000 12 torch/distributed/elastic/multiprocessing/api.py:869]"
        " failed (exitcode: -9) local_rank: 2 (pid: 13) of binary: /opt/bin/python"
    ),
    "table wins over index on the node": (
        "ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: 1) local_rank: 7 (pid: 9) of binary: py\n"
        "Root Cause (first observed failure):\n[0]:\n  rank      : 2 (local_rank: 7)\n  exitcode  : 1 (pid: 9)\n"
    ),
    "a spawned process that a signal ended": "\n".join(
        traceback("torch.multiprocessing.spawn.ProcessExitedException: process 2 terminated with signal SIGKILL")
    ),
    "a task that came back as another": (
        "F0101 10:00:00.000001 client.h:77] Terminating process because the JAX distributed service detected fatal"
        " errors: /job:jax_worker/replica:0/task:2 unexpectedly tried to connect with a different incarnation."
    ),
}


@pytest.mark.parametrize("log", NAMED.values(), ids=NAMED)
def test_rank_named_by_other_lines_is_root_rank(scanner: PageScanner, log: str) -> None:
    (root,) = diagnose(scanner, log)

    assert root.root_rank == 2


def test_nan_as_last_loss_is_a_warning(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(b"ep=21 loss=0.672 err=0.2\nep=22 loss=0.671 err=0.2\nep=23 loss=nan err=0.2\n")

    assert [(one.severity, one.signature) for one in diagnoser.report().failures] == [("warn", "nonfinite_loss")]


def test_traceback_in_launcher_table_is_root_cause(scanner: PageScanner) -> None:
    quoted = "\n".join(traceback("NameError: name 'die' is not defined", "    ")[1:])
    log = (
        "Root Cause (first observed failure):\n[0]:\n  rank      : 304 (local_rank: 0)\n  exitcode  : 1 (pid: 9)\n"
        f"  traceback : Traceback (most recent call last):\n{quoted}\n"
    )
    (root,) = diagnose(scanner, log)

    assert (root.signature, root.root_rank, root.line) == ("python_exception", 304, log.count("\n"))
