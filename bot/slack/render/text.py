"""Text in Slack messages: escaping, truncation, links and times.

Foreign text (log lines, job names, platform messages) must pass `escape`, `code`, `fence` or `one_line`.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

ELLIPSIS = "…"
_MAX_URL = 1500
"""Half of Slack's limit, because escaping lengthens a URL."""
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
"""A pile of combining marks, which would cover the lines above; no language needs more than eight."""
_OPEN_END = re.compile(r"(?:<[^<>]*|&[a-z]{0,3})$")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`(])")
_SPACES = re.compile(" +")
_CLAUSE_END = re.compile(r"[;:,] | (?=\(|or |and )")
_DANGLING = re.compile(r"(?: (?:a|an|and|before|by|for|from|in|of|on|or|the|to|with))+$")
_BACKTICKS = re.compile(r"`{3,}")
_LOOKALIKES = str.maketrans("<>&", "\u2039\u203a+")
_LIKE_BACKTICK = "\u02cb"
_USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,20}")


def clean(text: str) -> str:
    """Text without terminal colours; control and invisible characters become visible."""
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    text = _CONTROL.sub(lambda found: chr(0x2400 + ord(found[0])) if found[0] != "\x7f" else "␡", text)
    return text if text.isascii() else _MARKS.sub("\\1\ufffd", _INVISIBLE.sub("\ufffd", text))


def escape(text: str) -> str:
    """Escape foreign text, so that it contains no link, mention or `<!channel>`.

    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping (documented, read 2026-11-20).
    """
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """Truncate text to `limit` characters with "…", without splitting an entity, a link or a date token."""
    if len(text) <= limit:
        return text
    return _OPEN_END.sub("", text[: max(limit, 1) - len(ELLIPSIS)]) + ELLIPSIS


def one_line(text: str, limit: int) -> str:
    """Foreign text as one escaped line of at most `limit` characters, with its backticks balanced."""
    text = text.lstrip()
    head = text[: 4 * limit]
    line = cut(escape(" ".join(head.split()) + (ELLIPSIS if len(head) < len(text) else "")), limit)
    line = _BACKTICKS.sub(lambda run: _LIKE_BACKTICK * len(run[0]), line)
    return line if line.count("`") % 2 == 0 else _LIKE_BACKTICK.join(line.rsplit("`", 1))


def code(text: str, limit: int = 200) -> str:
    """Foreign text as inline code."""
    shown = one_line(text.replace("`", _LIKE_BACKTICK), limit)
    return f"`{shown or ' '}`"


def fence(lines: Iterable[str]) -> str:
    """Escaped lines as one code block; backticks in them cannot end it."""
    return "```\n" + "\n".join(split_backticks(line) for line in lines) + "\n```"


def split_backticks(text: str) -> str:
    """Separate runs of three or more backticks with zero-width spaces, so that they cannot end a code block."""
    return _BACKTICKS.sub(lambda run: "\u200b".join(run[0]), text)


def link(url: str | None, label: str) -> str:
    """A link to a web page; the label alone (already escaped) if the URL is not safe."""
    if url is None or not is_safe_url(url):
        return label
    return f"<{escape(url)}|{label.replace('|', '¦')}>"


def is_safe_url(url: str) -> bool:
    """Whether a text is the address of a web page, and nothing else."""
    return len(url) <= _MAX_URL and re.fullmatch(r"https?://[^\s<>|\x00-\x1f]+", url) is not None


def unmarked_line(text: str, limit: int) -> str:
    """Foreign text as one line without markup, for a place whose escaping Slack does not document."""
    return cut(" ".join(clean(text).translate(_LOOKALIKES).split()), limit)


def linked_hint(hint: str, limit: int = 600) -> str:
    """Foreign text as one escaped line; a URL at its end becomes a link."""
    words, space, last = hint.strip().rpartition(" ")
    if not space or not last.startswith("https://"):
        return one_line(hint, limit)
    return f"{one_line(words, limit)} {link(last, 'Read more')}"


def first_sentence(hint: str, limit: int) -> str:
    """The first sentence of foreign text as one escaped line without a URL, shortened to `limit` characters."""
    words = " ".join(word for word in hint.split() if not word.startswith("https://"))
    return shortened(_SENTENCE_END.split(words, 1)[0], limit)


def shortened(text: str, limit: int) -> str:
    """Foreign text as one escaped line; if it is too long, cut after a clause or a word, with "…"."""
    if len(text) > limit:
        ends = [found.start() for found in _CLAUSE_END.finditer(text, limit // 3, limit)]
        ends = ends or [found.start() for found in _SPACES.finditer(text, limit // 3, limit)]
        text = _DANGLING.sub("", text[: ends[-1]]) + ELLIPSIS if ends else text
    return one_line(text, limit)


def clock_time(at: datetime) -> str:
    """A date token without the date, for a time near the message's own."""
    return f"<!date^{int(at.timestamp())}^{{time}}|{at:%H:%M} UTC>"


def slack_time(at: datetime, *, seconds: bool = False) -> str:
    """A date token that Slack shows in the reader's time zone; other clients show UTC.

    Source: https://docs.slack.dev/messaging/formatting-message-text#date-formatting (documented, read 2026-11-20).
    """
    clock = "{time_secs}" if seconds else "{time}"
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {clock}|{plain_time(at)}>"


def slack_time_range(start: datetime, end: datetime, *, seconds: bool = False) -> str:
    """A time range in the reader's time zone; within six hours the date appears once."""
    if int(start.timestamp()) == int(end.timestamp()):
        return slack_time(start, seconds=seconds)
    if end - start >= _NEAR:
        return f"{slack_time(start, seconds=seconds)} to {slack_time(end, seconds=seconds)}"
    clock = "{time_secs}" if seconds else "{time}"
    return f"{slack_time(start, seconds=seconds)} to <!date^{int(end.timestamp())}^{clock}|{end:%H:%M} UTC>"


def plain_time(at: datetime) -> str:
    """A time for alt text and code blocks, where date tokens may not work: "13 Mar 14:02 UTC"."""
    return f"{at.day} {at:%b %H:%M} UTC"


def person(user: str) -> str:
    """A mention of a Slack user; anything but a user id is shown as text."""
    return f"<@{user}>" if _USER_ID.fullmatch(user) else one_line(user, 80)


def channel_link(channel: str) -> str:
    """A link to a Slack channel; anything but a channel id is shown as text."""
    return f"<#{channel}>" if _CHANNEL_ID.fullmatch(channel) else one_line(channel, 80)
