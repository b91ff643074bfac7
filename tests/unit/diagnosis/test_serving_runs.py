"""Healthy servers in ten styles have no page; the slow tier reads a million lines in all."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner
from tests.unit.diagnosis.serving_runs import SERVERS, serving


def alerts(scanner: PageScanner, server: str, lines: int) -> list[Failure]:
    diagnoser = Diagnoser(scanner)
    chunk: list[str] = []
    for line in serving(server, lines, seed=len(server)):
        chunk.append(line)
        if len(chunk) == 20_000:
            diagnoser.feed_page(("\n".join(chunk) + "\n").encode())
            chunk.clear()
    diagnoser.feed_page(("\n".join(chunk) + "\n").encode())
    return [one for one in diagnoser.report().failures if one.severity != "info"]


@pytest.mark.parametrize("server", SERVERS)
def test_healthy_server_has_no_page(scanner: PageScanner, server: str) -> None:
    assert [] == [one for one in alerts(scanner, server, 5000) if one.severity == "page"]


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_healthy_server_of_hundred_thousand_lines_has_no_page(scanner: PageScanner, server: str) -> None:
    assert [] == [one for one in alerts(scanner, server, 100_000) if one.severity == "page"]
