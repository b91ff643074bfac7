"""Find the reason of a traceback whose exception line is missing: an error just above it, or its torn message below.

A log that ends inside a traceback often has the reason already: a program prints the exception or the failure of a
sub-job before the stack. Where ranks write at once, the name of the exception and its message are on different lines.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.diagnosis.failures.candidates import SHOWN_EXCEPTION
from bot.diagnosis.failures.category_evidence import FailureText, weigh_category
from bot.diagnosis.failures.category_hints import HINTS
from bot.diagnosis.failures.ends.last_words import EndRow
from bot.diagnosis.failures.frames import LineKind, line_kind
from bot.diagnosis.failures.reasons import Grade
from bot.diagnosis.failures.stated_ranks import find_detail_rank
from bot.diagnosis.failures.subjects import is_complaint, is_progress
from bot.diagnosis.failures.vague_lines import is_vague
from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.plain_message import cut_around
from bot.domain.logs import Level

ROWS_ABOVE, ROWS_BELOW, ROWS_OF_MESSAGE = 6, 4, 8
"""Number of rows above and below a traceback that are searched, and of those that its message may take."""
MAX_GAP = 1
"""Number of rows without an error between the traceback and the error above it."""
TITLE_CHARS, ROW_CHARS = 160, 300
_WARNING = re.compile(r"\S+:\d+: \w+Warning: ")
"""What Python writes before a warning."""


def explain_cut_traceback(failure: Failure, rows: Sequence[EndRow]) -> Failure:
    """Report the line that states why the traceback was raised, if one does.

    Args:
        failure: the traceback without its exception line, whose line is its last frame.
        rows: the last lines of the log.
    """
    index = next((at for at, row in enumerate(rows) if row.number == failure.line), None)
    if index is None:
        return failure
    below = [row for row in rows[index + 1 :] if row.text.strip() and line_kind(row.text) is LineKind.OTHER]
    reason = next((row for row in below[:ROWS_BELOW] if _is_torn_message(row)), None) or _find_error_above(rows, index)
    if reason is None:
        return failure
    text = reason.text.strip()
    shown = SHOWN_EXCEPTION.search(text)
    category = weigh_category(FailureText(shown["message"], shown["kind"]) if shown else FailureText(text)).category
    rank = find_detail_rank([row.text for row in below[:ROWS_OF_MESSAGE]]) if reason.number > failure.line else None
    excerpt = [cut_around(reason.raw.strip(), 0, ROW_CHARS)]
    is_above = reason.number < failure.line
    return replace(
        failure, title=cut_around(text, 0, TITLE_CHARS), line=reason.number,
        category=failure.category if category == "code" else category,
        hint=failure.hint if category == "code" else HINTS.get(category, failure.hint),
        ranks=failure.ranks if rank is None else (rank,), root_index=0 if is_above else len(failure.excerpt),
        excerpt=(*excerpt, *failure.excerpt) if is_above else (*failure.excerpt, *excerpt),
        why=f"{failure.why} This line states what happened.",
    )  # fmt: skip


def _is_torn_message(row: EndRow) -> bool:
    """Is it the message of an exception whose name another process's output has torn off?"""
    is_quiet = row.level is not None and row.level < Level.ERROR
    return row.grade >= Grade.REASON and not (is_quiet or row.goes_on or row.is_aside or is_progress(row.text))


def _find_error_above(rows: Sequence[EndRow], index: int) -> EndRow | None:
    """The first of the errors in a row that end just above a traceback and say most."""
    top = index
    while top and line_kind(rows[top].text) in (LineKind.FRAME, LineKind.CODE):
        top -= 1
    if line_kind(rows[top].text) is not LineKind.HEADER:
        return None
    found, gap = list[EndRow](), 0
    for row in reversed(rows[max(0, top - ROWS_ABOVE) : top]):
        if line_kind(row.text) is LineKind.CODE and gap < MAX_GAP:
            gap += 1  # of a warning
            continue
        if line_kind(row.text) is not LineKind.OTHER or is_progress(row.text) or row.goes_on:
            break
        if not row.text.strip():
            continue
        if _is_error(row):
            found, gap = [row, *found], 0
        elif (gap := gap + 1) > MAX_GAP:
            break
    return max(found, key=lambda row: min(row.grade, Grade.REASON) * (not is_vague(row.text)), default=None)


def _is_error(row: EndRow) -> bool:
    if _WARNING.match(row.text) is not None:
        return row.grade is Grade.ORIGIN  # a full disk fails the next call as well
    if (row.level is not None and row.level < Level.ERROR) or "Warning" in row.text or row.text.rstrip().endswith(":"):
        return False
    return row.is_exit or row.is_error or (row.complains and is_complaint(row.text))
