"""Buttons: what they are called on the wire and what they carry.

A button carries the command it stands for, as text with absolute times, so that it works after a restart, on any
machine and by anyone. What happens on a click is in `bot.slack.listeners`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from bot.slack.render.blocks import plain
from bot.slack.render.message import (
    MAX_BUTTON_TEXT,
    MAX_BUTTON_VALUE,
    MAX_OPTION_TEXT,
    MAX_OPTION_VALUE,
    Block,
    Message,
    clean,
)


class Action(enum.StrEnum):
    """The `action_id` of each button; what its `value` is."""

    SHOW = "trainwatch_show"
    """Command text; the answer is shown to the one who clicks, in place of a private answer it stands under."""
    SHARE = "trainwatch_share"
    """Command text; the answer goes to the channel."""
    CHANGE = "trainwatch_change"
    """Command text of something the whole channel should know: a silence, an unwatch."""
    ACKNOWLEDGE = "trainwatch_acknowledge"
    """An incident id."""
    MORE = "trainwatch_more"
    """An overflow menu; its options are as CHANGE."""


def button(label: str, action: Action, value: str, *, key: str = "", style: str | None = None) -> Block | None:
    """A button, or None when what it should carry does not fit: a cut command would be another command.

    `key` tells two buttons of the same action apart: Slack refuses a row that holds an `action_id` twice.
    """
    if not _can_carry(value, MAX_BUTTON_VALUE):
        return None
    made: Block = {
        "type": "button",
        "text": plain(label, MAX_BUTTON_TEXT),
        "action_id": f"{action}:{key}" if key else action.value,
        "value": value,
    }
    return made | {"style": style} if style else made


def overflow(action: Action, options: Sequence[tuple[str, str]]) -> Block | None:
    """A "⋯" menu of (label, value); options whose value does not fit are left out, None when none is left."""
    fitting = [
        {"text": plain(label, MAX_OPTION_TEXT), "value": value}
        for label, value in options
        if _can_carry(value, MAX_OPTION_VALUE)
    ]
    return {"type": "overflow", "action_id": action.value, "options": fitting} if fitting else None


def _can_carry(value: str, limit: int) -> bool:
    """Whether a value arrives as it was sent: neither too long, nor with characters that JSON cannot carry."""
    return 0 < len(value) <= limit and clean(value) == value


def actions(elements: Sequence[Block | None]) -> Block | None:
    """A row of the buttons that are there; None when none is."""
    there = [element for element in elements if element is not None]
    return {"type": "actions", "elements": there} if there else None


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
