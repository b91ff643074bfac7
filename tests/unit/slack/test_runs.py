"""Messages about runs."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.slack.render.alerts import render_notification
from tests.unit.slack.run_samples import BOARDS, RUNS
from tests.unit.slack.validity import problems, shown

LINKS = {"inc-1": "https://team.slack.com/archives/C1/p15"}


@pytest.mark.parametrize("case", [*RUNS, *BOARDS])
def test_rendering_matches_snapshot(case: str, json_snapshot: SnapshotAssertion) -> None:
    message = render_notification((RUNS | BOARDS)[case], links=LINKS)

    assert [] == problems(message)
    assert json_snapshot == message.payload()


@pytest.mark.parametrize("case", ["running_with_problems", "failed", "failed_summary"])
def test_a_problem_is_named_once_and_links_to_its_incident(case: str) -> None:
    text = shown(render_notification(RUNS[case], links=LINKS))

    assert text.count("<https://team.slack.com/archives/C1/p15|Loss became NaN>") == 1
    assert text.count("~GPUs idle~") == 1


@pytest.mark.parametrize("case", RUNS)
def test_spoken_text_has_no_markup(case: str) -> None:
    assert not set("*`<>") & set(render_notification(RUNS[case], links=LINKS).text)
