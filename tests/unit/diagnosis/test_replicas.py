"""Replicas of a live job are one run: the failing one is named, and one that falls silent before the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner

SECOND = 1_000_000_000
START = 1_773_396_000 * SECOND
TRACEBACK = ["Traceback (most recent call last):", '  File "/app/train.py", line 412, in step', "    loss.backward()"]
OOM = [*TRACEBACK, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."]
LOST = [
    *TRACEBACK,
    "torch.distributed.DistBackendError: NCCL error: remote process exited or there was a network error",
]
LoggedLine = tuple[str, float, str]
"""A replica, seconds, and what it logs."""


def steps(replica: str, first: int, last: int) -> list[LoggedLine]:
    return [(replica, float(step), f"step {step} loss 2.5") for step in range(first, last)]


def at(replica: str, seconds: float, lines: Sequence[str]) -> list[LoggedLine]:
    return [(replica, seconds + index / 100, line) for index, line in enumerate(lines)]


def diagnose(scanner: PageScanner, lines: Iterable[LoggedLine], now: float) -> list[Failure]:
    """Diagnose lines in the order of their times, with the state stored in between as the watcher does."""
    diagnoser = Diagnoser(scanner)
    ordered = sorted(lines, key=lambda one: one[1])
    for replica, seconds, text in ordered[: len(ordered) // 2]:
        diagnoser.feed(text, replica=replica, timestamp_ns=START + int(seconds * SECOND))
    stored = diagnoser.dump()
    diagnoser = Diagnoser(scanner)
    diagnoser.load(stored)
    for replica, seconds, text in ordered[len(ordered) // 2 :]:
        diagnoser.feed(text, replica=replica, timestamp_ns=START + int(seconds * SECOND))
    failures = diagnoser.report(START + int(now * SECOND)).failures
    return [one for one in failures if one.severity == "page"]


def test_replica_that_failed_first_is_named_and_the_others_follow_from_it(scanner: PageScanner) -> None:
    lines = [*steps("node-a", 0, 100), *steps("node-b", 0, 100), *at("node-b", 100.1, OOM)]
    lines += [*at("node-a", 103, LOST), *at("node-c", 103.5, LOST)]
    (page,) = diagnose(scanner, lines, 110)
    assert (page.signature, page.ranks) == ("cuda_oom", ("node-b",))
    assert "NCCL error" in page.why


def test_answers_of_another_replica_are_not_a_recovery(scanner: PageScanner) -> None:
    answers = [("a", float(second), '10.0.0.1:4000 - "POST /v1/completions HTTP/1.1" 200 OK') for second in range(300)]
    (page,) = diagnose(scanner, [*answers, *at("b", 100.5, OOM)], 300)
    assert page.ranks == ("b",)


@pytest.mark.parametrize(("silent_from", "named"), [(290, ("b",)), (300 + 14 * 60, ())])
def test_replica_that_falls_silent_is_named_in_a_hang(
    scanner: PageScanner, silent_from: int, named: tuple[str, ...]
) -> None:
    lines = [one for replica in "abc" for one in steps(replica, 0, 290)]
    lines += [(name, 300.0 + 60 * n, "heartbeat ok") for n in range(15) for name in "abc"]
    (page,) = diagnose(scanner, [one for one in lines if one[0] != "b" or one[1] < silent_from], 1500)
    assert (page.signature, page.ranks) == ("no_progress", named)
    assert ("The log of b ends" in page.why) is bool(named)


def test_replicas_that_only_log_their_start_are_not_silent(scanner: PageScanner) -> None:
    lines = [*steps("a", 0, 300), *at("b", 1, ["started"]), *at("c", 1, ["started"])]
    (page,) = diagnose(scanner, lines, 1500)
    assert page.ranks == ()
