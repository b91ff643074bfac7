"""Find the level that a logger wrote into a message, for platforms that report none.

Only the formats of loggers count (`[ERROR]`, `ERROR:`, `| ERROR |`, ` - ERROR - `, glog's `E0426 10:11:12`), near the
start of the line. A bare word does not: "NO ERRORS, SUCCESS", `eval_error: 0.06`.
"""

from __future__ import annotations

import re

from bot.domain.logs import Level, LogLine, parse_level

_HEAD = 200
"""Number of characters to search. Loggers put the level near the start."""

_STATED = re.compile(
    r"(?:^|[\s|\]>)])"
    r"(?:\[\s*(?P<bracket>DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\s*\]"
    r"|(?P<colon>DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\s?:"
    r"|[|-]\s*(?P<pipe>DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\s*[|-]"
    r"|level=\"?(?P<key>debug|info|warn|warning|error|critical|fatal)\b)"
)
_STAMPED = re.compile(r"^\d{4}-\d{2}-\d{2}[T ][\d:.,]+Z?\s+(DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\s")
_GLOG = re.compile(r"^([IWEF])\d{4} \d{2}:\d{2}:\d{2}")
_GLOG_LEVELS = {"I": Level.INFO, "W": Level.WARNING, "E": Level.ERROR, "F": Level.CRITICAL}


def stated_level(message: str) -> Level | None:
    """Return the level that a logger wrote into the message, or None."""
    head = message[:_HEAD]
    found = _STATED.search(head)
    if found:
        return parse_level(next(word for word in found.groups() if word))
    found = _STAMPED.match(head)
    if found:
        return parse_level(found[1])
    found = _GLOG.match(head)
    return _GLOG_LEVELS[found[1]] if found else None


def level_of(line: LogLine) -> Level | None:
    """Return the platform's level, or else the one in the message."""
    return line.level if line.level is not None else stated_level(line.message)
