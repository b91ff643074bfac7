"""Measure work instead of time, so that a check passes on a machine of any speed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import FrameType


def count_calls(work: Callable[[], object]) -> int:
    """Count the function calls of `work`, including C functions.

    The number is the same in every run. It does not see time spent inside one call, such as a slow pattern.
    """
    calls = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def best_cpu_ratio(work: Callable[[], object], standard: Callable[[], object], rounds: int = 5) -> float:
    """Return the CPU time of `work` divided by that of `standard`, both measured alternately in this run.

    Of each the cheapest round counts, because other programs can only slow a round down.
    """
    costs: list[tuple[float, float]] = []
    for _ in range(rounds):
        costs.append((_cpu_s(work), _cpu_s(standard)))
    return min(cost for cost, _ in costs) / min(cost for _, cost in costs)


def _cpu_s(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
