"""The rules, and a replay of them over a past window."""

from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.tokenizer import quote
from bot.commands.subcommands.rules import ReplayAnswer, RulesAnswer, RuleShown
from bot.domain.durations import spoken_duration
from bot.domain.wording import plural
from bot.rules.replay import Replayed
from bot.slack.render.blocks import actions, context, row_sections, section, share_button, tune_button
from bot.slack.render.icons import SEVERITY_ICONS, SEVERITY_LEGEND
from bot.slack.render.jobs import job_link, job_name
from bot.slack.render.logs import gap_notes
from bot.slack.render.message import Message, message
from bot.slack.render.tables import TableCell, table_block
from bot.slack.render.text import code, one_line, plain_time, slack_time, slack_time_range

_BUDGET = 7000
_TEST_BUDGET = 3000


def render_rules(answer: RulesAnswer) -> Message:
    """Every rule with its parameters."""
    subject = answer.pattern or ("" if answer.job is None else str(answer.job))
    job, tested = subject or "REF", "REF" if answer.pattern else subject or "REF"
    title = f"Alerts this channel gets for {code(subject, 500)}" if subject else ""
    command = "rules" if answer.job is None else f"rules {quote(str(answer.job))}"
    share = None if answer.pattern else share_button(command)
    tune = tune_button(answer.pattern or quote(subject)) if subject else None
    table, shown = table_block(("Alert", "Fires when"), [rule_cells(one) for one in answer.rules], _BUDGET)
    hidden = f"showing {shown} of {len(answer.rules)} rules" if shown < len(answer.rules) else ""
    return message(
        f"{title}." if title else f"{plural(len(answer.rules), 'alert rule')}.",
        [
            section(f"*{title}*") if title else None,
            context(
                [
                    hidden,
                    SEVERITY_LEGEND,
                    f"Change: {code(f'/train watch {job} rule.parameter=value', 300)}",
                    f"Test on past logs: {code(f'/train rules test {tested}', 300)}",
                ]
            ),
            actions([tune, share]),
            table,
        ],
    )


def render_replay(answer: ReplayAnswer) -> Message:
    """The alerts that would have fired, and when each would have ended."""
    fired = f"{plural(len(answer.alerts), 'alert') if answer.alerts else 'no alert'} would have fired"
    basis = f"With {one_line(answer.basis, 1000)}"
    span = f"from {plain_time(answer.start)} to {plain_time(answer.end)}"
    read = f"{plural(answer.read, 'line')} read, evaluated every {spoken_duration(answer.step)}"
    notes = [one_line(note, 300) for note in answer.notes]
    quiet = f"Would not have fired: {', '.join(code(name) for name in answer.quiet)}"
    return message(
        f"{job_name(answer.job)}: with {one_line(answer.basis, 1000)}, {fired} {span}.",
        [
            section(f"🧪 {job_link(answer.job)}\n{basis}: *{fired}* {slack_time_range(answer.start, answer.end)}"),
            *row_sections([_replayed(one) for one in answer.alerts], _BUDGET, "alert"),
            context([quiet]) if answer.quiet else None,
            context([code(str(answer.job.ref)), read, *notes, *gap_notes(answer.gaps)]),
            actions([share_button(format_command(answer.pinned))]),
        ],
    )


def render_test(answer: ReplayAnswer) -> Message:
    """The result of a test in a few lines, for the form whose settings were tested."""
    span = slack_time_range(answer.start, answer.end)
    count = plural(len(answer.alerts), "alert") if answer.alerts else "no alert"
    rows = [_replayed(one) for one in answer.alerts]
    read = f"{plural(answer.read, 'line')} read, evaluated every {spoken_duration(answer.step)}"
    return message(
        f"These settings would have sent {count}.",
        [
            section(f"🧪 These settings would have sent *{count}* {span}"),
            *row_sections(rows, _TEST_BUDGET, "alert"),
            context([read, *(one_line(note, 300) for note in answer.notes), *gap_notes(answer.gaps)]),
        ],
    )


def rule_cells(rule: RuleShown) -> tuple[str, TableCell]:
    """One rule in a table: severity and name; when it fires, above its parameters."""
    settings = " ".join(f"{name}={value}" for name, value, _ in rule.parameters)
    name = f"{SEVERITY_ICONS[rule.severity]} {rule.name}{'' if rule.is_on else ' (off)'}"
    return name, TableCell(rule.help, code=settings)


def _replayed(one: Replayed) -> str:
    took = f"{one.resolution} after {spoken_duration(one.resolved_at - one.fired_at)}" if one.resolved_at else ""
    summary = one.evidence.summary
    expected = f" Expected {slack_time(one.evidence.expected_at)}." if one.evidence.expected_at else ""
    quote = "" if summary.rstrip(".") == one.title else f"\n> {one_line(summary, 300)}{expected}"
    title = f"{SEVERITY_ICONS[one.severity]} {slack_time(one.fired_at)} *{one_line(one.title, 200)}*"
    return f"{title} · {took or 'still firing at the end'} · {code(one.rule)}{quote}"
