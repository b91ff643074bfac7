"""When a run that was in trouble counts as going on: by its steps, by its words, and never against a launcher's."""

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


def told(reader: PageScanner, *parts: list[str]) -> list[tuple[str, str]]:
    diagnoser = Diagnoser(reader)
    diagnoser.feed_page("\n".join(line for part in parts for line in part).encode())
    return [(one.severity, one.category) for one in loud(diagnoser)]


def loud(diagnoser: Diagnoser) -> list[Failure]:
    return [one for one in diagnoser.report().failures if one.severity != "info"]


def bars(first: int, last: int, prefix: str = "") -> list[str]:
    return [f"{prefix} {n}%|#    | {n}/900 [00:{n:02d}<09:00,  1.00s/it]" for n in range(first, last)]


def steps(first: int, last: int) -> list[str]:
    return [f"step {n} loss {3 - n / 100:.2f}" for n in range(first, last)]


def test_a_few_new_steps_of_a_progress_bar_show_that_the_process_lives(reader: PageScanner) -> None:
    assert told(reader, bars(1, 20), TRACEBACK, bars(20, 24)) == [("warn", "code")]


def test_a_bar_that_is_drawn_once_more_as_the_process_dies_shows_nothing(reader: PageScanner) -> None:
    assert told(reader, bars(1, 20), TRACEBACK, bars(19, 20) * 4) == [("page", "code")]


def test_steps_that_may_be_flushed_late_show_nothing_yet(reader: PageScanner) -> None:
    assert told(reader, steps(1, 20), TRACEBACK, steps(20, 24)) == [("page", "code")]


def test_another_ranks_bar_does_not_speak_for_the_rank_that_failed(reader: PageScanner) -> None:
    failed = [f"[rank3]: {line}" for line in TRACEBACK]

    assert told(reader, bars(1, 20), failed, bars(20, 24, "[rank0]:")) == [("page", "code")]


def test_a_launchers_words_outweigh_a_few_steps(reader: PageScanner) -> None:
    assert told(reader, bars(1, 20), TRACEBACK, bars(20, 24), LAUNCHER) == [("page", "code")]


@pytest.mark.parametrize(
    "words", ["WARNING fetch of shard 12 failed, will retry (1/5)", "Skipping corrupt sample 10233"]
)
def test_a_failure_that_the_run_says_it_handles_is_a_note_once_it_steps_on(reader: PageScanner, words: str) -> None:
    assert told(reader, steps(1, 20), [words, *TRACEBACK], steps(20, 22)) == []
    assert told(reader, steps(1, 20), [*TRACEBACK, words], steps(20, 22)) == []


def test_a_failure_that_the_run_says_it_handles_is_held_back_until_it_falls_silent(reader: PageScanner) -> None:
    diagnoser = Diagnoser(reader)
    for line in [*steps(1, 20), "fetch of shard 12 failed, will retry (1/5)", *TRACEBACK]:
        diagnoser.feed(line, timestamp_ns=10**18)

    held = [[one.severity for one in diagnoser.report(10**18 + wait).failures] for wait in (10**10, 10**11)]
    assert held == [["info"], ["page"]]


def test_the_last_try_that_fails_is_a_page(reader: PageScanner) -> None:
    tries = ["attempt 1/2 failed, retrying", *TRACEBACK, "attempt 2/2 failed, giving up", *TRACEBACK]

    assert told(reader, steps(1, 20), tries) == [("page", "code")]


def test_what_fails_after_a_failure_that_was_survived_is_told_for_itself(reader: PageScanner) -> None:
    oom = ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."]

    assert told(reader, bars(1, 20), TRACEBACK, bars(20, 24), oom) == [("page", "gpu_memory"), ("warn", "code")]


def test_ranks_that_wait_for_each_other_again_and_again_hang_until_a_step_comes(reader: PageScanner) -> None:
    stall = [
        "W stall_inspector.cc:105] One or more tensors were submitted to be reduced, gathered or broadcasted by"
        " subset of ranks"
    ]

    assert told(reader, steps(1, 20), stall) == [("page", "hang")]
    assert told(reader, steps(1, 20), stall * 3, steps(20, 22)) == [("warn", "hang")]
