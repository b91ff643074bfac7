"""How certain a diagnosis is: the fitted model, the words for that, and where they are shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.diagnosis.confidence import confidence_word, estimate_confidence, load_weights
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner
from bot.diagnosis.precedence import Precedence
from bot.domain.alerts import Severity
from bot.rules.diagnosis_wording import describe_reason
from tests.corpus.calibrate import StatedAnswer, cross_validate, expected_error, fit_weights, reliability

FRAME = 'Traceback (most recent call last):\n  File "/work/train.py", line 9, in main\n    run()\n'
OOM = f"{FRAME}torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
EXIT = "[2026-03-13] torch.distributed.elastic.multiprocessing.errors.ChildFailedError:\n"


def diagnose(scanner: PageScanner, log: str) -> Failure:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(log.encode())
    return diagnoser.report().failures[0]


def test_each_agreeing_sign_makes_it_more_certain(scanner: PageScanner) -> None:
    alone = diagnose(scanner, "ValueError: bad sample\n")
    unknown = diagnose(scanner, f"{FRAME}ValueError: bad sample\n")
    known = diagnose(scanner, OOM)
    agreed = diagnose(scanner, "\n".join(f"[rank3]: {line}" for line in OOM.splitlines()) + "\n" + EXIT)

    found = [one.confidence for one in (alone, unknown, known, agreed)]
    assert found == sorted(found)
    assert [confidence_word(one) for one in (found[0], found[-1])] == ["a guess", "very likely"]
    assert known.signs == ("specific", "traceback")


@pytest.mark.parametrize(
    ("confidence", "word"),
    [(1.0, "very likely"), (0.85, "very likely"), (0.84, "probably"), (0.73, "probably"), (0.72, "a guess")],
)
def test_words_of_confidence(confidence: float, word: str) -> None:
    assert confidence_word(confidence) == word


def test_only_doubt_about_a_page_is_shown(scanner: PageScanner) -> None:
    page = replace(diagnose(scanner, OOM), why="It was first.")

    assert describe_reason(replace(page, confidence=0.9)) == "It was first."
    assert describe_reason(replace(page, confidence=0.8)) == "It was first. This is probably the cause."
    assert describe_reason(replace(page, confidence=0.2)).endswith("This is a guess: check the lines around it.")
    assert describe_reason(replace(page, confidence=0.2, severity=Severity.WARN)) == "It was first."
    assert describe_reason(replace(page, confidence=0.8, precedence=Precedence.CASCADE)) == "It was first."


def test_shipped_weights_give_every_kind_a_probability() -> None:
    weights = load_weights()
    for kind in ("specific", "exception", "weak", "stop", "cascade", "abort", "teardown", "bare_exception", "measured"):
        assert 0.05 < estimate_confidence([kind], weights) < 0.95, kind


def test_fit_states_what_is_right_as_often() -> None:
    answers = [
        StatedAnswer(f"group {n % 9}", is_right=n % 10 < good, signs=(sign,))
        for sign, good in (("sure", 9), ("unsure", 3))
        for n in range(200)
    ]

    weights = fit_weights(answers)

    assert estimate_confidence(["sure"], weights) == pytest.approx(0.9, abs=0.05)
    assert estimate_confidence(["unsure"], weights) == pytest.approx(0.3, abs=0.05)
    assert expected_error(reliability(cross_validate(answers))) < 0.1
