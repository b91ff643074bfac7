"""Choose the log lines shown with a failure: the root line, lines of the same source before it, and lines after it."""

import re
from collections.abc import Iterable

from bot.diagnosis.failures.candidates import EXCERPT_LINE, Candidate
from bot.diagnosis.findings import Label
from bot.diagnosis.reading.cursor import LineCursor
from bot.diagnosis.reading.prefixes import split_prefix

LINES_BEFORE = 4
CONTEXT = 2000
"""Number of bytes before and after a root line that its excerpt is chosen from."""

_LINE_ENDS = re.compile(r"[\r\n]")


def start_excerpt(candidate: Candidate, cursor: LineCursor, tail: bytes, offset: int, label: Label | None) -> None:
    """Set the lines before the root, from the same source, and the root line.

    Args:
        candidate: receives the lines.
        cursor: at the root line.
        tail: the log before the page.
        offset: of the page in the log.
        label: the source of the root line.
    """
    lines = [line for line in _LINE_ENDS.split(_decode(text_before(cursor, tail)))[1:] if line.strip()]
    own = [line for line in lines[-40:] if split_prefix(line).source.label in (label, None)]
    root = _decode(cursor.raw()).strip()
    before = [line.rstrip()[:EXCERPT_LINE] for line in own[-LINES_BEFORE:]]
    candidate.excerpt, candidate.root_index = [*before, root[: 2 * EXCERPT_LINE]], len(before)
    candidate.excerpt_end = offset + cursor.end


def complete_excerpts(candidates: Iterable[Candidate], page: bytes, offset: int) -> None:
    """Add the lines after the root to candidates of this page or an earlier one."""
    for candidate in candidates:
        if candidate.missing_lines <= 0:
            continue
        start = max(0, candidate.excerpt_end - offset)
        text = page[start : max(start, candidate.excerpt_end - offset + CONTEXT)]
        lines = [line for line in _LINE_ENDS.split(_decode(text)) if line.strip()][: candidate.missing_lines]
        candidate.excerpt += [line.rstrip()[:EXCERPT_LINE] for line in lines]
        candidate.missing_lines -= len(lines)
        if offset + len(page) >= candidate.excerpt_end + CONTEXT:
            candidate.missing_lines = 0


def text_before(cursor: LineCursor, tail: bytes) -> bytes:
    """Return the text before the line, on this page and in the tail of the log before it."""
    before = cursor.page[max(0, cursor.start - CONTEXT) : cursor.start]
    return before if cursor.start >= CONTEXT else tail[-(CONTEXT - cursor.start) :] + before


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")
