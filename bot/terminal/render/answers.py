"""Every answer as something rich can print: for a terminal of any width, and without colours for a pipe. Pure.

Log lines that stream are written by `bot.terminal.log_lines`; `--json` is `bot.terminal.json_output`.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bot.commands.answers import Answer, ErrorAnswer
from bot.commands.parsing.formatting import shell_line
from bot.commands.subcommands.help import HelpAnswer
from bot.commands.subcommands.jobs import DiagnosisAnswer, JobsAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer
from bot.commands.subcommands.subscriptions import ListAnswer, SilenceAnswer, UnwatchAnswer, WatchAnswer
from bot.domain.checks import CheckResult
from bot.domain.durations import format_ago, format_duration
from bot.domain.subscriptions import Silence
from bot.domain.wording import plural
from bot.terminal.help import help_text
from bot.terminal.log_lines import LineFormat, LineFormatter, escape_controls
from bot.terminal.render.jobs import render_jobs, state_text
from bot.terminal.render.metrics import render_metrics, render_summaries
from bot.terminal.render.rules import render_insight


def render(answer: Answer) -> RenderableType:
    """The answer to any command."""
    match answer:
        case LogsAnswer():
            return _logs(answer)
        case MetricsAnswer():
            return render_metrics(answer)
        case StatusAnswer():
            return _status(answer)
        case DiagnosisAnswer() | RulesAnswer() | ReplayAnswer():
            return render_insight(answer)
        case JobsAnswer():
            return render_jobs(answer)
        case WatchAnswer():
            verb = "Watching" if answer.created else "Still watching, with new settings:"
            return f"{verb} {answer.subscription.job}"
        case UnwatchAnswer():
            return (
                Group(*(f"No longer watching {job}" for job in answer.jobs)) if answer.jobs else "Nothing was watched."
            )
        case ListAnswer():
            return _list(answer)
        case SilenceAnswer():
            return f"{'Ended' if answer.ended else 'Made'}: {_silence(answer.silence)}"
        case HelpAnswer():
            return Text(help_text(answer).rstrip("\n"))
        case ErrorAnswer():
            usage = [Text(f"usage: {answer.usage}", style="dim")] if answer.usage else []
            return Group(Text(escape_controls(answer.public), style="red"), *usage)


def render_checks(results: list[CheckResult]) -> RenderableType:
    """What was looked at, what was found and what to do about it."""
    rows = []
    for result in results:
        mark, style = ("ok  ", "green") if result.ok else ("FAIL", "bold red")
        rows.append(Text.assemble((mark, style), " ", (result.subject, "bold"), f": {escape_controls(result.found)}"))
        if result.remedy:
            rows += [Text(f"       {line}") for line in escape_controls(result.remedy).splitlines()]
    return Group(*rows)


def _logs(answer: LogsAnswer) -> RenderableType:
    lines = (
        Text.from_ansi(LineFormatter(LineFormat.COLOUR).text(answer.lines).rstrip("\n"))
        if answer.lines
        else Text("no lines")
    )
    notes = [f"{'some lines' if cut.lines is None else plural(cut.lines, 'line')} {cut.reason}" for cut in answer.cuts]
    notes += [f"{plural(answer.redacted, 'secret')} hidden"] if answer.redacted else []
    notes += [gap.public for gap in answer.gaps]
    notes += [f"older: {shell_line(answer.older)}"] if answer.older else []
    return Group(lines, *(Text(escape_controls(note), style="dim") for note in notes))


def _status(answer: StatusAnswer) -> RenderableType:
    job = answer.job
    rows: list[RenderableType] = [state_text(job, answer.at)]
    facts = [("id", str(job.ref)), ("page", job.url), ("by", job.user), *_resources(answer), *job.details]
    for label, value in facts:
        if value:
            rows.append(Text.assemble((f"  {label}: ", "dim"), escape_controls(value)))
    if job.error:
        rows.append(Text(f"  {escape_controls(job.error)}", style="red" if job.state.is_failure else "yellow"))
    rows += [Text(f"  firing: {alert.title} ({alert.id})", style="red") for incident in answer.incidents
             for alert in incident.alerts if alert.resolved_at is None]  # fmt: skip
    if answer.summaries:
        rows.append(render_summaries(answer.summaries, None))
    if answer.last_lines:
        rows += [Text("newest lines", style="dim")]
        rows.append(Text.from_ansi(LineFormatter(LineFormat.COLOUR).text(answer.last_lines).rstrip("\n")))
    rows += [Text(escape_controls(gap.public), style="yellow") for gap in answer.gaps]
    return Group(*rows)


def _resources(answer: StatusAnswer) -> list[tuple[str, str | None]]:
    given = answer.job.resources
    nodes = f"{given.node_count} x " if given.node_count and given.node_count > 1 else ""
    gpus = f"{given.gpu_count} x {given.gpu_type or 'GPU'}" if given.gpu_count else None
    parts = [part for part in (given.instance, gpus) if part]
    return [("runs on", nodes + ", ".join(parts) if parts else None)]


def _list(answer: ListAnswer) -> RenderableType:
    rows: list[RenderableType] = []
    for watched in answer.watched:
        state = state_text(watched.job, answer.at) if watched.job else Text(str(watched.subscription.job))
        seen = f", seen {format_ago(watched.seen_at, answer.at)}" if watched.seen_at else ", not seen yet"
        firing = f", {watched.firing} firing" if watched.firing else ""
        rows.append(Text.assemble(state, (seen + firing, "red" if watched.firing else "dim")))
    rows += [Text(f"muted: {_silence(silence)}", style="dim") for silence in answer.silences]
    return Group(*rows) if rows else Text("Nothing is watched here.")


def _silence(silence: Silence) -> str:
    what = ", ".join(f"{matcher.label} {matcher.value}" for matcher in silence.matchers) or "everything"
    span = format_duration(silence.ends_at - silence.created_at)
    why = f" ({escape_controls(silence.reason)})" if silence.reason else ""
    return f"silence {silence.id}: {what} for {span}{why}"
