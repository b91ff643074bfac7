"""A small run of `make chaos`: the real bot is killed and its connections break, and nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.driver import Plan, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize("with_history", [True, False], ids=["with history", "without history"])
async def test_chaos_loses_and_doubles_nothing(tmp_path: Path, with_history: bool) -> None:
    plan = Plan(incidents=40, channels=10, with_history=with_history)

    report = await run(plan, f"sqlite:///{tmp_path}/chaos.db", tmp_path)

    assert report.is_settled
    assert (report.incidents, report.kills > 0, report.faults.total() > 0) == (40, True, True)
    assert report.verdict.is_perfect, report
