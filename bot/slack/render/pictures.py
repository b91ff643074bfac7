"""A message that shows an uploaded picture, with the text that describes it. Pure.

Source: https://docs.slack.dev/reference/block-kit/blocks/image-block (documented, read 2026-11-29).
"""

from bot.slack.render.blocks import plain
from bot.slack.render.message import Block, Message, message
from bot.slack.render.text import clean, cut, escape

_MAX_ALT_TEXT = 2000
_MAX_TITLE = 150


def image_block(file_id: str, title: str, alt_text: str) -> Block:
    """An uploaded picture."""
    return {
        "type": "image",
        "slack_file": {"id": file_id},
        "title": plain(title, _MAX_TITLE),
        "alt_text": cut(clean(alt_text), _MAX_ALT_TEXT) or "chart",
    }


def picture_message(file_id: str, title: str, alt_text: str) -> Message:
    """A message with one picture."""
    return message(escape(alt_text) or "A chart.", [image_block(file_id, title, alt_text)])
