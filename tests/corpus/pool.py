"""Score logs on every core."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache

from bot.diagnosis.catalogue import load_catalogue
from bot.diagnosis.page_scanner import PageScanner
from tests.corpus.labels import Label
from tests.corpus.scoring import ScoredLog, diagnose_log, score_log

_CHUNK = 8
"""Number of logs that a process takes at a time."""


@cache
def shipped_scanner() -> PageScanner:
    """The shipped catalogue, compiled once in each process."""
    return PageScanner(load_catalogue())


def score_all(labels: Sequence[Label]) -> list[ScoredLog]:
    """Diagnose and check all logs, in the order of the labels.

    Raises:
        ConfigError: a log cannot be read.
    """
    processes = min(os.cpu_count() or 1, 1 + len(labels) // _CHUNK)
    if processes == 1:
        return [_score(label) for label in labels]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_score, labels, chunksize=_CHUNK))


def _score(label: Label) -> ScoredLog:
    return score_log(label, diagnose_log(shipped_scanner(), label))
