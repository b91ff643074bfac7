"""Buttons and menus, and the commands that they carry.

The value of a button is a command as text with absolute times, so it works after a restart, on any machine and for
anyone. Clicks are handled in `bot.slack.listeners`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.jobs import JobRef
from bot.slack.render.blocks import plain
from bot.slack.render.message import MAX_BUTTON_VALUE, MAX_LABEL_TEXT, MAX_OPTION_VALUE, Block, Message
from bot.slack.render.text import clean

_ISO = "%Y-%m-%dT%H:%M:%SZ"


class Action(enum.StrEnum):
    """The `action_id` of each kind of button, and what its `value` holds."""

    SHOW = "trainwatch_show"
    """Command text. The answer is shown to the clicker only; it replaces a private message."""
    SHARE = "trainwatch_share"
    """Command text. The answer goes to the channel."""
    CHANGE = "trainwatch_change"
    """Command text that changes the channel's alerts: a silence, an unwatch. The answer goes into the thread."""
    ACKNOWLEDGE = "trainwatch_acknowledge"
    """An incident id."""
    MORE = "trainwatch_more"
    """An overflow menu whose options are like CHANGE."""


def button(label: str, action: Action, value: str, *, key: str = "", style: str | None = None) -> Block | None:
    """A button, or None if its value does not fit: a truncated command would be another command.

    `key` makes the `action_id` unique among buttons of one action, because Slack rejects duplicates in a row.
    """
    if not _can_carry(value, MAX_BUTTON_VALUE):
        return None
    made: Block = {
        "type": "button",
        "text": plain(label, MAX_LABEL_TEXT),
        "action_id": f"{action}:{key}" if key else action.value,
        "value": value,
    }
    return made | {"style": style} if style else made


def overflow(action: Action, options: Sequence[tuple[str, str]]) -> Block | None:
    """A "⋯" menu of (label, value). Options whose value does not fit are left out; None if none is left."""
    fitting = [
        {"text": plain(label, MAX_LABEL_TEXT), "value": value}
        for label, value in options
        if _can_carry(value, MAX_OPTION_VALUE)
    ]
    return {"type": "overflow", "action_id": action.value, "options": fitting} if fitting else None


def _can_carry(value: str, limit: int) -> bool:
    """Whether a value arrives unchanged: it is short enough and JSON can hold its characters."""
    return 0 < len(value) <= limit and clean(value) == value


def actions(elements: Sequence[Block | None]) -> Block | None:
    """A row of the buttons that are not None; None without any."""
    present = [element for element in elements if element is not None]
    return {"type": "actions", "elements": present} if present else None


def without(message: Message, action: Action) -> Message:
    """The message without the buttons of one action."""
    blocks: list[Block] = []
    for block in message.blocks:
        elements = block.get("elements")
        if block["type"] != "actions" or not isinstance(elements, list):
            blocks.append(block)
            continue
        kept = [one for one in elements if one["action_id"].partition(":")[0] != action]
        if kept:
            blocks.append(block | {"elements": kept})
    return Message(message.text, tuple(blocks))


def logs_around(job: JobRef, first_at: datetime, last_at: datetime) -> str:
    """Show the log from five minutes before the first time to a minute after the last."""
    start, end = first_at - timedelta(minutes=5), last_at + timedelta(minutes=1)
    return f"logs {job} --start {start:{_ISO}} --end {end:{_ISO}}"
