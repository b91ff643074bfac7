"""When a run counts as recovered: by its steps and retry notices, unless a launcher contradicts them."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner

TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "/app/photos.py", line 31, in __getitem__',
    "    return decode(blob)",
    "ValueError: cannot decode sample 10233",
]
LAUNCHER = ["E api.py:869] failed (exitcode: 1) local_rank: 0 (pid: 17) of binary: /usr/bin/python3"]


def reported(scanner: PageScanner, *parts: list[str]) -> list[tuple[str, str]]:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page("\n".join(line for part in parts for line in part).encode())
    return [(one.severity, one.category) for one in warnings_and_pages(diagnoser)]


def warnings_and_pages(diagnoser: Diagnoser) -> list[Failure]:
    return [one for one in diagnoser.report().failures if one.severity != "info"]


def bars(first: int, last: int, prefix: str = "") -> list[str]:
    return [f"{prefix} {n}%|#    | {n}/900 [00:{n:02d}<09:00,  1.00s/it]" for n in range(first, last)]


def steps(first: int, last: int) -> list[str]:
    return [f"step {n} loss {3 - n / 100:.2f}" for n in range(first, last)]


def test_few_new_steps_of_progress_bar_show_recovery(scanner: PageScanner) -> None:
    assert reported(scanner, bars(1, 20), TRACEBACK, bars(20, 24)) == [("warn", "data")]


def test_repeated_progress_bar_does_not_show_recovery(scanner: PageScanner) -> None:
    assert reported(scanner, bars(1, 20), TRACEBACK, bars(19, 20) * 4) == [("page", "data")]


def test_few_steps_from_buffered_output_do_not_show_recovery(scanner: PageScanner) -> None:
    assert reported(scanner, steps(1, 20), TRACEBACK, steps(20, 24)) == [("page", "data")]


def test_progress_bar_of_another_rank_does_not_show_recovery(scanner: PageScanner) -> None:
    failed = [f"[rank3]: {line}" for line in TRACEBACK]

    assert reported(scanner, bars(1, 20), failed, bars(20, 24, "[rank0]:")) == [("page", "data")]


def test_launcher_report_outweighs_few_steps(scanner: PageScanner) -> None:
    assert reported(scanner, bars(1, 20), TRACEBACK, bars(20, 24), LAUNCHER) == [("page", "data")]


@pytest.mark.parametrize(
    "notice", ["WARNING fetch of shard 12 failed, will retry (1/5)", "Skipping corrupt sample 10233"]
)
def test_failure_with_retry_notice_is_a_note_after_next_steps(scanner: PageScanner, notice: str) -> None:
    assert reported(scanner, steps(1, 20), [notice, *TRACEBACK], steps(20, 22)) == []
    assert reported(scanner, steps(1, 20), [*TRACEBACK, notice], steps(20, 22)) == []


def test_failure_with_retry_notice_is_a_note_until_silence(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    for line in [*steps(1, 20), "fetch of shard 12 failed, will retry (1/5)", *TRACEBACK]:
        diagnoser.feed(line, timestamp_ns=10**18)

    held = [[one.severity for one in diagnoser.report(10**18 + wait).failures] for wait in (10**10, 10**11)]
    assert held == [["info"], ["page"]]


def test_failure_of_last_attempt_is_a_page(scanner: PageScanner) -> None:
    tries = ["attempt 1/2 failed, retrying", *TRACEBACK, "attempt 2/2 failed, giving up", *TRACEBACK]

    assert reported(scanner, steps(1, 20), tries) == [("page", "data")]


def test_failure_after_recovery_is_reported_separately(scanner: PageScanner) -> None:
    oom = ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."]

    assert reported(scanner, bars(1, 20), TRACEBACK, bars(20, 24), oom) == [("page", "gpu_memory"), ("warn", "data")]


def test_waiting_ranks_are_a_hang_until_next_step(scanner: PageScanner) -> None:
    stall = [
        "W stall_inspector.cc:105] One or more tensors were submitted to be reduced, gathered or broadcasted by"
        " subset of ranks"
    ]

    assert reported(scanner, steps(1, 20), stall) == [("page", "hang")]
    assert reported(scanner, steps(1, 20), stall * 3, steps(20, 22)) == [("warn", "hang")]
