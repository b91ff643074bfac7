"""Diagnoses, rules and replays as something rich can print. The report itself is `bot.terminal.report`. Pure."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bot.commands.subcommands.jobs import DiagnosisAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer, RuleShown
from bot.domain.alerts import Severity
from bot.domain.durations import format_duration
from bot.domain.wording import plural
from bot.rules.replay import Replayed
from bot.terminal.log_lines import escape_controls
from bot.terminal.render.jobs import state_text
from bot.terminal.report import report_text

_STYLES = {Severity.PAGE: "bold red", Severity.WARN: "bold yellow", Severity.INFO: "blue"}


def render_insight(answer: DiagnosisAnswer | RulesAnswer | ReplayAnswer) -> RenderableType:
    """What a log means, which rules there are, what they would have said."""
    match answer:
        case DiagnosisAnswer():
            return render_diagnosis(answer)
        case RulesAnswer():
            return render_rules(answer)
        case ReplayAnswer():
            return render_replay(answer)


def render_diagnosis(answer: DiagnosisAnswer) -> RenderableType:
    """The job's state, and the report on its log."""
    start = f"{answer.start:%Y-%m-%d %H:%M:%S}" if answer.start else "its beginning"
    notes = [f"log from {start} to {answer.end:%Y-%m-%d %H:%M:%S} UTC; line numbers count from there"]
    notes += [f"{plural(answer.redacted, 'secret')} hidden"] if answer.redacted else []
    return Group(
        state_text(answer.job, answer.end),
        Text(),
        Text.from_ansi(report_text(answer.diagnosis, colour=True)),
        *(Text(note, style="dim") for note in notes),
        *(Text(escape_controls(gap.public), style="yellow") for gap in answer.gaps),
    )


def render_rules(answer: RulesAnswer) -> RenderableType:
    """Every rule, and what may be set of it."""
    rows = [row for rule in answer.rules for row in _rule(rule)]
    return Group(*rows, Text("set them behind `watch` or `rules test`: rule.parameter=value, rule=off", style="dim"))


def render_replay(answer: ReplayAnswer) -> RenderableType:
    """Which alerts would have fired and when each would have ended."""
    count = plural(len(answer.alerts), "alert") if answer.alerts else "no alert"
    span = f"{answer.start:%Y-%m-%d %H:%M} to {answer.end:%Y-%m-%d %H:%M} UTC"
    rows: list[Text] = [
        Text.assemble((escape_controls(answer.job.name or str(answer.job.ref)), "bold"), f": {count} from {span}"),
        Text(f"{plural(answer.read, 'line')} read, looked at every {format_duration(answer.step)}", style="dim"),
        Text(),
    ]
    for one in answer.alerts:
        rows += _replayed(one)
    rows += [Text(f"would have said nothing: {', '.join(answer.quiet)}", style="dim")] if answer.quiet else []
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
        took = format_duration(one.resolved_at - one.fired_at)
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
    more = f"; updated {one.updates} times" if one.updates else ""
    return [*rows, Text(f"    {end}{more}", style="dim"), Text()]
