"""Render the answer to any command for a terminal: for people, or as JSON. Pure.

Log lines that stream are written by `bot.terminal.log_lines`.
"""

from rich.console import Group, RenderableType
from rich.text import Text

from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.commands.subcommands.table import SharedAnswer
from bot.domain.checks import CheckResult
from bot.terminal.json_output import (
    diagnosis_json,
    jobs_json,
    json_text,
    metrics_json,
    replay_json,
    rules_json,
    status_json,
)
from bot.terminal.log_lines import LineFormat, LineFormatter, escape_controls
from bot.terminal.render.jobs import render_jobs, state_text
from bot.terminal.render.metrics import render_metrics, render_summaries
from bot.terminal.render.rules import render_diagnosis, render_replay, render_rules


def render(answer: SharedAnswer, *, json: bool = False) -> RenderableType:
    """Render an answer for people, at any width, or as the text of a JSON document."""
    match answer:
        case MetricsAnswer():
            return json_text(metrics_json(answer)) if json else render_metrics(answer)
        case StatusAnswer():
            return json_text(status_json(answer)) if json else _status(answer)
        case DiagnosisAnswer():
            return json_text(diagnosis_json(answer)) if json else render_diagnosis(answer)
        case JobsAnswer():
            return json_text(jobs_json(answer)) if json else render_jobs(answer)
        case RulesAnswer():
            return json_text(rules_json(answer)) if json else render_rules(answer)
        case ReplayAnswer():
            return json_text(replay_json(answer)) if json else render_replay(answer)


def render_checks(results: list[CheckResult]) -> RenderableType:
    """Render check results, each with its remedy."""
    rows = []
    for result in results:
        mark, style = ("ok  ", "green") if result.ok else ("FAIL", "bold red")
        rows.append(Text.assemble((mark, style), " ", (result.subject, "bold"), f": {escape_controls(result.found)}"))
        if result.remedy:
            rows += [Text(f"       {line}") for line in escape_controls(result.remedy).splitlines()]
    return Group(*rows)


def _status(answer: StatusAnswer) -> RenderableType:
    job = answer.job
    rows: list[RenderableType] = [state_text(job, answer.at)]
    facts = [("id", str(job.ref)), ("page", job.url), ("by", job.user), *_resources(answer), *job.details]
    for label, value in facts:
        if value:
            rows.append(Text.assemble((f"  {label}: ", "dim"), escape_controls(value)))
    if job.error:
        rows.append(Text(f"  {escape_controls(job.error)}", style="red" if job.state.is_failure else "yellow"))
    if answer.summaries:
        rows.append(render_summaries(answer.summaries, None))
    if answer.last_lines:
        rows += [Text("newest lines", style="dim")]
        rows.append(Text.from_ansi(LineFormatter(LineFormat.COLOUR).text(answer.last_lines).rstrip("\n")))
    rows += [Text(escape_controls(gap.public), style="yellow") for gap in answer.gaps]
    return Group(*rows)


def _resources(answer: StatusAnswer) -> list[tuple[str, str | None]]:
    resources = answer.job.resources
    nodes = f"{resources.node_count} x " if resources.node_count and resources.node_count > 1 else ""
    gpus = f"{resources.gpu_count} x {resources.gpu_type or 'GPU'}" if resources.gpu_count else None
    parts = [part for part in (resources.instance, gpus) if part]
    return [("runs on", nodes + ", ".join(parts) if parts else None)]
