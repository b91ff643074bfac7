"""Render the answer to any command for a terminal: for people, or as JSON. Pure.

Log lines that stream are written by `bot.terminal.log_lines`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.commands.subcommands.table import SharedAnswer
from bot.domain.checks import CheckResult
from bot.domain.job_ends import describe_end, describe_search
from bot.domain.progress import summary_text
from bot.domain.serving import serving_sentence
from bot.domain.wording import plural
from bot.terminal.json_output import jobs_json, json_text, metrics_json, status_json
from bot.terminal.log_lines import LineFormat, LineFormatter
from bot.terminal.render.jobs import render_jobs, state_lines
from bot.terminal.render.screen import BOLD, BOLD_RED, DIM, GREEN, RED, YELLOW, Screen, join_lines, plain_line

if TYPE_CHECKING:  # most answers need no evidence
    from bot.domain.alerts import Evidence


def render(answer: SharedAnswer, screen: Screen, *, json: bool = False) -> str:
    """Render an answer for people, at any width, or as a JSON document."""
    match answer:
        case MetricsAnswer():
            from bot.terminal.render.metrics import render_metrics  # noqa: PLC0415 - other answers start faster

            return json_text(metrics_json(answer)) if json else render_metrics(answer, screen)
        case StatusAnswer():
            return json_text(status_json(answer)) if json else _status(answer, screen)
        case JobsAnswer():
            return json_text(jobs_json(answer)) if json else render_jobs(answer, screen)
        case DiagnosisAnswer() | RulesAnswer() | ReplayAnswer():
            from bot.terminal.render.rules import render_insight  # noqa: PLC0415 - as above

            return render_insight(answer, screen, json=json)


def render_checks(results: list[CheckResult], screen: Screen) -> str:
    """Render check results, each with its remedy."""
    lines = []
    for result in results:
        mark = screen.paint("ok  ", GREEN) if result.ok else screen.paint("FAIL", BOLD_RED)
        lines.append(f"{mark} {screen.paint(plain_line(result.subject), BOLD)}: {plain_line(result.found)}")
        for line in (result.remedy or "").splitlines():
            lines += screen.wrap(line, " " * 7)
    return join_lines(lines)


def _status(answer: StatusAnswer, screen: Screen) -> str:
    job = answer.job
    lines = state_lines(job, answer.at, screen)
    facts = [
        ("id", str(job.ref)),
        ("page", job.url),
        ("by", job.user),
        ("runs on", job.resources.to_text()),
        *job.details,
    ]
    lines += [f"  {screen.paint(f'{plain_line(label)}:', DIM)} {plain_line(value)}" for label, value in facts if value]
    if answer.progress and (progress := summary_text(answer.progress, _ended_at(answer))):
        lines += screen.wrap(progress, "  ")
    if answer.cause is not None:
        lines += _cause(answer.cause, answer.cause_lines, screen)
    elif end := describe_end(job) or job.error:
        lines += screen.wrap(end, "  ", RED if job.state.is_failure else YELLOW)
    if answer.has_no_known_cause:
        lines += screen.wrap(describe_search(answer.cause_lines), "  ", DIM)
    if serving := serving_sentence(answer.summaries):
        lines += screen.wrap(serving, "  ")
    if answer.summaries:
        from bot.terminal.render.metrics import node_lines  # noqa: PLC0415 - as above

        lines += node_lines(answer.summaries, screen)
    if screen.width is not None and (drawn := [*answer.curves, *(one.series for one in answer.summaries)]):
        from bot.terminal.render.metric_plots import plot_metrics, sampled_window  # noqa: PLC0415 - as above

        lines += plot_metrics(drawn, sampled_window(drawn) or (answer.at, answer.at), screen, compact=True)
    if answer.last_lines and answer.cause is None:
        line_format = LineFormat.COLOUR if screen.colour else LineFormat.PLAIN_SCREEN
        newest = LineFormatter(line_format).text(answer.last_lines)
        lines += [
            screen.paint("newest lines", DIM),
            *newest.splitlines(),
        ]
    for gap in answer.gaps:
        lines += screen.wrap(gap.public, style=YELLOW)
    return join_lines(lines)


def _ended_at(answer: StatusAnswer) -> datetime | None:
    return (answer.job.ended_at or answer.at) if answer.job.state.is_terminal else None


def _cause(cause: Evidence, read: int | None, screen: Screen) -> list[str]:
    """What broke, on which rank, the line that shows it, and how much of the log was read."""
    facts = ((label, value) for label, value in cause.facts if label in ("Rank", "Replica"))
    ranks = next((f" ({label.lower()} {value})" for label, value in facts), "")
    lines = screen.wrap(f"{cause.title}{ranks}", "  ", BOLD_RED)
    lines += screen.wrap(cause.summary, "  ", RED) if cause.summary else []
    note = f"From the last {plural(read, 'line')}; `diagnose` reads the whole log." if read is not None else ""
    return lines + (screen.wrap(note, "  ", DIM) if note else [])
