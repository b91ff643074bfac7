"""Highlight the decisive part of a line of an excerpt. Pure."""

import re
from collections.abc import Sequence

_REVERSE, _NOT_REVERSE = "\x1b[7m", "\x1b[27m"
_EXCEPTION = re.compile(r"[\w.]*(?:Error|Exception|Interrupt)\b(?=:|$)")


def exception_span(text: str) -> tuple[int, int] | None:
    """The start and end of the exception that a line names."""
    found = _EXCEPTION.search(text)
    return None if found is None else found.span()


def highlight_match(rows: Sequence[str], matched: str) -> list[str]:
    """Show the first occurrence of a text in reverse; of a text that continues in the next row, its first word."""
    words = matched.split()
    for wanted in (matched, *words[:1]):
        for index, row in enumerate(rows):
            if wanted and wanted in row:
                marked = row.replace(wanted, f"{_REVERSE}{wanted}{_NOT_REVERSE}", 1)
                return [*rows[:index], marked, *rows[index + 1 :]]
    return list(rows)
