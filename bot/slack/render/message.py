"""Slack messages: alt text and blocks, and Slack's limits. Blocks are built in `blocks`."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.slack.render.text import cut

Block = dict[str, object]
"""One Block Kit block, or an element of one, as JSON."""

# Documented: https://docs.slack.dev/reference/block-kit/blocks (read 2026-11-20), unless marked.
MAX_BLOCKS = 50
MAX_SECTION_TEXT = 3000
MAX_FIELD_TEXT = 2000
MAX_BUTTON_VALUE = 2000
MAX_OPTION_VALUE = 150
"""Documented: https://docs.slack.dev/reference/block-kit/composition-objects/option-object (read 2026-11-20)."""
MAX_TEXT = 4000
"""Of the message's `text`: chat.update refuses more with `msg_too_long`, chat.postMessage advises no more.
Documented: https://docs.slack.dev/reference/methods/chat.update (read 2026-11-20)."""
BLOCKS_BUDGET = 10_000
"""Characters over all blocks. Observed by others: chat.postMessage answers `msg_blocks_too_long` at 11,341 and 13,200
characters (slackapi/bolt-js#2509, #2867; read 2026-11-20); Slack documents no number."""


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message: alt text for notifications and screen readers, and blocks."""

    text: str
    """Alt text: a whole sentence in mrkdwn, with foreign text escaped."""
    blocks: tuple[Block, ...]

    def payload(self) -> dict[str, object]:
        """Arguments for chat.postMessage, chat.update and response URLs."""
        return {"text": self.text, "blocks": list(self.blocks)}


def message(text: str, blocks: Iterable[Block | None]) -> Message:
    """A Message of the blocks that are not None."""
    return Message(text=cut(text, MAX_TEXT), blocks=tuple(block for block in blocks if block is not None))


def weight(value: object) -> int:
    """How much a block counts against BLOCKS_BUDGET: the length of every string value in it."""
    match value:
        case str():
            return len(value)
        case dict():
            return sum(weight(item) for item in value.values())
        case list() | tuple():
            return sum(weight(item) for item in value)
        case _:
            return 0
