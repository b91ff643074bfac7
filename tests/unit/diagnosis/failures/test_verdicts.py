"""What a test logs before it passes did no harm; a suite that fails is a failure."""

import re

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.failures.life_signs import LifeKind, read_life_sign
from bot.diagnosis.failures.verdicts import VERDICT
from bot.diagnosis.page_scanner import PageScanner

VERDICTS = {
    "[       OK ] Table.Grows (3 ms)": LifeKind.PASSED,
    "tests/test_a.py::test_b[1] PASSED                 [ 12%]": LifeKind.PASSED,
    "test io::reads - should panic ... ok": LifeKind.PASSED,
    "ok": LifeKind.PASSED,
    "--- PASS: TestQuota (0.01s)": LifeKind.PASSED,
    " 3/12 Test  #3: aborts ....   Passed    0.02 sec": LifeKind.PASSED,
    "//ps:table_test   (cached) PASSED in 0.3s": LifeKind.PASSED,
    "========= 8 passed, 1 xfailed in 4.1s =========": LifeKind.PASSED,
    "100% tests passed, 0 tests failed out of 4": LifeKind.PASSED,
    "28 passed, 1 xfailed in 8.10s": LifeKind.PASSED,
    "......x...          [ 60%]": LifeKind.PASSED,
    "[mbpp] pass@1 = 0.583": LifeKind.PASSED,
    "judge: problem 2 verdict RE (Segmentation fault)": LifeKind.JUDGED,
    "HumanEval/12: failed": LifeKind.JUDGED,
    "task 4: passed": LifeKind.JUDGED,
    "========= 1 failed, 8 passed in 4.1s =========": LifeKind.UNPASSED,
    "[  FAILED  ] 1 test, listed below:": LifeKind.UNPASSED,
    "test result: FAILED. 2 passed; 1 failed": LifeKind.UNPASSED,
    "FAILED (errors=1)": LifeKind.UNPASSED,
    "75% tests passed, 1 tests failed out of 4": LifeKind.UNPASSED,
}


@pytest.mark.parametrize(("text", "kind"), VERDICTS.items(), ids=VERDICTS)
def test_verdict_is_read(text: str, kind: LifeKind) -> None:
    sign = read_life_sign(text)

    assert re.search(f"(?m){VERDICT}", text)
    assert sign is not None
    assert sign.kind is kind


@pytest.mark.parametrize("text", ["rank 3 failed", "node check passed", "book 3", "status: ok"])
def test_other_words_are_not_verdicts(text: str) -> None:
    sign = read_life_sign(text)

    assert sign is None or sign.kind not in (LifeKind.PASSED, LifeKind.JUDGED, LifeKind.UNPASSED)


def test_same_failure_after_a_passed_test_is_a_new_one(scanner: PageScanner) -> None:
    fault = "E0620 11:20:01.000100 881 arena.cc:71] CUDA out of memory. Tried to allocate 4.00 TiB"
    diagnoser = Diagnoser(scanner)
    test = ["[ RUN      ] Arena.TooLarge", fault, "[       OK ] Arena.TooLarge (2 ms)"]
    diagnoser.feed_page("\n".join([*test, "running", fault, "Killed"]).encode())

    assert [(one.severity.value, one.line) for one in diagnoser.report().failures] == [("page", 5), ("info", 2)]
