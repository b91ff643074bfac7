"""Complete the last line of a log that is cut inside the words of a known failure.

A copy of a log often ends in the middle of a line, such as `[Rank 5] Watchdog caught collective operati`.
"""

from dataclasses import replace

from bot.diagnosis.catalogue import UNREPORTED_ROLES, Catalogue
from bot.diagnosis.findings import Failure
from bot.diagnosis.reading.prefixes import split_prefix
from bot.diagnosis.reading.required_literals import required_literals

MIN_CHARS, MAX_CHARS = 12, 80
"""Fewer characters of the words of a failure are in many lines."""
MIN_SHARE = 0.4
"""The share of the words that the line must have."""
CONTEXT = 24
"""Number of characters before the cut by which a row of an excerpt is recognised."""


class CutLines:
    """The words of all failures, by their starts."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._rests: dict[str, str] = {}
        for signature in catalogue.signatures:
            if signature.role not in UNREPORTED_ROLES | {"note"}:
                for literal, _ in required_literals(signature.pattern) or ():
                    self._add(literal)

    def find_missing_end(self, line: str) -> str:
        """Return what is missing at the end of a line that is cut within the words of a failure; "" if it is not."""
        end = line[-MAX_CHARS:].lower()
        found = (self._rests.get(end[-length:]) for length in range(len(end), MIN_CHARS - 1, -1))
        rest = next((one for one in found if one), "")
        signature = self._catalogue.classify(split_prefix(line + rest).text) if rest else None
        return "" if signature is None or signature.role in UNREPORTED_ROLES | {"note"} else rest

    def _add(self, literal: str) -> None:
        """Index the starts of a literal that end within a word: a whole line rarely ends so."""
        for end in range(max(MIN_CHARS, int(MIN_SHARE * len(literal))), min(MAX_CHARS, len(literal))):
            if literal[end - 1].isalnum() and literal[end].isalnum():
                self._rests.setdefault(literal[:end].lower(), literal[end:])


def without_added_end(failure: Failure, line: str, added: str) -> Failure:
    """Return a failure whose excerpt and title show its line as the log has it."""
    shown = line[-CONTEXT:]
    excerpt = tuple(row.replace(shown + added, shown) for row in failure.excerpt)
    return replace(failure, excerpt=excerpt, title=failure.title.replace(shown + added, shown))
