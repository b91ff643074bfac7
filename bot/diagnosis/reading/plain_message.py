"""Reduce a log message to the text that people read: one line, without its time, rank and level, visibly cut."""

import re

from bot.diagnosis.reading.prefixes import split_prefix, unwrap_json
from bot.domain.overwritten_text import collapse_overwritten

_READ_CHARS = 4000
_ELLIPSIS = "\u2026"
_SPACES = re.compile(r"\s+")
_LEADING_LEVEL = re.compile(r"\[?(?:ERROR|CRITICAL|FATAL|WARN(?:ING)?|INFO)\]?[\s:|-]+(?=\S)")


def cut_around(text: str, keep: int, limit: int) -> str:
    """Cut a text to `limit` characters so that what is at index `keep` stays; an ellipsis replaces what is cut."""
    text = text.rstrip()
    if len(text) <= limit:
        return text
    if keep < limit * 3 // 4:
        return text[: limit - 1] + _ELLIPSIS
    head = text[: limit // 2 - 1] + _ELLIPSIS
    return head + cut_around(text[max(limit // 2, keep - limit // 8) :], 0, limit - len(head))


def plain_message(message: str, limit: int) -> str:
    """Return the line of a message that says what happened, cut visibly: of a traceback the last, else the first."""
    text = collapse_overwritten(unwrap_json(message)).text
    lines = [line for line in text.splitlines() if line.strip()] or [message]
    line = lines[-1] if "Traceback (most recent" in message else lines[0]
    text = _SPACES.sub(" ", split_prefix(line[:_READ_CHARS]).text).strip() or line.strip()
    found = _LEADING_LEVEL.match(text)
    text = text[found.end() :] if found else text
    return cut_around(text.removeprefix(f"{_ELLIPSIS} "), 0, limit)
