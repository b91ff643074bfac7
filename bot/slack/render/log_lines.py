"""Log lines as rows of a code block: escaped, short enough for a phone, with every truncation shown."""

from collections.abc import Sequence
from datetime import date

from bot.diagnosis.reading.line_sources import are_labelled, source_of, split_rank, with_rank_tag
from bot.domain.alerts import ExcerptLine
from bot.domain.durations import datetime_from_ns
from bot.domain.logs import Level, LogLine, source_tag
from bot.domain.overwritten_text import shown_text
from bot.slack.render.text import ELLIPSIS, escape

MAX_LINE = 800
"""Characters of one message; a longer one is truncated with a note."""

AnyLine = LogLine | ExcerptLine

_TIMESTAMP_PREFIX = 24
"""Where to search for a timestamp in the message itself, such as `[2026-03-13 14:02:31,`."""


def line_rows(
    lines: Sequence[AnyLine], *, max_line: int = MAX_LINE, among: Sequence[AnyLine] | None = None
) -> list[str]:
    """Escaped rows: clock time in UTC, source if it differs among lines, level from WARNING up, message.

    The date appears when it differs from that of the previous line. The time is left out if the message starts with it.
    Sources are compared among the lines that these were chosen from. A tag such as `r3` replaces prefixes that state
    the rank. Messages are in their final state (`shown_text`), cut at `max_line` characters.
    """
    all_lines = lines if among is None else among
    has_labels = are_labelled(line.message for line in all_lines)
    one_source = len({source_of(line, has_labels=has_labels) for line in all_lines}) <= 1
    rows: list[str] = []
    day: date | None = None
    for line in lines:
        stamp, (rank, text) = "", split_rank(shown_text(line.message), line.rank, has_labels=has_labels)
        if line.timestamp_ns is not None:
            at = datetime_from_ns(line.timestamp_ns)
            clock = f"{at:%H:%M:%S}"
            if day not in (None, at.date()):
                stamp = f"{at:%d %b} {clock}"
            elif clock not in text[:_TIMESTAMP_PREFIX]:
                stamp = clock
            day = at.date()
        tag = None if one_source else source_tag(rank, line.replica)
        rows.append(escape(" ".join(part for part in (stamp, tag, _level(line), _cut(text, max_line)) if part)))
    return rows


def excerpt_rows(texts: Sequence[str], root: int | None, *, max_line: int = MAX_LINE) -> list[str]:
    """Escaped rows of an excerpt whose lines have no timestamps, with a tag such as `r3`; the root line is marked."""
    has_labels = are_labelled(texts)
    rows = [_cut(with_rank_tag(shown_text(text), has_labels=has_labels), max_line) for text in texts]
    if root is None:
        return [escape(row) for row in rows]
    marks = ("\u25b6 " if index == root else "  " for index in range(len(rows)))
    return [escape(mark + row) for mark, row in zip(marks, rows, strict=True)]


def have_times(lines: Sequence[ExcerptLine]) -> bool:
    """Whether any line has a timestamp; those of a diagnosis have none."""
    return any(line.timestamp_ns is not None for line in lines)


def common_source(lines: Sequence[AnyLine]) -> str | None:
    """The source of all lines, which `line_rows` leaves out; None if sources differ or are unknown."""
    has_labels = are_labelled(line.message for line in lines)
    sources = {source_of(line, has_labels=has_labels) for line in lines}
    return sources.pop() if len(sources) == 1 else None


def _cut(text: str, max_line: int) -> str:
    text = text.rstrip()
    hidden = len(text) - max_line
    return f"{text[:max_line]}{ELLIPSIS} (+{hidden:,} characters)" if hidden > 0 else text


def _level(line: AnyLine) -> str | None:
    """The level's name from WARNING up, unless the message starts with it."""
    if line.level is None or line.level < Level.WARNING or line.level.name in line.message[:60].upper():
        return None
    return line.level.name
