"""Which rising losses are trouble, and which belong to the method or to another run in the same log."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner


def told(reader: PageScanner, lines: list[str]) -> list[Failure]:
    diagnoser = Diagnoser(reader)
    diagnoser.feed_page("\n".join(lines).encode())
    return list(diagnoser.report().failures)


REINFORCED = {
    "rewards": [f"{{'loss': {0.01 + n / 50:.3f}, 'reward': {n}, 'epoch': {n / 90:.2f}}}" for n in range(1, 300)],
    "episodes": [f"episode {n} return 3 loss {0.2 + n / 40:.3f}" for n in range(1, 300)],
    "a table": [f"|    {name} | {20 + n:.1f} |" for n in range(1, 200) for name in ("loss", "value_loss")],
}
ANEW = {
    "a fold": [f"fold {k} step {n} loss {3 - n / 60:.3f}" for k in range(3) for n in range(1, 160)],
    "a stage": [f"step {n} loss {base - n / 1000:.3f}" for base in (0.6, 2.4) for n in range(1, 300)],
}


@pytest.mark.parametrize("lines", REINFORCED.values(), ids=REINFORCED)
def test_the_rising_loss_of_reinforcement_learning_is_a_note(reader: PageScanner, lines: list[str]) -> None:
    assert {incident.severity for incident in told(reader, lines)} <= {"info"}


@pytest.mark.parametrize("lines", ANEW.values(), ids=ANEW)
def test_a_step_that_begins_anew_begins_another_loss(reader: PageScanner, lines: list[str]) -> None:
    assert told(reader, lines) == []


def test_the_next_epochs_bar_is_the_same_loss(reader: PageScanner) -> None:
    lines = [
        f"{n}/150 [==>...] - ETA: 1s - loss: {loss - n / 1000:.3f}" for loss in (1.0, 0.8, 6.0) for n in range(1, 151)
    ]

    assert [(i.severity, i.signature) for i in told(reader, lines)] == [("page", "divergence")]


def test_reinforcement_learning_still_loses_a_loss_that_is_not_finite(reader: PageScanner) -> None:
    lines = [f"episode {n} reward 2.0 loss {'nan' if n > 30 else 1.0}" for n in range(60)]

    assert [(i.severity, i.signature) for i in told(reader, lines)] == [("page", "nonfinite_loss")]


def test_a_lost_loss_is_told_by_its_own_first_line_and_not_by_an_old_spike(reader: PageScanner) -> None:
    lines = [f"step {n} loss {'nan' if n == 3 or n > 20 else 2.0}" for n in range(1, 30)]
    (lost,) = told(reader, lines)

    assert (lost.severity, lost.line, lost.excerpt[lost.root_index or 0]) == ("page", 21, "step 21 loss nan")


def test_one_bad_step_after_a_stretch_that_was_survived_is_no_page(reader: PageScanner) -> None:
    lines = [f"step {n} loss {'nan' if 5 <= n < 9 or n == 40 else 2.0}" for n in range(1, 41)]

    assert [incident.severity for incident in told(reader, lines)] == ["warn"]


def test_a_rank_that_lost_its_loss_is_not_excused_by_the_others(reader: PageScanner) -> None:
    lines = [f"[rank{rank}]: step {n} loss {'nan' if rank == 2 else 1.5}" for n in range(1, 9) for rank in range(4)]

    assert [(i.severity, i.ranks) for i in told(reader, lines)] == [("page", (2,))]


def test_a_loss_that_explodes_and_comes_back_is_no_page(reader: PageScanner) -> None:
    lines = [f"step {n} loss {900.0 if 10 <= n < 14 else 3 - n / 100}" for n in range(1, 40)]

    assert told(reader, lines) == []
