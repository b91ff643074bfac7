"""What a modal carries with it in `private_metadata`: where it was opened and what it is about.

Slack returns the text unchanged with everything that is done in the view, and payloads of views name no channel.
"""

import json
from dataclasses import dataclass

from bot.errors import UsageError
from bot.slack.payloads import MalformedPayload

MAX_METADATA = 3000
"""Documented: https://docs.slack.dev/reference/views/modal-views (read 2026-11-20)."""


@dataclass(frozen=True, slots=True)
class ModalMetadata:
    """The place and the subject of a modal."""

    channel: str
    about: str = ""
    """As `Modal.about`."""
    message_ts: str = ""
    """The message whose button opened it, if the app can see that message."""
    thread_ts: str = ""
    """The thread of that message."""


def encode_metadata(metadata: ModalMetadata) -> str:
    """Write it as text.

    Raises:
        UsageError: it is too long.
    """
    values = [metadata.channel, metadata.message_ts, metadata.thread_ts, metadata.about]
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    if len(text) > MAX_METADATA:
        raise UsageError("This is too long for a dialog. Type it as a command.")
    return text


def decode_metadata(text: str) -> ModalMetadata:
    """Read what `encode_metadata` wrote.

    Raises:
        MalformedPayload: it is something else.
    """
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    match values:
        case [str(channel), str(message_ts), str(thread_ts), str(about)]:
            return ModalMetadata(channel, about, message_ts, thread_ts)
        case _:
            raise MalformedPayload("a view with metadata of another version")
