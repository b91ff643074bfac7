"""Mentions of people and user groups, which notify them."""

import re
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Whom a message mentions, by id."""

    chosen: tuple[str, ...] = ()
    """By the channel."""
    owner: str | None = None
    """The person who started the job."""


NO_MENTIONS = Mentioned()


def mention_line(mentioned: Mentioned, note: str = "") -> str:
    """Whom a message mentions, and a note after that; "" if it mentions nobody."""
    if mentioned == NO_MENTIONS:
        return ""
    chosen = " ".join(mention(target) for target in dict.fromkeys(mentioned.chosen))
    started = "started by" if chosen else "Started by"
    owner = f"{started} {mention(mentioned.owner)}" if mentioned.owner else ""
    return " · ".join(part for part in (chosen, owner, note) if part)


def with_mentions(shown: Message, mentioned: Mentioned, note: str = "") -> Message:
    """The message with mentions, and a note after them, at the end of its first paragraph and of its alt text."""
    mentions = mention_line(mentioned, note)
    if not mentions:
        return shown
    text = cut(f"{shown.text} {mentions}", MAX_TEXT)
    return replace(shown, text=text, blocks=_into_first_paragraph(shown.blocks, mentions))


def _into_first_paragraph(blocks: tuple[Block, ...], mentions: str) -> tuple[Block, ...]:
    match blocks:
        case ({"type": "section", "text": {"text": str(text)}}, *rest) if len(text) + len(mentions) < MAX_SECTION_TEXT:
            return section(f"{text}\n{mentions}"), *rest
        case _:
            return *blocks, section(mentions)
