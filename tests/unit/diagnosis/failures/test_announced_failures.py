"""Statements at any level that a run failed."""

import pytest

from bot.diagnosis.failures.announced_failures import states_exception, states_outcome


@pytest.mark.parametrize(
    "text",
    [
        "Error reported to Coordinator: Nan in summary histogram for: conv1",
        "Error recorded from training_loop: Computation requires more parameters than supported",
        "EXCEPTION occurred: record 7 has 3 fields",
        "Caught exception in training loop: expected 4 channels, got 3",
        "Uncaught exception: bad magic",
        "Training aborted: the checkpointer is gone",
        "UnhandledPromiseRejectionWarning: Error: wrong shape",
        "Exception while saving: pickle of a local function is impossible",
        "FAILED: evaluation needs the file refs/dev.en",
        "Stopped with condition: variable lengths differ",
        "Assertion `n % tp == 0' violated: 6 % 4",
    ],
)
def test_exceptions_are_announced(text: str) -> None:
    assert states_exception(text)


@pytest.mark.parametrize(
    "text",
    [
        "Error reported to Coordinator: CancelledError, Enqueue operation was cancelled",
        "Caught exception in training step: image has 1 channel. Skipping the batch",
        "Exception hook installed: uncaught exceptions are sent to the tracker",
        "Training aborted: requested by the user",
        "Error in evaluation: 0.12",
        "FAILED: 0",
        "FAILED: none",
        "job failed: false",
        "trial failed: 3",
        "error caught: 0",
        "unhandled exception handler: enabled",
        "no exception occurred: all 12 parts are done",
        "run failed jobs again: true",
    ],
)
def test_what_is_planned_or_survived_announces_nothing(text: str) -> None:
    assert not states_exception(text)


@pytest.mark.parametrize(
    "text",
    [
        "Reporting training FAILURE",
        "Marking trial a-1 as failed",
        "Run 51 => status changed to ERRORED",
        "train_failed",
        "fit-gmm: FAILURE",
        'Event occurred object="a" reason="MPIJobFailed"',
    ],
)
def test_outcomes_are_announced(text: str) -> None:
    assert states_outcome(text)


@pytest.mark.parametrize(
    "text",
    [
        "Reporting failure statistics: 0 failures in 1200 images",
        "on failure: mark the run if it failed",
        "train_failed 0",
        "train_error 0.0412",
        "marked node-3 as failed, continuing with 7 nodes",
    ],
)
def test_counts_and_plans_state_no_outcome(text: str) -> None:
    assert not states_outcome(text)
