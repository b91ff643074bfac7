"""Mentions: whom a message would notify, and what becomes of the names that a person types. Pure.

Source: docs.slack.dev/messaging/formatting-message-text (documented, read 2026-11-20): only `<!channel>`, `<!here>`,
`<!everyone>`, `<!subteam^…>` and `<@U…>` notify; with `&lt;` they are plain text. With blocks, Slack reads the blocks.
"""

import re
from typing import Any

from emulator.slack.model import Message
from emulator.slack.workspace import Workspace

_MENTION = re.compile(r"<(!(?:channel|here|everyone)|!subteam\^[A-Z0-9]+|@[UW][A-Z0-9]+)(?:\|[^>]*)?>")

_TYPED = re.compile(r"https?://[^\s<>]+|(?<![\w.])[@#][\w.-]+")


def typed_markup(workspace: Workspace, text: str) -> str:
    """Escape a slash command as `should_escape` asks: users, groups, channels and links in angle brackets.

    Source: docs.slack.dev/interactivity/implementing-slash-commands (documented, read 2026-11-20).
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _TYPED.sub(lambda found: _markup(workspace, found[0]), escaped)


def _markup(workspace: Workspace, typed: str) -> str:
    name = typed[1:]
    if typed.startswith("http"):
        return f"<{typed}>"
    if typed in ("@here", "@channel", "@everyone"):
        return f"<!{name}>"
    users = [f"<@{user.id}|{name}>" for user in workspace.users.values() if typed == f"@{user.name}"]
    groups = [f"<!subteam^{group.id}|{typed}>" for group in workspace.groups.values() if typed == f"@{group.handle}"]
    named = [one for one in workspace.channels.values() if typed == f"#{one.name}" and not one.is_im]
    channels = [f"<#{one.id}|{name}>" for one in named]
    return next(iter([*users, *groups, *channels]), typed)


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
