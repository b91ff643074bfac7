"""The audit trail of a channel."""

from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.audit import AuditAnswer
from bot.domain.audit import AuditEntry, AuditResult
from bot.domain.wording import plural
from bot.slack.render.blocks import Action, actions, button, context, row_sections, section
from bot.slack.render.message import Message, message
from bot.slack.render.text import code, one_line, person, slack_time

_BUDGET = 9000
_ICONS = {
    AuditResult.STARTED: "⏳",
    AuditResult.DONE: "✅",
    AuditResult.INVALID: "⚠️",
    AuditResult.FAILED: "❌",
    AuditResult.REFUSED: "⛔",
}


def render_audit(answer: AuditAnswer, *, is_public: bool = False) -> Message:
    """One page, newest first, with a button for the next one. A public one mentions nobody: that would notify them."""
    count = len(answer.entries)
    what = f"{plural(answer.total, 'audit record')} of this channel" if count else "No audit records"
    shown = f"showing {count} of {answer.total:,}" if count < answer.total else ""
    older = button("Older", Action.SHOW, format_command(answer.older)) if answer.older is not None else None
    return message(
        f"{what}{f', {shown}' if shown else ''}.",
        [
            section(f"*{what}*"),
            *row_sections([_row(entry, is_public=is_public) for entry in answer.entries], _BUDGET, "record"),
            context([shown]),
            actions([older]),
        ],
    )


def _row(entry: AuditEntry, *, is_public: bool) -> str:
    """When, who, what, on which job, and what came of it."""
    who = "unknown" if not entry.user else code(entry.user) if is_public else person(entry.user)
    job = f" · {code(entry.job, 120)}" if entry.job and entry.job not in entry.text else ""
    why = f": {one_line(entry.detail, 160)}" if entry.detail else ""
    what = code(entry.text, 160) if entry.text else "an empty command"
    return f"{_ICONS[entry.result]} {slack_time(entry.at)} · {who} · {what}{job} · {entry.result.value}{why}"
