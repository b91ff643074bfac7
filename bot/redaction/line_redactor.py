"""Redact the lines of a log that is read page by page: a secret may continue on the next page. Pure."""

from collections.abc import Sequence

from bot.domain.logs import LogLine
from bot.redaction.redactor import Redactor

CONTEXT_LINES = 20
"""How many lines of the page before are searched again, so that a name at its end finds its value."""


class LineRedactor:
    """Redacts one page after another, in the order of time."""

    def __init__(self, redactor: Redactor) -> None:
        """Begin a log."""
        self._redactor = redactor
        self._context: list[LogLine] = []

    def redact_lines(self, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
        """Return the lines of the next page without secrets, and the number hidden."""
        context = self._context
        self._context = [*context, *lines][-CONTEXT_LINES:]
        shown, hidden = self._redactor.redact_lines([*context, *lines])
        if not hidden:
            return lines, 0
        return shown[len(context) :], hidden - self._redactor.redact_lines(context)[1]
