"""Kinds of failures in the wordings of several frameworks: severity, category, marked line and rank."""

import itertools

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner
from tests.unit.diagnosis.kinds import caught, hints, launches, servers, starts, stops, survivals, wrapped
from tests.unit.diagnosis.kinds.case import Case

TABLES = {
    "servers": servers.CASES,
    "stops": stops.CASES,
    "survivals": survivals.CASES,
    "launches": launches.CASES,
    "hints": hints.CASES,
    "starts": starts.CASES,
    "wrapped": wrapped.CASES,
    "caught": caught.CASES,
}
CASES = [(f"{table}: {case.kind}", case) for table, cases in TABLES.items() for case in cases]
ACCEPTED = {"quiet": ("warn", "info", ""), "none": ("info", "")}


def diagnose(scanner: PageScanner, log: str) -> tuple[Failure, ...]:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(log.encode())
    return diagnoser.report().failures


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_log_of_each_kind_has_its_right_answer(scanner: PageScanner, case: Case) -> None:
    failures = diagnose(scanner, case.log)
    worst = next(iter(failures), None)

    assert (worst.severity if worst else "") in ACCEPTED.get(case.severity, (case.severity,)), failures
    assert [one.signature for one in failures if one.severity == "page"][1:] == []
    if worst is None:
        return
    marked = worst.excerpt[worst.root_index] if worst.root_index is not None else ""
    assert not case.category or worst.category in case.category.split("|")
    assert case.marked in marked
    assert case.ranks == worst.ranks[: len(case.ranks)]
    assert case.hint in worst.hint


def test_each_kind_is_named_once() -> None:
    names = sorted(name for name, _ in CASES)
    assert [name for name, same in itertools.groupby(names) if len(list(same)) > 1] == []
