"""Answers in a terminal: complete, at any width, without control characters, and references never cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands.subcommands.jobs import JobsAnswer, ProviderJobs, StatusAnswer
from bot.commands.subcommands.table import SharedAnswer
from bot.domain.checks import CheckResult
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION
from bot.terminal.render.answers import render_checks
from bot.terminal.render.screen import Screen
from bot.terminal.render.tables import Cell, Column, table_lines
from tests.fakes.provider import NOW
from tests.unit.terminal.samples import EVIL, GAP, JOB, LINE, METRICS, summary, text

STATUS = StatusAnswer(JOB, NOW, (LINE,), METRICS.summaries, (GAP,))
JOBS = JobsAnswer((ProviderJobs("mem", (JOB,)), ProviderJobs("other", problem=f"away {EVIL}"), ProviderJobs("third")))
ANSWERS: list[SharedAnswer] = [METRICS, STATUS, JOBS]
WIDTHS = [40, 60, 80, 120]
REFS = [
    JobRef("baseten", "p7qr9qv/h8gpu42"),
    JobRef("baseten-model", "model-abc1234/deployment-srv4ce1"),
    JobRef("rivergen", "churn-prediction-2026/high-learning-rate-sweep-of-november-run-c93f5a"),
]
LONG_JOBS = JobsAnswer(
    tuple(
        ProviderJobs(
            ref.provider, (Job(ref, JobState.UNHEALTHY, "X", name=f"a long name 学習ジョブ {ref.id}", created_at=NOW),)
        )
        for ref in REFS
    )
)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_answer_fits_the_width_without_control_characters(answer: SharedAnswer, width: int) -> None:
    shown = text(answer, width)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    if not isinstance(answer, StatusAnswer):  # log lines are not cut
        assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize("width", [*WIDTHS, 20, None])
def test_references_are_neither_wrapped_nor_cut(width: int | None) -> None:
    shown = text(LONG_JOBS, width)
    for ref in REFS:
        assert str(ref) in shown.split()
    for ref in REFS:
        status = text(StatusAnswer(Job(ref, JobState.FAILED, "X"), NOW), width)
        assert str(ref) in status.split()


@pytest.mark.parametrize("width", WIDTHS)
def test_rows_fit_unless_the_reference_alone_is_wider(width: int) -> None:
    for line in text(LONG_JOBS, width).splitlines():
        assert len(line) <= width or line in map(str, REFS)


def test_a_pipe_gets_whole_rows() -> None:
    rows = text(LONG_JOBS, None).splitlines()
    assert rows[0].split() == ["job", "state", "name", "created"]
    assert rows[3].startswith(f"{REFS[2]}  unhealthy  a long name 学習ジョブ {REFS[2].id}  2026-03-13 12:00")


def test_narrow_tables_leave_out_columns_then_shorten_then_stack() -> None:
    columns = (Column("ref"), Column("name", min_width=4), Column("age", drop=1))
    rows = [[Cell("p:123"), Cell("abcdefgh"), Cell("2 days")]]
    assert table_lines(columns, rows, Screen(23)) == ["ref    name      age", "p:123  abcdefgh  2 days"]
    assert table_lines(columns, rows, Screen(20)) == ["ref    name", "p:123  abcdefgh"]
    assert table_lines(columns, rows, Screen(12)) == ["ref    name", "p:123  abcd…"]
    assert table_lines(columns, rows, Screen(10)) == ["ref", "  name", "p:123", "  abcdefgh"]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: type(one).__name__)
def test_markup_in_foreign_text_is_shown_as_text(answer: SharedAnswer) -> None:
    assert "[bold]x[/bold]" in text(answer, 200)


def test_states_and_levels_have_colours() -> None:
    shown = text(STATUS, colour=True)
    assert "\x1b[1;32mrunning" in shown
    assert "\x1b[31m" in shown


CLIMB = replace(
    METRICS,
    summaries=tuple(
        made
        for gpu in range(8)
        for made in (
            summary(GPU_UTILIZATION, 0.86, 0.95, gpu=gpu, node=f"oom3r8x-{gpu // 4}"),
            summary(GPU_MEMORY, *((value if gpu == 3 else 70.0) * 2.0**30 for value in (75, 76, 77, 78, 79)),
                    gpu=gpu, limit=79.6 * 2.0**30, node=f"oom3r8x-{gpu // 4}"),
        )
    ),
    gaps=(),
    missing=(),
)  # fmt: skip


def test_metrics_start_with_one_line_for_each_node() -> None:
    rows = text(CLIMB, 80).splitlines()
    assert rows[2] == "Lowest/mean/highest sample over the GPUs of each node"
    assert rows[4].split("  ")[0] == "oom3r8x-0"
    assert "86/90/95 %" in rows[4]
    assert "70.0/71.8/79.0 of 79.6 GiB" in rows[4]
    assert "oom3r8x-1" in rows[5]
    assert rows[-1] == "Add --gpus for each GPU."


def test_a_climb_to_the_limit_is_visible() -> None:
    rows = text(replace(CLIMB, pinned=replace(CLIMB.pinned, gpus=True)), 80).splitlines()
    memory = rows[next(at for at, row in enumerate(rows) if row.startswith("gpu memory used")) :]
    climbing = next(row for row in memory if "oom3r8x-0 gpu 3" in row)
    steady = next(row for row in memory if "oom3r8x-0 gpu 2" in row)
    assert climbing.split()[-1] == "▂▃▅▆█"
    assert steady.split()[-1] == "▁▁▁▁▁"


def test_node_summary_keeps_its_figures_at_any_width() -> None:
    for width in (40, 60, 80, 120):
        shown = text(CLIMB, width)
        assert "86/90/95 %" in shown
        assert "70.0/71.8/79.0 of 79.6 GiB" in shown


def test_each_gpu_is_listed_on_demand_sorted_by_number_with_unit_and_limit() -> None:
    shown = text(replace(METRICS, pinned=replace(METRICS.pinned, gpus=True)), 120)
    rows = shown.splitlines()
    titles = [row.split("  ")[0] for row in rows if " last " in row]
    assert titles == ["gpu utilization", "gpu memory used", "loss"]
    assert [row.split("  ")[0] for row in rows if row.startswith("gpu ") and " last " not in row] == [
        "gpu 2",
        "gpu 10",
        "gpu 0",
    ]
    memory = next(row for row in rows if row.startswith("gpu 0 "))
    assert memory.split()[-4:-1] == ["64.0", "80.0", "GiB"]
    assert "0.01234" in shown
    assert "No samples of cpu usage." in shown


def test_missing_samples_are_drawn_as_a_gap() -> None:
    shown = text(replace(METRICS, pinned=replace(METRICS.pinned, gpus=True)), 120)
    row = next(row for row in shown.splitlines() if "gpu 10" in row)
    assert "▅▅▅▅····████" in row


def test_failed_check_shows_the_fix() -> None:
    results = [CheckResult("Database", True, "sqlite"), CheckResult("mem", False, "no key", "Set MEM_API_KEY.")]
    assert render_checks(results, Screen()) == "ok   Database: sqlite\nFAIL mem: no key\n       Set MEM_API_KEY.\n"
