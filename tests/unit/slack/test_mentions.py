"""Mentions in alerts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.jobs import JobState
from bot.slack.render.incident_root import render_root
from bot.slack.render.mentions import Mentioned, mention, with_mentions
from bot.slack.render.message import message
from tests.unit.slack.factories import HOSTILE, at, failed, incident, job
from tests.unit.slack.validity import problems, shown


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("U0ADA", "<@U0ADA>"),
        ("S0ONCALL", "<!subteam^S0ONCALL>"),
        ("here", "<!here>"),
        ("channel", "<!channel>"),
        ("everyone", "everyone"),
        ("<!everyone>", "&lt;!everyone&gt;"),
    ],
)
def test_only_ids_and_chosen_broadcasts_become_mentions(target: str, expected: str) -> None:
    assert mention(target) == expected


def test_a_root_says_in_one_line_whom_it_mentions_and_that_nobody_has_it() -> None:
    ended = replace(incident(failed(), of=job(JobState.FAILED)), resolved_at=at(2))

    root = render_root(ended, Mentioned(("S0ONCALL", "S0ONCALL"), "U0BEN"))

    line = "<!subteam^S0ONCALL> · started by <@U0BEN> · nobody has acknowledged it"
    assert line in shown(root).splitlines()
    assert root.text.endswith(line)
    assert "Started by <@U0BEN> · nobody" in shown(render_root(ended, Mentioned(owner="U0BEN")))
    assert shown(render_root(ended)).count("obody has acknowledged it") == 1


def test_mentions_fit_into_a_message_without_a_paragraph_and_are_escaped() -> None:
    answer = with_mentions(message("x", []), Mentioned((HOSTILE,), HOSTILE))

    assert [] == problems(answer)
