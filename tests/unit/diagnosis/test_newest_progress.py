"""The reported step, total and loss are those of the newest line that states them, however the log is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.diagnosis.diagnoser import Diagnoser, Line
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.progress import RunProgress
from tests.unit.diagnosis.progress_logs import SECOND, START_NS, Stated, Style, bar, expected, generate
from tests.unit.diagnosis.rare_progress_logs import ALL_STYLES

Numbers = tuple[int | None, int | None, float | None]
quick = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
GAPS_NS = [1_000_000, SECOND // 30, SECOND // 2, 4 * SECOND, 86_400 * SECOND]


def numbers(progress: RunProgress) -> Numbers:
    return progress.step, progress.total_steps, progress.loss


def timed(lines: list[Stated], gap_ns: int) -> list[Line]:
    return [(one.text, None, "w-0", START_NS + n * gap_ns) for n, one in enumerate(lines)]


def page_of(lines: list[Stated]) -> bytes:
    return ("\n".join(one.text for one in lines) + "\n").encode()


def restarted(scanner: PageScanner, diagnoser: Diagnoser) -> Diagnoser:
    """Continue in another process."""
    following = Diagnoser(scanner)
    following.load(json.loads(json.dumps(diagnoser.dump())))
    return following


@pytest.mark.parametrize("style", ALL_STYLES, ids=[style.__name__ for style in ALL_STYLES])
def test_progress_of_a_dense_log_is_that_of_its_newest_lines(scanner: PageScanner, style: Style) -> None:
    lines = generate(style, 2700, 5)
    live, file = Diagnoser(scanner), Diagnoser(scanner)
    live.feed_many(timed(lines, SECOND // 200))
    file.feed_page(page_of(lines))

    assert numbers(live.report(running=False).progress) == expected(lines)
    assert numbers(file.report(running=False).progress) == expected(lines)


LOSS = "{'loss': 2.0125, 'grad_norm': 1.0, 'epoch': 0.1}"
TRAINED = [text for step in range(1, 5001) for text in ((LOSS,) if step == 4000 else ()) + (bar(step, 50_000),)]
AFTERWARDS = {
    "an evaluation": [bar(batch, 3000, "9.81it/s") for batch in range(1, 3001)],
    "a longer evaluation": [bar(batch, 90_000, "9.81it/s") for batch in range(1, 3001)],
    "a named evaluation": [f"Evaluating: {bar(batch, 3000, '9.81it/s', ', loss=0.4')}" for batch in range(1, 3001)],
    "preparation": [f"Map: {n // 30}%|█ | {n}/3000 [00:01<00:10, 812.50 examples/s]" for n in range(1, 3001)],
    "chatter": [f"INFO data.loader: waited 0.{n} s" for n in range(1, 3001)],
}


@pytest.mark.parametrize("lines", AFTERWARDS.values(), ids=AFTERWARDS)
def test_rare_loss_and_last_step_are_found_behind_thousands_of_other_lines(
    scanner: PageScanner, lines: list[str]
) -> None:
    for separator in ("\n", "\r"):
        diagnoser = Diagnoser(scanner)
        diagnoser.feed_page((separator.join([*TRAINED, *lines]) + "\n").encode())

        assert numbers(diagnoser.report(running=False).progress) == (5000, 50_000, 2.0125)


def test_evaluation_lines_with_the_same_words_are_passed_over(scanner: PageScanner) -> None:
    train = [f"[train] step {step}/50000 loss 2.{step:05d}" for step in range(1, 5001)]
    evaluation = [f"[val] step {step}/3000 loss 1.{step:05d}" for step in range(1, 3001)]
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(("\n".join([*train, *evaluation]) + "\n").encode())

    assert numbers(diagnoser.report(running=False).progress) == (5000, 50_000, 2.05)


EPOCH_STYLES = {"composer", "lightning", "nemo_bar", "fairseq_text", "keras", "mmengine", "timm"}


@pytest.mark.parametrize("style", ALL_STYLES, ids=[style.__name__ for style in ALL_STYLES])
def test_total_of_an_epoch_gives_no_time_left(scanner: PageScanner, style: Style) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(page_of(generate(style, 300, 1)))
    progress = diagnoser.report(running=False).progress

    assert progress.is_epoch_total == (style.__name__ in EPOCH_STYLES)
    assert progress.time_left is None or style.__name__ not in EPOCH_STYLES


@quick
@given(
    style=st.sampled_from(ALL_STYLES),
    length=st.integers(81, 2600),
    seed=st.integers(0, 99),
    cuts=st.lists(st.integers(1, 60_000), min_size=1, max_size=4),
    prepares=st.booleans(),
)
def test_progress_does_not_depend_on_how_a_file_is_cut(
    scanner: PageScanner, style: Style, length: int, seed: int, cuts: list[int], *, prepares: bool
) -> None:
    lines = generate(style, length, seed, prepares=prepares)
    page, diagnoser, position, turn = page_of(lines), Diagnoser(scanner), 0, 0
    while position < len(page):
        size = max(cuts[turn % len(cuts)], len(page) // 50)
        diagnoser.feed_page(page[position : position + size])
        position, turn = position + size, turn + 1
        if turn % 7 == 0:
            diagnoser = restarted(scanner, diagnoser)

    assert numbers(diagnoser.report(running=False).progress) == expected(lines)


@quick
@given(
    style=st.sampled_from(ALL_STYLES),
    length=st.integers(81, 2600),
    seed=st.integers(100, 199),
    polls=st.integers(1, 9),
    gap_ns=st.sampled_from(GAPS_NS),
)
def test_progress_does_not_depend_on_rate_and_polls(
    scanner: PageScanner, style: Style, length: int, seed: int, polls: int, gap_ns: int
) -> None:
    lines = generate(style, length, seed)
    logged, diagnoser, size = timed(lines, gap_ns), Diagnoser(scanner), len(lines) // polls + 1
    for start in range(0, len(logged), size):
        diagnoser = restarted(scanner, diagnoser)
        diagnoser.feed_many(logged[start : start + size])
        diagnoser.report(running=False)

    assert numbers(diagnoser.report(running=False).progress) == expected(lines)
