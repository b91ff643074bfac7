"""Rules as they are, and as they would have been: which alerts a past window would have brought."""

from __future__ import annotations

from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.jobs import DiagnosisAnswer
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer, RuleShown
from bot.domain.alerts import Severity
from bot.domain.durations import format_duration
from bot.domain.wording import plural
from bot.rules.replay import Replayed
from bot.slack.render.actions import Action, actions, button
from bot.slack.render.blocks import context, listed_sections, section
from bot.slack.render.diagnosis import SIGNS, render_diagnosis
from bot.slack.render.jobs import job_link, job_name
from bot.slack.render.logs import gap_notes
from bot.slack.render.message import Message, code, escape, message, moment, one_line, plain_moment

_BUDGET = 7000
SEVERITIES = f"{SIGNS[Severity.PAGE]} page · {SIGNS[Severity.WARN]} warn · {SIGNS[Severity.INFO]} info"
"""What the signs mean."""


def render_insight(answer: DiagnosisAnswer | RulesAnswer | ReplayAnswer) -> Message:
    """What a log means, which rules there are, what they would have said."""
    match answer:
        case DiagnosisAnswer():
            return render_diagnosis(answer)
        case RulesAnswer():
            return render_rules(answer)
        case ReplayAnswer():
            return render_replay(answer)


def render_rules(answer: RulesAnswer) -> Message:
    """Every rule with its parameters."""
    return message(
        f"{plural(len(answer.rules), 'rule')} that alert.",
        [
            *listed_sections([rule_row(rule) for rule in answer.rules], _BUDGET, "rule"),
            context(
                [
                    SEVERITIES,
                    "`/train watch REF rule.parameter=value` sets one for a channel",
                    "`/train rules test REF` says what it would have done",
                ]
            ),
            actions([button("Share in channel", Action.SHARE, "rules")]),
        ],
    )


def render_replay(answer: ReplayAnswer) -> Message:
    """Which alerts would have fired and when each would have ended."""
    count = plural(len(answer.alerts), "alert") if answer.alerts else "No alert"
    said = f"{count} from {plain_moment(answer.start)} to {plain_moment(answer.end)}"
    looked = f"{plural(answer.read, 'line')} read, looked at every {format_duration(answer.step)}"
    notes = [one_line(note, 300) for note in answer.notes]
    return message(
        f"{job_name(answer.job)}: {said[:1].lower()}{said[1:]}.",
        [
            section(f"🧪 {job_link(answer.job)}\n*{said}*, as these rules would have told it"),
            *listed_sections([_replayed(one) for one in answer.alerts], _BUDGET, "alert"),
            context([f"Nothing from {', '.join(code(name) for name in answer.quiet)}"]) if answer.quiet else None,
            context([code(str(answer.job.ref)), looked, *notes, *gap_notes(answer.gaps)]),
            actions([button("Share in channel", Action.SHARE, format_command(answer.pinned))]),
        ],
    )


def rule_row(rule: RuleShown) -> str:
    """One rule in a list: how loud, its name, when it fires, its parameters."""
    settings = ", ".join(f"{name}={value}" for name, value, _ in rule.parameters)
    state = "" if rule.is_on else " · *off*"
    return f"{SIGNS[rule.severity]} *{escape(rule.name)}*{state} {escape(rule.help)}" + (
        f" {code(settings, 300)}" if settings else ""
    )


def _replayed(one: Replayed) -> str:
    if one.resolved_at is None:
        end = "still firing at the end"
    else:
        end = f"{one.resolution} after {format_duration(one.resolved_at - one.fired_at)}"
    summary = one.evidence.summary
    said = "" if summary.rstrip(".") == one.title else f"\n> {one_line(summary, 300)}"
    return f"{SIGNS[one.severity]} {moment(one.fired_at)} *{one_line(one.title, 200)}* · {end} · {code(one.rule)}{said}"
