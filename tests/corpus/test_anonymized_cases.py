"""An anonymized copy of each case has the same diagnosis: severity, cause, line and ranks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.anonymization.anonymizer import Anonymizer
from bot.anonymization.vocabulary import Vocabulary
from bot.diagnosis.diagnoser import Diagnoser
from tests.corpus.labels import OWN_CASES
from tests.corpus.pool import shipped_scanner

VOCABULARY = Vocabulary(shipped_scanner().texts)
LOGS = sorted(OWN_CASES.rglob("*.log"))
MAX_BYTES = 100_000


def diagnose(text: str) -> list[object]:
    diagnoser = Diagnoser(shipped_scanner())
    diagnoser.feed_page(text.encode("utf-8", "surrogateescape"))
    return [
        (one.severity, one.signature, one.line, [rank if isinstance(rank, int) else "" for rank in one.ranks])
        for one in diagnoser.report().failures
    ]


@pytest.mark.parametrize("log", LOGS, ids=[str(log.relative_to(OWN_CASES)) for log in LOGS])
def test_anonymized_case_has_the_same_diagnosis(log: Path) -> None:
    text = log.read_bytes()[:MAX_BYTES].decode("utf-8", "surrogateescape")
    anonymizer = Anonymizer(VOCABULARY)
    for line in text.split("\n"):
        anonymizer.learn(line)

    assert diagnose("\n".join(map(anonymizer.anonymize, text.split("\n")))) == diagnose(text)
