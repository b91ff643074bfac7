"""Diagnoses, rules and replays as Slack messages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.handlers.rules import rules_answer
from bot.commands.parsing.parser import parse
from bot.diagnosis.last_lines import LastLines
from bot.domain.alerts import ExcerptLine
from bot.domain.gaps import Part, gap_of
from bot.domain.jobs import JobState
from bot.errors import BudgetExhausted
from bot.rules.settings import AS_SHIPPED
from bot.slack.render.answers import render, render_shared
from tests.unit.commands.insights import DIAGNOSIS, QUIET, REPLAY
from tests.unit.slack.factories import NOW
from tests.unit.slack.insight_samples import INSIGHTS, RULES, huge
from tests.unit.slack.validity import buttons, problems, shown, table_rows


@pytest.mark.parametrize("name", INSIGHTS)
def test_it_is_a_valid_message(name: str) -> None:
    assert [] == problems(render(INSIGHTS[name]))
    assert [] == problems(render_shared(INSIGHTS[name]).root)


@pytest.mark.parametrize("name", ["diagnosis", "quiet", "rules", "replay"])
def test_share_runs_the_same_command_again(name: str) -> None:
    value = buttons(render(INSIGHTS[name]))["Share in channel"]
    assert parse(value)
    assert "Share in channel" not in buttons(render_shared(INSIGHTS[name]).root)


def test_a_diagnosis_shows_title_root_line_rank_time_hint_and_excerpt() -> None:
    text = shown(render(DIAGNOSIS))
    assert "🔴 *GPU out of memory &lt;!here&gt;*" in text
    assert "> torch.OutOfMemoryError: &lt;!channel&gt; red" in text
    assert "Rank 3 first, then 0, 1 · <!date^" in text
    assert "*Try:* Use a smaller batch. <https://example.org/oom|Read more>" in text
    assert "  step 7 loss 2.1\n▶ r3 torch.OutOfMemoryError" in text
    assert "*failed*" in text
    assert "2 secrets hidden" in text
    assert "mem went away in the middle." in text


def test_a_button_shows_the_lines_around_the_failure() -> None:
    assert "logs mem:run/1 --around 2026-03-13T11:55:00.000000000Z" == buttons(render(DIAGNOSIS))["Logs"]


def test_a_log_without_problems() -> None:
    assert "No known failure in 3,304 lines." in render(QUIET).text
    assert "The log is empty." in render(replace(QUIET, read=0)).text
    stopped = gap_of(BudgetExhausted("Stopped after 6 s and 120 requests without a log line."), Part.LOGS)
    text = render(replace(QUIET, read=0, start=NOW, gaps=(stopped,))).text
    assert "No lines were found before the search stopped." in text


def test_only_the_worst_failures_are_shown_in_full() -> None:
    text = shown(render(huge()))
    assert 3 == text.count("*Try:*")
    assert "more notes" in text


def test_rules_are_listed_with_their_parameters() -> None:
    rows = table_rows(render(RULES))
    assert [
        "🟠 low_gpu_utilization",
        "The utilization of a GPU stays below a threshold.\nthreshold=20% recovery=30% for=15m warmup=10m",
    ] in rows
    assert "🔴 hang (off)" in [row[0] for row in rows]
    assert "(off)" not in str(table_rows(render(rules_answer(AS_SHIPPED))))


def test_a_replay_lists_alerts_their_ends_and_quiet_rules() -> None:
    text = shown(render(REPLAY))
    assert "With the default settings: *2 alerts would have fired* <!date" in text
    assert "*GPU out of memory* · still firing at the end · `failure`\n> torch.OutOfMemoryError" in text
    assert "cleared after 4 min · `log_errors`" in text
    assert "Would not have fired: `hang`, `loss`" in text


LAST = LastLines((ExcerptLine("WARNING launcher: received SIGTERM", 1_773_396_000_000_000_000),), (
    ExcerptLine("WARNING launcher: received SIGTERM", 1_773_396_000_000_000_000),
    ExcerptLine("[rank3]: saving <!channel>", 1_773_396_001_000_000_000),
), 0, 1)  # fmt: skip


@pytest.mark.parametrize("state", [JobState.PREEMPTED, JobState.CANCELLED, JobState.FAILED, JobState.UNHEALTHY])
def test_a_dead_run_without_a_known_failure_shows_its_end(state: JobState) -> None:
    job = replace(QUIET.job, state=state, vendor_status="X", error="The spot instance was reclaimed.")
    message = render(replace(QUIET, job=job, diagnosis=replace(QUIET.diagnosis, last_lines=LAST)))
    text = shown(message)
    assert "✅" not in text
    assert "No known failure in 3,304 lines; 1 warning." in text
    assert "The spot instance was reclaimed." in text
    assert "received SIGTERM" in text
    assert "r3 saving &lt;!channel&gt;" in text
    assert state.value in message.text
    assert "The spot instance was reclaimed." in message.text


@pytest.mark.parametrize(("state", "has_tick"), [(JobState.RUNNING, True), (JobState.QUEUED, False)])
def test_only_a_healthy_run_gets_a_green_tick(state: JobState, has_tick: bool) -> None:
    answer = replace(QUIET, job=replace(QUIET.job, state=state, error=None))
    assert ("✅" in shown(render(answer))) is has_tick
    with_errors = replace(answer, diagnosis=replace(QUIET.diagnosis, last_lines=replace(LAST, errors=20)))
    assert "✅" not in shown(render(with_errors))
    assert "✅" not in shown(render(replace(answer, read=2)))
    assert "✅" not in shown(render(replace(answer, read=0)))
