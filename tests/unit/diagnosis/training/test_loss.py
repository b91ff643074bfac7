"""Which losses are a failure, and which belong to the method or to another run in the same log."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner


def failures_in(scanner: PageScanner, lines: list[str]) -> list[Failure]:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page("\n".join(lines).encode())
    return list(diagnoser.report().failures)


REINFORCED = {
    "rewards": [f"{{'loss': {0.01 + n / 50:.3f}, 'reward': {n}, 'epoch': {n / 90:.2f}}}" for n in range(1, 300)],
    "episodes": [f"episode {n} return 3 loss {0.2 + n / 40:.3f}" for n in range(1, 300)],
    "a table": [f"|    {name} | {20 + n:.1f} |" for n in range(1, 200) for name in ("loss", "value_loss")],
}
RESTARTS = {
    "a fold": [f"fold {k} step {n} loss {3 - n / 60:.3f}" for k in range(3) for n in range(1, 160)],
    "a stage": [f"step {n} loss {base - n / 1000:.3f}" for base in (0.6, 2.4) for n in range(1, 300)],
}


@pytest.mark.parametrize("lines", REINFORCED.values(), ids=REINFORCED)
def test_rising_loss_in_reinforcement_learning_is_a_note(scanner: PageScanner, lines: list[str]) -> None:
    assert {failure.severity for failure in failures_in(scanner, lines)} <= {"info"}


@pytest.mark.parametrize("lines", RESTARTS.values(), ids=RESTARTS)
def test_smaller_step_resets_loss_level(scanner: PageScanner, lines: list[str]) -> None:
    assert failures_in(scanner, lines) == []


def test_progress_bar_of_next_epoch_keeps_loss_level(scanner: PageScanner) -> None:
    lines = [
        f"{n}/150 [==>...] - ETA: 1s - loss: {loss - n / 1000:.3f}" for loss in (1.0, 0.8, 6.0) for n in range(1, 151)
    ]

    assert [(i.severity, i.signature) for i in failures_in(scanner, lines)] == [("page", "divergence")]


def test_nan_loss_in_reinforcement_learning_is_a_page(scanner: PageScanner) -> None:
    lines = [f"episode {n} reward 2.0 loss {'nan' if n > 30 else 1.0}" for n in range(60)]

    assert [(i.severity, i.signature) for i in failures_in(scanner, lines)] == [("page", "nonfinite_loss")]


def test_lost_loss_is_reported_at_its_first_line_not_at_earlier_nan(scanner: PageScanner) -> None:
    lines = [f"step {n} loss {'nan' if n == 3 or n > 20 else 2.0}" for n in range(1, 30)]
    (lost,) = failures_in(scanner, lines)

    assert (lost.severity, lost.line, lost.excerpt[lost.root_index or 0]) == ("page", 21, "step 21 loss nan")


def test_single_nan_after_recovery_is_a_warning(scanner: PageScanner) -> None:
    lines = [f"step {n} loss {'nan' if 5 <= n < 9 or n == 40 else 2.0}" for n in range(1, 41)]

    assert [failure.severity for failure in failures_in(scanner, lines)] == ["warn"]


def test_finite_losses_of_other_ranks_do_not_hide_lost_loss(scanner: PageScanner) -> None:
    lines = [f"[rank{rank}]: step {n} loss {'nan' if rank == 2 else 1.5}" for n in range(1, 9) for rank in range(4)]

    assert [(i.severity, i.ranks) for i in failures_in(scanner, lines)] == [("page", (2,))]


def test_loss_that_rises_and_comes_back_is_not_reported(scanner: PageScanner) -> None:
    lines = [f"step {n} loss {900.0 if 10 <= n < 14 else 3 - n / 100}" for n in range(1, 40)]

    assert failures_in(scanner, lines) == []


def test_excerpt_of_a_long_line_keeps_the_number_that_is_not_finite(scanner: PageScanner) -> None:
    rest = " ".join(f"metric_{n}: {n}.5 |" for n in range(40))
    lines = [f"iteration {n}/ 9000 | {rest} lm loss: {'nan' if n > 20 else 2.0} |" for n in range(30)]
    failure = failures_in(scanner, lines)[0]

    assert failure.signature == "nonfinite_loss"
    assert all("lm loss: nan" in row and "\u2026" in row and len(row) <= 240 for row in failure.excerpt)
