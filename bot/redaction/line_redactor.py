"""Redact the lines of a log that is read page by page: a secret may continue on the next page. Pure.

A log that is read newest first is searched in the order of time within each page, because a name precedes its value.
Lines are searched before a filter drops some of them: the name of a secret may be in a line that is not shown.
"""

from collections.abc import Sequence

from bot.domain.logs import LogLine, Order
from bot.redaction.patterns import MESSAGE_SEPARATOR
from bot.redaction.redactor import HIDDEN, Redactor

CONTEXT_LINES = 20
"""How many lines of the page before are searched again, so that a name at its end finds its value."""


def hidden_lines(kept: Sequence[LogLine], lines: Sequence[LogLine], shown: Sequence[LogLine]) -> Sequence[LogLine]:
    """Return the lines that a filter kept, as they are shown: `shown` are all lines without secrets."""
    if shown is lines:
        return kept
    safe = {id(line): replaced for line, replaced in zip(lines, shown, strict=True)}
    return [safe[id(line)] for line in kept]


def count_hidden(lines: Sequence[LogLine]) -> int:
    """Return how often the lines show that something is hidden."""
    return sum(line.message.count(HIDDEN) for line in lines)


class LineRedactor:
    """Redacts one page after another."""

    def __init__(self, redactor: Redactor, order: Order = Order.ASC) -> None:
        """Begin a log, of which both the lines and the pages come in the given order."""
        self._redactor = redactor
        self._order = order
        self._context: list[LogLine] = []

    def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
        """Return the lines of the next page without secrets, and the number hidden."""
        if self._order is Order.DESC:
            shown, hidden = self._redactor.redact_lines(lines[::-1])
            return (shown[::-1], hidden) if hidden else (lines, 0)
        context = self._context
        read = [*context, *lines]
        shown, hidden = self._redactor.redact_lines(read)
        self._context = read[-CONTEXT_LINES:]
        if not hidden:
            return lines, 0
        self._context[:0] = self._header(read)
        return shown[len(context) :], hidden - self._redactor.redact_lines(context)[1]

    def _header(self, read: Sequence[LogLine]) -> Sequence[LogLine]:
        """Return the header of a table that may continue on the next page, unless it is among the context anyway."""
        page = MESSAGE_SEPARATOR.join([line.message for line in read])
        header = self._redactor.open_header(page)
        if header is None:
            return []
        first, last = (page.count(MESSAGE_SEPARATOR, 0, position) for position in header)
        return read[first : min(last + 1, len(read) - CONTEXT_LINES)]
