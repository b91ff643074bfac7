"""Healthy runs are not reported as failed."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from tests.unit.diagnosis.healthy_logs import HEALTHY, QUIET


def severities(scanner: PageScanner, log: str) -> dict[str, str]:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(log.encode())
    return {failure.signature: failure.severity for failure in diagnoser.report().failures}


@pytest.mark.parametrize("log", [case[1] for case in HEALTHY], ids=[case[0] for case in HEALTHY])
def test_healthy_log_has_only_notes(scanner: PageScanner, log: str) -> None:
    assert {name: severity for name, severity in severities(scanner, log).items() if severity != "info"} == {}


@pytest.mark.parametrize("log", [case[1] for case in QUIET], ids=[case[0] for case in QUIET])
def test_recovered_or_minor_failure_is_a_warning(scanner: PageScanner, log: str) -> None:
    assert set(severities(scanner, log).values()) - {"info"} == {"warn"}
