"""The diagnosis of each of the project's own cases is the one that its label states."""

from __future__ import annotations

import pytest

from tests.corpus.labels import LABELS_FILE, OWN_CASES, Label, read_labels
from tests.corpus.pool import shipped_scanner
from tests.corpus.scoring import diagnose_log, score_log

LABELS = read_labels(OWN_CASES)


@pytest.mark.parametrize("label", LABELS, ids=[label.name for label in LABELS])
def test_diagnosis_is_as_labelled(label: Label) -> None:
    diagnosis = diagnose_log(shipped_scanner(), label)

    assert score_log(label, diagnosis).misses == []
    hints = [failure.hint for failure in diagnosis.failures if failure.severity == "page"]
    assert [hint for hint in hints if not hint.rpartition(" ")[2].startswith("https://")] == []


def test_every_log_has_a_label() -> None:
    logs = {path for path in OWN_CASES.rglob("*") if path.is_file() and path.name != LABELS_FILE}

    assert logs == {label.path for label in LABELS}
