"""Mentions of people and user groups, which notify them."""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.slack.render.blocks import section
from bot.slack.render.message import MAX_SECTION_TEXT, MAX_TEXT, Block, Message
from bot.slack.render.text import cut, one_line

_BROADCASTS = ("here", "channel")
_GROUP = re.compile(r"S[A-Z0-9]{2,20}")
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


def mention(target: str) -> str:
    """Mention a user or a user group by id, `here` or `channel`; anything else is shown as text."""
    if target in _BROADCASTS:
        return f"<!{target}>"
    if _GROUP.fullmatch(target):
        return f"<!subteam^{target}>"
    return f"<@{target}>" if _USER.fullmatch(target) else one_line(target, 80)


def with_mentions(shown: Message, targets: Sequence[str]) -> Message:
    """The message with mentions at the end of its first paragraph and of its alt text."""
    if not targets:
        return shown
    mentions = " ".join(mention(target) for target in dict.fromkeys(targets))
    text = cut(f"{shown.text} {mentions}", MAX_TEXT)
    return replace(shown, text=text, blocks=_into_first_paragraph(shown.blocks, mentions))


def _into_first_paragraph(blocks: tuple[Block, ...], mentions: str) -> tuple[Block, ...]:
    match blocks:
        case ({"type": "section", "text": {"text": str(text)}}, *rest) if len(text) + len(mentions) < MAX_SECTION_TEXT:
            return section(f"{text}\n{mentions}"), *rest
        case _:
            return *blocks, section(mentions)
