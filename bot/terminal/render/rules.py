"""Render diagnoses, rules and replays for a terminal. Pure.

The report of a diagnosis is in `bot.terminal.report`.
"""

from rich.console import Group, RenderableType
from rich.text import Text

from bot.commands.subcommands.jobs import DiagnosisAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer, RuleShown
from bot.domain.alerts import Severity
from bot.domain.durations import spoken_duration
from bot.domain.wording import plural
from bot.rules.replay import Replayed
from bot.terminal.log_lines import escape_controls
from bot.terminal.render.jobs import state_text
from bot.terminal.report import report_text

_STYLES = {Severity.PAGE: "bold red", Severity.WARN: "bold yellow", Severity.INFO: "blue"}


def render_diagnosis(answer: DiagnosisAnswer) -> RenderableType:
    """Render the job's state and the report on its log."""
    start = f"{answer.start:%Y-%m-%d %H:%M:%S}" if answer.start else "its start"
    notes = [f"Log from {start} to {answer.end:%Y-%m-%d %H:%M:%S} UTC. Line 1 is the first line in this range."]
    notes += [f"{plural(answer.redacted, 'secret')} hidden."] if answer.redacted else []
    return Group(
        state_text(answer.job, answer.end),
        Text(),
        Text.from_ansi(report_text(answer.diagnosis, colour=True)),
        *(Text(note, style="dim") for note in notes),
        *(Text(escape_controls(gap.public), style="yellow") for gap in answer.gaps),
    )


def render_rules(answer: RulesAnswer) -> RenderableType:
    """Render every rule with its parameters."""
    rows = [row for rule in answer.rules for row in _rule(rule)]
    return Group(
        *rows, Text("To change settings, add rule.parameter=value or rule=off to `watch` or `rules test`.", style="dim")
    )


def render_replay(answer: ReplayAnswer) -> RenderableType:
    """Render the alerts that would have fired, and when each would have ended."""
    count = plural(len(answer.alerts), "alert") if answer.alerts else "no alerts"
    span = f"{answer.start:%Y-%m-%d %H:%M} to {answer.end:%Y-%m-%d %H:%M} UTC"
    rows: list[Text] = [
        Text.assemble((escape_controls(answer.job.name or str(answer.job.ref)), "bold"), f": {count} from {span}"),
        Text(f"{plural(answer.read, 'line')} read, evaluated every {spoken_duration(answer.step)}", style="dim"),
        Text(),
    ]
    for one in answer.alerts:
        rows += _replayed(one)
    rows += [Text(f"Rules that would not have fired: {', '.join(answer.quiet)}", style="dim")] if answer.quiet else []
    rows += [Text(note, style="dim") for note in answer.notes]
    return Group(*rows, *(Text(escape_controls(gap.public), style="yellow") for gap in answer.gaps))


def _rule(rule: RuleShown) -> list[Text]:
    state = "" if rule.is_on else ", off"
    rows = [Text.assemble((rule.name, "bold"), f" ({rule.severity}{state}): {rule.help}")]
    rows += [Text(f"    {rule.name}.{name}={value}  {meaning}") for name, value, meaning in rule.parameters]
    return rows


def _replayed(one: Replayed) -> list[Text]:
    if one.resolved_at is None:
        end = "still firing at the end"
    else:
        took = spoken_duration(one.resolved_at - one.fired_at)
        end = f"{one.resolution} at {one.resolved_at:%m-%d %H:%M:%S}, after {took}"
    head = Text.assemble(
        f"{one.fired_at:%m-%d %H:%M:%S}  ",
        (one.severity.value.upper(), _STYLES[one.severity]),
        "  ",
        (escape_controls(one.title), "bold"),
        f"  ({one.rule})",
    )
    rows = [head]
    if one.evidence.summary.rstrip(".") != one.title:
        rows.append(Text(f"    {escape_controls(one.evidence.summary)}"))
    updates = f", {plural(one.updates, 'update')}" if one.updates else ""
    return [*rows, Text(f"    {end}{updates}", style="dim"), Text()]
