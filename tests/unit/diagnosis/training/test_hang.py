"""Servers, preparation and completed runs do not hang; training runs do."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.page_scanner import PageScanner

SECOND = 1_000_000_000
START_NS = 1_767_225_600 * SECOND
HOUR_S = 3600


def after_an_hour(scanner: PageScanner, lines: list[str], gap_s: int = 3) -> Diagnosis:
    """Diagnose the lines, one per `gap_s` seconds, after an hour of silence."""
    diagnoser = Diagnoser(scanner)
    for number, line in enumerate(lines):
        diagnoser.feed(line, replica="w-0", timestamp_ns=START_NS + number * gap_s * SECOND)
    return diagnoser.report(START_NS + (len(lines) * gap_s + HOUR_S) * SECOND)


STEPS = [f"step {number} loss {3 - number / 100}" for number in range(1, 60)]

CANNOT_HANG: list[tuple[str, list[str]]] = [
    ("a server's batches", [f"engine: batch={number % 31} queue=0" for number in range(90)]),
    ("weights", [f"Loading weight shards: {n}% Completed | {n}/100 [00:09<00:09,  1.2it/s]" for n in range(1, 90)]),
    ("preparation", [f"Tokenizing: {n}%|#| {n}/100 [00:09<00:09, 812.5 examples/s]" for n in range(1, 90)]),
    ("prompts", [f"Processed prompts: 100%|##| {n % 7 + 1}/8 [00:02<00:00, 1.1it/s]" for n in range(90)]),
    ("the last step", [f"step {number}/80 loss 1.{number}" for number in range(20, 81)]),
    ("the last of a bar", [f"{n}%|##| {n}/100 [09:00<00:00, 1.1s/it]" for n in range(20, 101)]),
    ("all done", [*STEPS, "All done!"]),
    ("a model that is saved", [*STEPS, "Model saved to s3://models/last", "Good bye"]),
]


@pytest.mark.parametrize("lines", [case[1] for case in CANNOT_HANG], ids=[case[0] for case in CANNOT_HANG])
def test_server_preparation_or_completed_run_does_not_hang(scanner: PageScanner, lines: list[str]) -> None:
    assert after_an_hour(scanner, lines).failures == ()


def test_pace_of_preparation_does_not_count_for_training(scanner: PageScanner) -> None:
    bars = [f"Map: {n}%|#| {n}/100 [00:09<00:09, 812.5 examples/s]" for n in range(1, 90)]

    assert after_an_hour(scanner, [*bars, "epoch 1 step 1 loss 4.1"]).failures == ()


def test_run_hangs_after_preparation_and_training(scanner: PageScanner) -> None:
    bars = [f"Map: {n}%|#| {n}/100 [00:09<00:09, 812.5 examples/s]" for n in range(1, 90)]

    assert [i.signature for i in after_an_hour(scanner, [*bars, *STEPS]).failures] == ["no_progress"]


def test_run_can_hang_at_last_step_of_epoch(scanner: PageScanner) -> None:
    epochs = [f"Epoch {epoch}: {n}/40 [00:09<00:09, 1.2it/s, loss=1.{n}]" for epoch in (0, 1) for n in range(1, 41)]

    assert [i.signature for i in after_an_hour(scanner, epochs).failures] == ["no_progress"]


@pytest.mark.parametrize("epoch_s", [70, 250, 420])
def test_epochs_with_two_lines_each_are_given_their_length(scanner: PageScanner, epoch_s: int) -> None:
    diagnoser = Diagnoser(scanner)
    for number in range(1, 9):
        begins = START_NS + (number - 1) * epoch_s * SECOND
        diagnoser.feed(f"Epoch {number}/20", replica="w-0", timestamp_ns=begins)
        ended = f"391/391 - {epoch_s}s - loss: {2 - number / 50} - 180ms/step"
        diagnoser.feed(ended, replica="w-0", timestamp_ns=begins + epoch_s * SECOND - SECOND // 100)
    last_ns = START_NS + 8 * epoch_s * SECOND

    assert diagnoser.report(last_ns + int(1.9 * epoch_s) * SECOND).failures == ()
    assert [i.signature for i in diagnoser.report(last_ns + 6 * epoch_s * SECOND).failures] == ["no_progress"]
