"""What goes to Slack: a Message of text and blocks, its limits, and the only way for text to get into it.

Foreign text (log lines, job names, vendor words) enters a message through `escape`, `code` or `fence`, and nowhere
else. Blocks are made in `blocks` and `actions`; what a message says is decided in `alerts`, `logs`, `metrics` and
`answers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

Block = dict[str, object]
"""One Block Kit block, or an element of one, as JSON."""

# Documented: https://docs.slack.dev/reference/block-kit/blocks (read 2026-11-20), unless marked.
MAX_BLOCKS = 50
MAX_SECTION_TEXT = 3000
MAX_HEADER_TEXT = 150
MAX_FIELD_TEXT = 2000
MAX_BUTTON_TEXT = 75
MAX_BUTTON_VALUE = 2000
MAX_OPTION_TEXT = 75
MAX_OPTION_VALUE = 150
"""Documented: https://docs.slack.dev/reference/block-kit/composition-objects/option-object (read 2026-11-20)."""
MAX_URL = 3000
MAX_TEXT = 4000
"""Of the message's `text`: chat.update refuses more with `msg_too_long`, chat.postMessage advises no more.
Documented: https://docs.slack.dev/reference/methods/chat.update (read 2026-11-20)."""
BLOCKS_BUDGET = 10_000
"""Characters over all blocks. Observed by others: chat.postMessage answers `msg_blocks_too_long` at 11,341 and 13,200
characters (slackapi/bolt-js#2509, #2867; read 2026-11-20); Slack documents no number."""

ELLIPSIS = "…"
_NEAR = timedelta(hours=6)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_INVISIBLE = re.compile(
    "[\x80-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_MARK = (
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]"
)
_MARKS = re.compile(f"({_MARK}{{8}}){_MARK}+")
"""Accents on accents: no language needs so many, and a tower of them covers the lines above."""
_OPEN_END = re.compile(r"(?:<[^<>]*|&[a-z]{0,3})$")
_BACKTICKS = re.compile(r"`{3,}")
_LIKE_BACKTICK = "\u02cb"
_USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,20}")


@dataclass(frozen=True, slots=True)
class Message:
    """Rendered: what notifications and screen readers say (`text`), and what the eye sees (`blocks`)."""

    text: str
    """A whole sentence in mrkdwn, foreign text in it escaped."""
    blocks: tuple[Block, ...]

    def payload(self) -> dict[str, object]:
        """The arguments of chat.postMessage, chat.update and a response_url that say what to show."""
        return {"text": self.text, "blocks": list(self.blocks)}


def message(text: str, blocks: Iterable[Block | None]) -> Message:
    """A Message of the blocks that are there."""
    return Message(text=cut(text, MAX_TEXT), blocks=tuple(block for block in blocks if block is not None))


def weight(value: object) -> int:
    """How much a block counts against BLOCKS_BUDGET: the length of every string in it but the keys."""
    match value:
        case str():
            return len(value)
        case dict():
            return sum(weight(item) for item in value.values())
        case list() | tuple():
            return sum(weight(item) for item in value)
        case _:
            return 0


def clean(text: str) -> str:
    """Text without what a terminal obeys and an eye cannot see: colours go, control characters become visible."""
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    text = _CONTROL.sub(lambda found: chr(0x2400 + ord(found[0])) if found[0] != "\x7f" else "␡", text)
    return text if text.isascii() else _MARKS.sub("\\1\ufffd", _INVISIBLE.sub("\ufffd", text))


def escape(text: str) -> str:
    """Foreign text, so that Slack shows it and obeys nothing in it: no link, no mention, no `<!channel>`.

    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping (documented, read 2026-11-20).
    """
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """Text of at most `limit` characters; a cut ends in "…" and never splits an entity, a link or a date."""
    if len(text) <= limit:
        return text
    return _OPEN_END.sub("", text[: max(limit, 1) - len(ELLIPSIS)]) + ELLIPSIS


def one_line(text: str, limit: int) -> str:
    """Foreign text as one escaped line of at most `limit` characters; what it quotes as code ends with it."""
    text = text.lstrip()
    head = text[: 4 * limit]
    said = cut(escape(" ".join(head.split()) + (ELLIPSIS if len(head) < len(text) else "")), limit)
    said = _BACKTICKS.sub(lambda run: _LIKE_BACKTICK * len(run[0]), said)
    return said if said.count("`") % 2 == 0 else _LIKE_BACKTICK.join(said.rsplit("`", 1))


def code(text: str, limit: int = 200) -> str:
    """Foreign text as inline code."""
    shown = one_line(text.replace("`", _LIKE_BACKTICK), limit)
    return f"`{shown or ' '}`"


def fence(lines: Iterable[str]) -> str:
    """Escaped lines as one code block; backticks in them cannot end it."""
    return "```\n" + "\n".join(split_backticks(line) for line in lines) + "\n```"


def split_backticks(text: str) -> str:
    """Three backticks in a row end a code block, so a zero-width space goes between them."""
    return _BACKTICKS.sub(lambda run: "\u200b".join(run[0]), text)


def link(url: str | None, label: str) -> str:
    """A link to a web page, or the bare label (escaped already) when there is no safe URL."""
    if url is None or not re.fullmatch(r"https?://[^\s<>|\x00-\x1f]+", url) or len(url) > MAX_URL // 2:
        return label
    return f"<{escape(url)}|{label.replace('|', '¦')}>"


def linked_hint(hint: str, limit: int = 600) -> str:
    """Foreign text as one escaped line; a page named at its end becomes a link."""
    words, space, last = hint.strip().rpartition(" ")
    if not space or not last.startswith("https://"):
        return one_line(hint, limit)
    return f"{one_line(words, limit)} {link(last, 'Read more')}"


def moment(at: datetime, *, seconds: bool = False) -> str:
    """A time in the reader's own zone and words, in UTC where Slack cannot.

    Source: https://docs.slack.dev/messaging/formatting-message-text#date-formatting (documented, read 2026-11-20).
    """
    clock = "{time_secs}" if seconds else "{time}"
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {clock}|{plain_moment(at)}>"


def moments(start: datetime, end: datetime, *, seconds: bool = False) -> str:
    """A span as the reader's clock tells it; the date is said once when the end is not far from the start."""
    if int(start.timestamp()) == int(end.timestamp()):
        return moment(start, seconds=seconds)
    if end - start >= _NEAR:
        return f"{moment(start, seconds=seconds)} to {moment(end, seconds=seconds)}"
    clock = "{time_secs}" if seconds else "{time}"
    return f"{moment(start, seconds=seconds)} to <!date^{int(end.timestamp())}^{clock}|{end:%H:%M} UTC>"


def plain_moment(at: datetime) -> str:
    """A time for `text` and code blocks, where Slack's own formatting may not work: "13 Mar 14:02 UTC"."""
    return f"{at.day} {at:%b %H:%M} UTC"


def person(user: str) -> str:
    """A mention of a Slack user; anything that is no user id is shown as text."""
    return f"<@{user}>" if _USER_ID.fullmatch(user) else one_line(user, 80)


def channel_link(channel: str) -> str:
    """A link to a Slack channel; anything that is no channel id is shown as text."""
    return f"<#{channel}>" if _CHANNEL_ID.fullmatch(channel) else one_line(channel, 80)
