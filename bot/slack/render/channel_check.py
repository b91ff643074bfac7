"""The answer to `/train check`: problems first, each with who can fix it and how."""

from bot.commands.subcommands.channel_check import ChannelCheckAnswer
from bot.domain.checks import CheckResult, Fixer
from bot.domain.wording import plural
from bot.slack.render.blocks import Action, actions, button, context, row_sections, section
from bot.slack.render.message import Message, message
from bot.slack.render.text import one_line

_TEXT_LIMIT = 400


def render_channel_check(answer: ChannelCheckAnswer) -> Message:
    """What to fix, what can be improved, and what is fine."""
    problems = [one for one in answer.results if not one.ok]
    advice = [one for one in answer.results if one.ok and one.remedy is not None]
    fine = [one.subject for one in answer.results if one.ok and one.remedy is None]
    counted = f"{plural(len(problems), 'problem') if problems else 'No problems'} found here"
    counted += f", {plural(len(advice), 'thing')} to improve" if advice else ""
    rows = [_row("🔴", one, answer) for one in problems] + [_row("🟡", one, answer) for one in advice]
    return message(
        f"{counted}.",
        [
            section(f"*{counted}.*"),
            *row_sections(rows, 7000, "finding"),
            context([f"🟢 {', '.join(dict.fromkeys(one_line(one, 60) for one in fine))}"]) if fine else None,
            actions([button("Check again", Action.SHOW, "check")]),
        ],
    )


def _row(icon: str, one: CheckResult, answer: ChannelCheckAnswer) -> str:
    """What is wrong, then who can fix it and, for those who can, how."""
    head = f"{icon} *{one_line(one.subject, 80)}*: {one_line(one.found, _TEXT_LIMIT)}"
    is_shown = one.remedy is not None and (one.fixer is not Fixer.OPERATOR or answer.shows_details)
    how = f": {one_line(one.remedy or '', _TEXT_LIMIT)}" if is_shown else "."
    return f"{head}\n      _Can be fixed by {one.fixer}_{how}"
