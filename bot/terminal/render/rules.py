"""Render diagnoses, rules and replays for a terminal. Pure.

The report of a diagnosis is in `bot.terminal.report`.
"""

from bot.commands.subcommands.jobs import DiagnosisAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer, RuleShown
from bot.domain.alerts import Severity
from bot.domain.durations import spoken_duration
from bot.domain.job_ends import describe_end, ended_badly
from bot.domain.wording import plural
from bot.rules.diagnosis_wording import summary_in_utc
from bot.rules.nothing_found import explains_end
from bot.rules.replay import Replayed
from bot.terminal.json_output import diagnosis_json, json_text, replay_json, rules_json
from bot.terminal.render.jobs import state_lines
from bot.terminal.render.screen import BLUE, BOLD, BOLD_RED, BOLD_YELLOW, DIM, RED, YELLOW, Screen, join_lines
from bot.terminal.report import report_text

_STYLES = {Severity.PAGE: BOLD_RED, Severity.WARN: BOLD_YELLOW, Severity.INFO: BLUE}
_REPORT_WIDTH = 100
_INDENT = "    "


def render_insight(answer: DiagnosisAnswer | RulesAnswer | ReplayAnswer, screen: Screen, *, json: bool) -> str:
    """Render what the rules or the diagnosis found, for people or as a JSON document."""
    match answer:
        case DiagnosisAnswer():
            return json_text(diagnosis_json(answer)) if json else render_diagnosis(answer, screen)
        case RulesAnswer():
            return json_text(rules_json(answer)) if json else render_rules(answer, screen)
        case ReplayAnswer():
            return json_text(replay_json(answer)) if json else render_replay(answer, screen)


def render_diagnosis(answer: DiagnosisAnswer, screen: Screen) -> str:
    """Render the job's state and the report on its log."""
    start = f"{answer.start:%Y-%m-%d %H:%M:%S}" if answer.start else "its start"
    notes = [f"Log from {start} to {answer.end:%Y-%m-%d %H:%M:%S} UTC. Line 1 is the first line in this range."]
    notes += [f"{plural(answer.redacted, 'secret')} hidden."] if answer.redacted else []
    width = min(screen.width or _REPORT_WIDTH, _REPORT_WIDTH)
    has_ended = ended_badly(answer.job.state)
    ended_at = (answer.job.ended_at or answer.end) if answer.job.state.is_terminal else None
    is_part = answer.start is not None
    report = report_text(
        answer.diagnosis, has_ended=has_ended, ended_at=ended_at, is_part=is_part, colour=screen.colour, width=width
    )
    end = "" if explains_end(answer.diagnosis) else describe_end(answer.job)
    return join_lines(
        [
            *state_lines(answer.job, answer.end, screen),
            *(screen.wrap(end, style=RED) if end else []),
            "",
            *report.splitlines(),
            *(line for note in notes for line in screen.wrap(note, style=DIM)),
            *(line for gap in answer.gaps for line in screen.wrap(gap.public, style=YELLOW)),
            *(line for note in answer.notes for line in screen.wrap(note, style=YELLOW)),
        ]
    )


def render_rules(answer: RulesAnswer, screen: Screen) -> str:
    """Render every rule with its parameters."""
    lines = [line for rule in answer.rules for line in _rule(rule, screen)]
    hint = "To change settings, add rule.parameter=value or rule=off to `watch` or `rules test`."
    return join_lines([*lines, *screen.wrap(hint, style=DIM)])


def render_replay(answer: ReplayAnswer, screen: Screen) -> str:
    """Render the alerts that would have fired, and when each would have ended."""
    name = f"{answer.job.name or answer.job.ref}:"
    fired = f"{plural(len(answer.alerts), 'alert')} would have fired" if answer.alerts else "no alert would have fired"
    span = f"{answer.start:%Y-%m-%d %H:%M} to {answer.end:%Y-%m-%d %H:%M} UTC"
    read = f"{plural(answer.read, 'line')} read, evaluated every {spoken_duration(answer.step)}"
    basis = f"With {answer.basis.replace('`', '')}: {fired} from {span}"
    lines = [*screen.flow((name, BOLD), (basis, "")), *screen.wrap(read, style=DIM), ""]
    for one in answer.alerts:
        lines += _replayed(one, screen)
    notes = [f"Would not have fired: {', '.join(answer.quiet)}"] if answer.quiet else []
    for note in [*notes, *answer.notes]:
        lines += screen.wrap(note, style=DIM)
    for gap in answer.gaps:
        lines += screen.wrap(gap.public, style=YELLOW)
    return join_lines(lines)


def _rule(rule: RuleShown, screen: Screen) -> list[str]:
    state = "" if rule.is_on else ", off"
    lines = screen.flow((rule.name, BOLD), (f"({rule.severity}{state}): {rule.help}", ""))
    for name, value, meaning in rule.parameters:
        lines += screen.wrap(f"{rule.name}.{name}={value}  {meaning}", _INDENT)
    return lines


def _replayed(one: Replayed, screen: Screen) -> list[str]:
    if one.resolved_at is None:
        end = "still firing at the end"
    else:
        took = spoken_duration(one.resolved_at - one.fired_at)
        end = f"{one.resolution} at {one.resolved_at:%m-%d %H:%M:%S}, after {took}"
    severity = (one.severity.value.upper(), _STYLES[one.severity])
    lines = screen.flow((f"{one.fired_at:%m-%d %H:%M:%S}", ""), severity, (one.title, BOLD), (f"({one.rule})", ""))
    if one.evidence.summary.rstrip(".") != one.title:
        lines += screen.wrap(summary_in_utc(one.evidence), _INDENT)
    updates = f", {plural(one.updates, 'update')}" if one.updates else ""
    return [*lines, *screen.wrap(f"{end}{updates}", _INDENT, DIM), ""]
