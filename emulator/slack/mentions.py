"""Whom a message would notify: the mentions Slack acts upon, in text and in blocks. Pure.

Source: docs.slack.dev/messaging/formatting-message-text (documented, read 2026-11-20): only `<!channel>`, `<!here>`,
`<!everyone>`, `<!subteam^…>` and `<@U…>` notify; with `&lt;` they are plain text. With blocks, Slack reads the blocks.
"""

import re
from typing import Any

from emulator.slack.model import Message

_MENTION = re.compile(r"<(!(?:channel|here|everyone)|!subteam\^[A-Z0-9]+|@[UW][A-Z0-9]+)(?:\|[^>]*)?>")


def mentioned_users(message: Message) -> list[str]:
    """Return each mention that notifies people, such as `!channel` or `@U0ADA`, in order."""
    found = [] if message.blocks else _MENTION.findall(message.text)
    return [*found, *_in_blocks(message.blocks), *_in_blocks(message.attachments)]


def _in_blocks(value: Any) -> list[str]:
    match value:
        case {"type": "mrkdwn", "text": str(text)}:
            return _MENTION.findall(text)
        case {"type": "plain_text" | "raw_text"}:
            return []
        case {"type": "broadcast", "range": str(range_)}:
            return [f"!{range_}"]
        case {"type": "user", "user_id": str(user)}:
            return [f"@{user}"]
        case dict():
            return [ping for inner in value.values() for ping in _in_blocks(inner)]
        case list():
            return [ping for inner in value for ping in _in_blocks(inner)]
        case _:
            return []
