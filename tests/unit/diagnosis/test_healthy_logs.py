"""Healthy runs are not reported as failed."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from tests.unit.diagnosis.healthy_logs import HEALTHY, QUIET


def severities(reader: PageScanner, log: str) -> dict[str, str]:
    diagnoser = Diagnoser(reader)
    diagnoser.feed_page(log.encode())
    return {incident.signature: incident.severity for incident in diagnoser.report().failures}


@pytest.mark.parametrize("log", [case[1] for case in HEALTHY], ids=[case[0] for case in HEALTHY])
def test_healthy_log_has_only_notes(reader: PageScanner, log: str) -> None:
    assert {name: severity for name, severity in severities(reader, log).items() if severity != "info"} == {}


@pytest.mark.parametrize("log", [case[1] for case in QUIET], ids=[case[0] for case in QUIET])
def test_recovered_or_minor_failure_is_a_warning(reader: PageScanner, log: str) -> None:
    assert set(severities(reader, log).values()) - {"info"} == {"warn"}
