"""A log without a known failure: what was read, what ended the job, and the lines that may tell more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.last_lines import LastLines
from bot.domain.alerts import ExcerptLine
from bot.domain.job_ends import describe_end
from bot.domain.jobs import JobState
from bot.domain.progress import RunProgress
from bot.rules.nothing_found import describe_nothing_found, lines_to_show, title_of_lines
from tests.unit.commands.insights import DIAGNOSIS
from tests.unit.rules.observing import job

WARNING, LAST = ExcerptLine("WARNING slow"), ExcerptLine("step 9")
LINES = LastLines((WARNING,), (WARNING, LAST), 0, 1)
QUIET = Diagnosis((), 3259, RunProgress(), LINES)


def test_sentence_names_the_lines_read() -> None:
    assert describe_nothing_found(3259, LastLines()) == "No known failure in 3,259 lines."
    assert (
        describe_nothing_found(9, LastLines((), (), 20, 1)) == "No known failure in 9 lines; 20 errors and 1 warning."
    )
    assert (
        describe_nothing_found(2, LastLines()) == "No known failure in 2 lines. The log is too short for a diagnosis."
    )
    assert describe_nothing_found(0, LastLines()) == "The log is empty."
    assert describe_nothing_found(0, LastLines(), is_part=True) == "No lines in this time range."


@pytest.mark.parametrize(
    ("diagnosis", "has_ended", "count", "expected", "title"),
    [
        (QUIET, True, 3259, LINES.ending, "Last errors, warnings and lines"),
        (QUIET, False, 3259, LINES.notable, "Last errors and warnings"),
        (QUIET, False, 2, LINES.ending, "Last errors, warnings and lines"),
        (replace(QUIET, progress=RunProgress(finished=True)), True, 3259, LINES.notable, "Last errors and warnings"),
        (replace(QUIET, last_lines=LastLines((), (LAST,))), True, 3259, (LAST,), "Last lines"),
        (replace(DIAGNOSIS.diagnosis, last_lines=LINES), True, 3259, (), ""),
    ],
)
def test_lines_depend_on_what_is_known(
    diagnosis: Diagnosis, has_ended: bool, count: int, expected: tuple[ExcerptLine, ...], title: str
) -> None:
    shown = lines_to_show(diagnosis, has_ended=has_ended, lines=count)

    assert shown == expected
    assert not shown or title_of_lines(shown, diagnosis.last_lines) == title


@pytest.mark.parametrize(
    ("state", "status", "error", "expected"),
    [
        (JobState.PREEMPTED, "TRAINING_JOB_PREEMPTED", "The spot instance was reclaimed.",
         "Preempted: The spot instance was reclaimed."),
        (JobState.PREEMPTED, "PREEMPTED", None, "Preempted: the platform reclaimed its machines (PREEMPTED)."),
        (JobState.FAILED, "EXPIRED", "It ran for 24 h", "Timed out: It ran for 24 h."),
        (JobState.FAILED, "timed_out", None, "Timed out: no reason (timed_out)."),
        (JobState.FAILED, "FAILED", "Exit code 1", "The platform reports: Exit code 1."),
        (JobState.FAILED, "FAILED", None, "The platform reports: no reason (FAILED)."),
        (JobState.CANCELLED, "STOPPED", None, "Cancelled: the platform gives no reason (STOPPED)."),
        (JobState.RUNNING, "RUNNING", "a hint", ""),
        (JobState.SUCCEEDED, "COMPLETED", None, ""),
    ],
)  # fmt: skip
def test_end_is_described_in_the_words_of_the_platform(
    state: JobState, status: str, error: str | None, expected: str
) -> None:
    assert describe_end(job(state, status, error)) == expected
