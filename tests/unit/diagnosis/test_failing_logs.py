"""A failed run is one page of the expected category."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from tests.unit.diagnosis.failing_logs import FAILING


@pytest.mark.parametrize(("category", "log"), [case[1:] for case in FAILING], ids=[case[0] for case in FAILING])
def test_failure_is_one_page_of_expected_category(scanner: PageScanner, category: str, log: str) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(log.encode())

    pages = [failure for failure in diagnoser.report().failures if failure.severity == "page"]

    assert [failure.category for failure in pages] == [category]
    assert pages[0].hint.rpartition(" ")[2].startswith("https://")
    assert 1 <= pages[0].line <= log.count("\n") + log.count("\r") + 1
