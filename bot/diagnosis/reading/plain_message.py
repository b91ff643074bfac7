"""Reduce a log message to the text that people read: one line, without its time, rank and level."""

import re

from bot.diagnosis.reading.prefixes import split_prefix, unwrap_json

_READ_CHARS = 4000
_SPACES = re.compile(r"\s+")
_LEADING_LEVEL = re.compile(r"\[?(?:ERROR|CRITICAL|FATAL|WARN(?:ING)?|INFO)\]?[\s:|-]+(?=\S)")


def plain_message(message: str, limit: int) -> str:
    """Return the line of a message that says what happened, cut visibly: of a traceback the last, else the first."""
    lines = [line for line in unwrap_json(message).splitlines() if line.strip()] or [message]
    line = lines[-1] if "Traceback (most recent" in message else lines[0]
    text = _SPACES.sub(" ", split_prefix(line[:_READ_CHARS]).text).strip() or line.strip()
    found = _LEADING_LEVEL.match(text)
    text = text[found.end() :] if found else text
    return text if len(text) <= limit else f"{text[: limit - 1]}\u2026"
