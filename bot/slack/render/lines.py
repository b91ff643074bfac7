"""Log lines as the rows of a code block: short on a phone, nothing in them obeyed, every cut said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bot.domain.durations import datetime_from_ns
from bot.domain.logs import Level, LogLine
from bot.slack.render.message import ELLIPSIS, escape

MAX_LINE = 800
"""Characters of one message; a longer one says how much is missing."""


def line_rows(lines: Sequence[LogLine], *, max_line: int = MAX_LINE, stamped: bool = True) -> list[str]:
    """Escaped rows, one a line: clock time in UTC, source where lines differ in it, level where it matters.

    The date stands at a row's beginning only when it differs from that of the line before.
    """
    one_source = len({line.source for line in lines}) <= 1
    rows: list[str] = []
    day: date | None = datetime_from_ns(lines[0].timestamp_ns).date() if lines else None
    for line in lines:
        at = datetime_from_ns(line.timestamp_ns)
        stamp = "" if not stamped else f"{at:%H:%M:%S}" if at.date() == day else f"{at:%d %b %H:%M:%S}"
        day = at.date()
        rows.append(escape(_row(stamp, None if one_source else line.source, line, max_line)))
    return rows


def have_clock(lines: Sequence[LogLine]) -> bool:
    """Whether the times of the lines are their own: an excerpt's lines have no source and the time of the first."""
    if len(lines) < 2:
        return True
    return any(line.source is not None or line.timestamp_ns != lines[0].timestamp_ns for line in lines)


def only_source(lines: Sequence[LogLine]) -> str | None:
    """The source all lines share, which `line_rows` leaves out of the rows; None when they differ or have none."""
    sources = {line.source for line in lines}
    return sources.pop() if len(sources) == 1 else None


def _row(stamp: str, source: str | None, line: LogLine, max_line: int) -> str:
    text = line.message.rstrip()
    hidden = len(text) - max_line
    if hidden > 0:
        text = f"{text[:max_line]}{ELLIPSIS} (+{hidden:,} characters)"
    return " ".join(part for part in (stamp, source, _level(line), text) if part)


def _level(line: LogLine) -> str | None:
    """The level's name from WARNING up, unless the message begins with it anyway."""
    if line.level is None or line.level < Level.WARNING or line.level.name in line.message[:60].upper():
        return None
    return line.level.name
