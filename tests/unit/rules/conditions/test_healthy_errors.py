"""Healthy runs in ten styles raise no error alert, and the filter by level finds no error in them."""

from __future__ import annotations

from itertools import islice

import pytest

from bot.domain.alerts import Clear
from bot.domain.levels import reaches
from bot.domain.logs import Level, LogLine
from bot.domain.observations import Observation
from bot.rules.conditions.log_errors import error_lines
from tests.unit.diagnosis.runs import STYLES, healthy
from tests.unit.rules.observing import REF, START, context, job, line

STATED = "slurmstepd: error: _is_a_lwp: open() /proc/7/status failed: No such file or directory"
"""The one line of the healthy runs that its logger marks as an error, without need."""
PAGE = 5_000


def error_messages(style: str, lines: int, seed: int) -> set[str]:
    """The messages that `--level error` would show; also checks the rule page by page."""
    is_error, found = reaches(Level.ERROR), set[str]()
    log = healthy(style, lines, seed)
    while page := [line(text) for text in islice(log, PAGE)]:
        found |= {one.message for one in page if is_error(one)}
        verdict, _ = error_lines(context("log_errors", Observation(REF, START, job(), tuple(page))))
        assert isinstance(verdict, Clear)
    return found


@pytest.mark.parametrize("style", STYLES)
def test_healthy_run_has_no_errors(style: str) -> None:
    for seed in range(7):  # every prefix
        assert error_messages(style, 2_000, seed) <= {STATED}


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
def test_million_lines_of_healthy_runs_have_no_errors(style: str) -> None:
    assert error_messages(style, 100_000, len(style)) <= {STATED}


@pytest.mark.parametrize(
    "message",
    [
        STATED,
        "2026-01-01 10:00:00.1: E external/local_xla/xla/cuda_dnn.cc:9261] Unable to register cuDNN factory: x",
        "[node3:0:33 unique id 0] ERROR No Aggregation Manager (sharp_am) detected in sharp_create_job.",
        "[node3:103] Error: coll_hcoll_module.c:310 - mca_coll_hcoll_comm_query() Hcol library init failed",
        "[node3:1416] PMIX ERROR: ERROR in file gds_ds12_lock_pthread.c at line 168",
    ],
)
def test_harmless_error_line_is_shown_but_raises_no_alert(message: str) -> None:
    observation = Observation(REF, START, job(), (line(message),))

    assert reaches(Level.ERROR)(LogLine(1, message))
    assert isinstance(error_lines(context("log_errors", observation))[0], Clear)
