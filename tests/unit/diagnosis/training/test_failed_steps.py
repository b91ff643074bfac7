"""A step at which something failed is not progress."""

import pytest

from bot.diagnosis.training.failed_steps import is_failure_detail, states_failed_step


@pytest.mark.parametrize(
    "text",
    [
        "Error at step 512: loss is nan, stopping",
        "Failed at iteration 1200",
        "Crashed in epoch 7, batch 12",
        "step 900: gradient exploded, aborting",
        "Step 6006: The total potential energy is nan, which is not finite. The LJ and",
        "FATAL ERROR: Exiting prematurely at step 2411",
        "Floating point exception at Time = 0.5",
        "loss is not finite at step 181",
    ],
)
def test_step_of_a_failure(text: str) -> None:
    assert states_failed_step(text)


@pytest.mark.parametrize(
    "text",
    [
        "step 100 | loss 2.31 | lr 1e-4",
        "step 100 loss nan",
        "Train error at epoch 5: 0.12",
        "Epoch 3: 20 failed of 500",
        "step 512: loss is nan, skipping the update",
        "epoch 12 failed=0 loss 0.3",
        "No error at step 100",
        "step 1000, remaining wall clock time: 120 s",
    ],
)
def test_other_steps(text: str) -> None:
    assert not states_failed_step(text)


def test_details_below_a_fatal_statement() -> None:
    before = b"step 1000 | t 3\nERROR: Lost atoms: original 10 current 9\n"
    assert is_failure_detail("Step 1001: 1 atom outside the box", before, "step 1000 | t 3")
    assert not is_failure_detail("step 1002 | t 4", before, "step 1000 | t 3")
    assert not is_failure_detail("Step 1001: 1 atom outside the box", b"all is well\n", "step 1000 | t 3")
