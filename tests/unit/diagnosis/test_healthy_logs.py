"""Knowing when not to speak."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from tests.unit.diagnosis.healthy_logs import HEALTHY, QUIET


def severities(reader: PageScanner, log: str) -> dict[str, str]:
    diagnoser = Diagnoser(reader)
    diagnoser.feed_page(log.encode())
    return {incident.signature: incident.severity for incident in diagnoser.report().failures}


@pytest.mark.parametrize("log", [case[1] for case in HEALTHY], ids=[case[0] for case in HEALTHY])
def test_a_healthy_log_says_nothing_above_a_note(reader: PageScanner, log: str) -> None:
    assert {name: told for name, told in severities(reader, log).items() if told != "info"} == {}


@pytest.mark.parametrize("log", [case[1] for case in QUIET], ids=[case[0] for case in QUIET])
def test_what_is_worth_knowing_is_a_warning_and_no_page(reader: PageScanner, log: str) -> None:
    assert set(severities(reader, log).values()) - {"info"} == {"warn"}
