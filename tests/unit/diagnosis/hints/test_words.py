"""Each excerpt's hint has the words that it must have, and none of those that it must not have."""

from __future__ import annotations

import itertools

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from tests.unit.diagnosis.hints.cases import clusters, exceptions, imports, memory
from tests.unit.diagnosis.hints.cases.case import HintCase

CASES = [*memory.CASES, *imports.CASES, *exceptions.CASES, *clusters.CASES]


@pytest.mark.parametrize("case", CASES, ids=[case.kind for case in CASES])
def test_hint_has_required_and_no_forbidden_words(scanner: PageScanner, case: HintCase) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(case.log.encode())
    failure = next(iter(diagnoser.report().failures))
    hint = failure.hint.lower()

    assert [word for word in case.must.lower().split("|") if word not in hint] == [], (failure.signature, hint)
    assert [word for word in case.must_not.lower().split("|") if word and word in hint] == [], (failure.signature, hint)


def test_each_kind_is_named_once() -> None:
    names = sorted(case.kind for case in CASES)
    assert [name for name, same in itertools.groupby(names) if len(list(same)) > 1] == []
