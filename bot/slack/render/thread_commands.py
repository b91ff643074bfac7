"""Show commands in the form that works where they are read: Slack takes no slash commands in threads."""

import re

from bot.slack.render.blocks import context_text, mrkdwn
from bot.slack.render.message import Block, Message

_SLASH_COMMAND = re.compile(r"(?<=`)/train(?=[ `])")
_MENTION = "@trainwatch"


def use_mentions(answer: Message) -> Message:
    """The message with `@trainwatch …` in place of `/train …` in its sentences; code blocks stay as they are."""
    return Message(_SLASH_COMMAND.sub(_MENTION, answer.text), tuple(map(_in_block, answer.blocks)))


def _in_block(block: Block) -> Block:
    match block:
        case {"type": "section", "text": {"type": "mrkdwn", "text": str(text)}} if not text.startswith("```"):
            return {**block, "text": mrkdwn(_SLASH_COMMAND.sub(_MENTION, text))}
        case {"type": "context"} if small_print := context_text(block):
            return {**block, "elements": [mrkdwn(_SLASH_COMMAND.sub(_MENTION, small_print))]}
        case _:
            return block
