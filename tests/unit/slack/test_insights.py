"""Diagnoses, rules and replays in Slack: what is said, within every limit, and nothing foreign in it is obeyed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands.answers import Answer
from bot.commands.handlers.rules import rules_answer
from bot.commands.parsing import parser as grammar
from bot.commands.subcommands.jobs import DiagnosisAnswer
from bot.diagnosis.findings import Diagnosis
from bot.rules.settings import AS_SHIPPED, parse_settings
from bot.slack.render.answers import render, render_shared
from tests.fakes.provider import NOW
from tests.unit.commands.insights import DIAGNOSIS, FIRED, OOM, QUIET, REPLAY
from tests.unit.slack.factories import HOSTILE
from tests.unit.slack.validity import buttons, problems, shown

RULES = rules_answer(parse_settings(["hang=off"]))


def huge() -> DiagnosisAnswer:
    """More of everything than fits, and all of it hostile."""
    one = replace(
        OOM, title=HOSTILE * 20, why=HOSTILE * 20, hint=HOSTILE * 20, ranks=("w " + HOSTILE, *range(1024)),
        excerpt=(HOSTILE * 10,) * 7, root_index=4,
    )  # fmt: skip
    severities = ["page", "page", "warn", "warn", *["info"] * 40]
    incidents = tuple(replace(one, severity=severity) for severity in severities)  # type: ignore[arg-type]
    return replace(DIAGNOSIS, diagnosis=Diagnosis(incidents, 10**9, DIAGNOSIS.diagnosis.progress))


EVIL_ALERT = replace(
    FIRED, title=HOSTILE * 20, evidence=replace(FIRED.evidence, summary=HOSTILE * 50), fired_at=NOW - timedelta(days=1)
)
CASES: dict[str, Answer] = {
    "diagnosis": DIAGNOSIS,
    "quiet": QUIET,
    "huge": huge(),
    "rules": RULES,
    "replay": REPLAY,
    "replay_quiet": replace(REPLAY, alerts=()),
    "replay_huge": replace(REPLAY, alerts=(EVIL_ALERT,) * 300, notes=(HOSTILE,)),
}


@pytest.mark.parametrize("name", CASES)
def test_slack_takes_it_and_nothing_in_it_is_obeyed(name: str) -> None:
    assert [] == problems(render(CASES[name]))
    assert [] == problems(render_shared(CASES[name]).root)


@pytest.mark.parametrize("name", ["diagnosis", "quiet", "rules", "replay"])
def test_sharing_runs_the_same_command_again(name: str) -> None:
    value = buttons(render(CASES[name]))["Share in channel"]
    grammar.parse(value)
    assert "Share in channel" not in buttons(render_shared(CASES[name]).root)


def test_a_diagnosis_says_title_root_line_rank_time_what_to_try_and_marks_the_root() -> None:
    text = shown(render(DIAGNOSIS))
    assert "🔴 *GPU out of memory &lt;!here&gt;*" in text
    assert "> [rank3]: torch.OutOfMemoryError: &lt;!channel&gt; red" in text
    assert "Rank 3 first, then 0, 1 · <!date^" in text
    assert "*Try:* Use a smaller batch. <https://example.org/oom|Read more>" in text
    assert "  step 7 loss 2.1\n▶ [rank3]: torch.OutOfMemoryError" in text
    assert "*failed*" in text
    assert "2 secrets hidden" in text
    assert "mem went away in the middle." in text


def test_the_lines_around_it_are_one_click_away() -> None:
    assert (
        "logs mem:run/1 --start 2026-03-13T11:50:00Z --end 2026-03-13T11:56:00Z"
        == buttons(render(DIAGNOSIS))["Logs around it"]
    )


def test_a_quiet_log_says_so() -> None:
    assert "Nothing in its log needs you." in render(QUIET).text
    assert "Its log holds no lines." in render(replace(QUIET, read=0)).text


def test_only_the_worst_are_told_in_full() -> None:
    text = shown(render(huge()))
    assert 3 == text.count("*Try:*")
    assert "more notes" in text


def test_rules_are_listed_with_their_parameters() -> None:
    text = shown(render(RULES))
    assert "*low_gpu_utilization* The utilization of a GPU stays below a threshold." in text
    assert "`threshold=20%, recovery=30%, for=15m, warmup=10m`" in text
    assert "*hang* · *off*" in text
    assert "*off*" not in shown(render(rules_answer(AS_SHIPPED)))


def test_a_replay_says_what_would_have_fired_when_it_would_have_ended_and_what_was_quiet() -> None:
    text = shown(render(REPLAY))
    assert "*2 alerts from 12 Mar 12:00 UTC to 13 Mar 12:00 UTC*" in text
    assert "*GPU out of memory* · still firing at the end · `failure`\n> torch.OutOfMemoryError" in text
    assert "cleared after 4m · `log_errors`" in text
    assert "Nothing from `hang`, `loss`" in text
