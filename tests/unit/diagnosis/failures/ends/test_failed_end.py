"""A log that ends with a fatal statement or an exit that is not zero is of a run that failed."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis
from bot.domain.alerts import Severity
from tests.corpus.pool import shipped_scanner

STEPS = "".join(f"it={step} loss={3 - step / 100:.3f}\n" for step in range(1, 40))


def diagnose(text: str) -> Diagnosis:
    diagnoser = Diagnoser(shipped_scanner())
    diagnoser.feed_page(text.encode())
    return diagnoser.report()


@pytest.mark.parametrize(
    "end",
    [
        "Error: the vocabulary has no entry for id 9",
        "trainer: error: lattice has no sites",
        "src/feed.cpp:88: Error in record 12: too short",
        "ERROR STOP 'NO SITES'",
        "STOP 4",
        "!! aborting: lattice has no sites",
        "*** ERROR: lattice has no sites ***",
        "2025-05-02 08:00:00 CRITICAL trainer: lattice has no sites",
        '{"level":"fatal","msg":"lattice has no sites"}',
        "./fit.sh: line 3: lattice: command not found",
        "Unhandled exception. Lattice.EmptyException: no sites",
        "trainer exited with status 3",
        "make: *** [Makefile:3: fit] Error 2",
        "JobId=7 State: FAILED ExitCode=1:0",
        "the simulation job failed",
    ],
)
def test_end_is_a_failure(end: str) -> None:
    failures = diagnose(f"{STEPS}{end}\n").failures

    assert [one.severity for one in failures] == [Severity.PAGE]
    assert failures[0].line == 40


@pytest.mark.parametrize(
    "end",
    [
        "error: 0.031",
        "exit code 0",
        "exporter exited with status 3, restarting it",
        "fatal signals are handled by the supervisor; if any occurs the job ends",
        "ERROR uploader: giving up on upload 7",
        "print('Error: ' + text)",
        "3 samples failed the length filter",
        "trainer exited with status 3\ntrainer restarted\n",
        "Error: no cached index\nbuilding the index\nindex saved",
        "training completed with final loss 2.61",
    ],
)
def test_end_of_a_run_that_goes_on(end: str) -> None:
    assert [one for one in diagnose(f"{STEPS}{end}\n").failures if one.severity is Severity.PAGE] == []


def test_steps_after_it_show_that_the_run_goes_on() -> None:
    assert diagnose(f"{STEPS}Error: no cached index\nit=40 loss=2.6\nit=41 loss=2.59\n").failures == ()


def test_first_line_that_says_what_happened_is_marked() -> None:
    end = "Error: lattice has no sites\n    at fit (fit.js:3)\nfit exited with status 1\nmake: *** [fit] Error 1\n"

    (failure,) = diagnose(STEPS + end).failures

    assert failure.title == "The run failed: Error: lattice has no sites"
    assert failure.excerpt[failure.root_index or 0] == "Error: lattice has no sites"


@pytest.mark.parametrize(
    ("minutes", "running", "expected"), [(2, True, []), (2, False, [Severity.PAGE]), (11, True, [])]
)
def test_error_at_a_start_counts_once_the_program_does_not_run(
    minutes: int, running: bool, expected: list[Severity]
) -> None:
    minute_ns = 60 * 1_000_000_000
    diagnoser = Diagnoser(shipped_scanner())
    diagnoser.feed("INFO starting the vector store", timestamp_ns=minute_ns)
    diagnoser.feed("ERROR store: collection wiki does not exist", timestamp_ns=minute_ns)

    failures = diagnoser.report((1 + minutes) * minute_ns, running=running).failures

    assert [one.severity for one in failures] == expected
