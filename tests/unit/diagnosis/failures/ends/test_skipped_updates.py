"""Runs that skip every update."""

from bot.diagnosis.failures.ends.last_words import EndRow, read_rows
from bot.diagnosis.failures.ends.skipped_updates import skips_every_update


def rows_of(lines: list[str]) -> list[EndRow]:
    return read_rows([line.encode() for line in lines], 1)


def skip(step: int) -> str:
    return f"[W] step {step}: gradient norm is inf, skipping the optimizer step"


def test_consecutive_steps() -> None:
    assert skips_every_update(rows_of([skip(step) for step in range(111, 121)]))
    assert not skips_every_update(rows_of([skip(step) for step in range(100, 200, 10)]))
    assert not skips_every_update(rows_of([skip(step) for step in range(111, 116)]))


def test_steps_between_lines_of_progress() -> None:
    skips = ["WARNING: non-finite gradients, update not applied"] * 10
    assert skips_every_update(rows_of(["step 10 loss 2.1", *skips, "step 20 loss 2.0"]))
    assert not skips_every_update(rows_of(["step 10 loss 2.1", *skips, "step 110 loss 2.0"]))


def test_times() -> None:
    regular = [f"2025-02-01 10:00:{second:02d} WARNING gradients are nan, batch skipped" for second in range(10)]
    assert skips_every_update(rows_of(regular))
    seconds = (0, 1, 9, 10, 31, 33, 34, 58, 59)
    assert not skips_every_update(rows_of([regular[0].replace(":00 ", f":{second:02d} ") for second in seconds]))


def test_later_work() -> None:
    skips = [skip(step) for step in range(111, 121)]
    assert not skips_every_update(rows_of([*skips, *(f"step {step} loss 2.0" for step in range(121, 127))]))


def test_loss_scaler() -> None:
    lines = [f"step {step}: inf in gradients, step skipped, loss scale is now 1024" for step in range(12)]
    assert not skips_every_update(rows_of(lines))
