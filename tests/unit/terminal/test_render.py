"""Answers in a terminal: complete, at any width, without control characters."""

from __future__ import annotations

import pytest

from bot.commands.subcommands.jobs import JobsAnswer, ProviderJobs, StatusAnswer
from bot.commands.subcommands.table import SharedAnswer
from bot.domain.checks import CheckResult
from bot.terminal.render.answers import render, render_checks
from tests.fakes.provider import NOW
from tests.unit.terminal.samples import EVIL, GAP, JOB, LINE, METRICS, text

STATUS = StatusAnswer(JOB, NOW, (LINE,), METRICS.summaries, (GAP,))
JOBS = JobsAnswer((ProviderJobs("mem", (JOB,)), ProviderJobs("other", problem=f"away {EVIL}"), ProviderJobs("third")))
ANSWERS: list[SharedAnswer] = [METRICS, STATUS, JOBS]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("width", [38, 100])
def test_every_answer_fits_the_width_without_control_characters(answer: SharedAnswer, width: int) -> None:
    shown = text(render(answer), width)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    if not isinstance(answer, StatusAnswer):
        assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: type(one).__name__)
def test_markup_in_foreign_text_is_shown_as_text(answer: SharedAnswer) -> None:
    assert "[bold]x[/bold]" in text(render(answer), 200)


def test_states_and_levels_have_colours() -> None:
    shown = text(render(STATUS), colour=True)
    assert "\x1b[1;32mrunning" in shown
    assert "\x1b[31m" in shown


def test_metrics_are_sorted_by_gpu_number_with_unit_and_limit() -> None:
    rows = text(render(METRICS), 120).splitlines()
    labels = [row.split("  ")[0] for row in rows[3:7]]
    assert labels == ["gpu utilization gpu 2", "gpu utilization gpu 10", "gpu memory used gpu 0", "loss"]
    assert rows[5].split()[-3:] == ["64.0", "80.0", "GiB"]
    assert rows[6].split()[-1] == "0.01234"
    assert "No samples of cpu usage." in text(render(METRICS), 120)


def test_missing_samples_are_drawn_as_a_gap() -> None:
    row = next(row for row in text(render(METRICS), 120).splitlines() if "gpu 10" in row)
    assert "▅▅▅▅▅▅▅▅········████████" in row


def test_failed_check_shows_the_fix() -> None:
    results = [CheckResult("Database", True, "sqlite"), CheckResult("mem", False, "no key", "Set MEM_API_KEY.")]
    assert text(render_checks(results)) == "ok   Database: sqlite\nFAIL mem: no key\n       Set MEM_API_KEY.\n"
