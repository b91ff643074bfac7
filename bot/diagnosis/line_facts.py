"""Read what the text of a line states on its own. It is the same for all lines that differ only in long numbers.

Healthy logs repeat their warnings, and the ranks of failing ones their errors, so what was read is kept.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from bot.diagnosis.catalogue import CACHED_LENGTH, CACHED_LINES, HIDING_ROLES, VOLATILE, Catalogue, Signature
from bot.diagnosis.failures.documents import is_echoed
from bot.diagnosis.failures.failure_events import ReadPosition, parse_event
from bot.diagnosis.failures.mentions import is_only_printed
from bot.diagnosis.failures.noise import as_handled, is_dump, is_handled, is_hypothetical, is_quotation
from bot.diagnosis.failures.rank_evidence import RankEvidence, is_table_row
from bot.diagnosis.failures.tracebacks import RaisedException


class MentionFacts(NamedTuple):
    """How a line mentions the failure that it matches."""

    is_noise: bool
    """Does it only mention it, also if it is an exception without a traceback?"""
    is_hypothetical: bool
    """Does it describe what may happen?"""
    handled: Signature | None
    """The signature of a failure that the line says was handled."""


@dataclass(slots=True)
class LineFacts:
    """What a text states on its own."""

    signature: Signature | None
    is_table_row: bool
    states_ranks: bool
    """Does it state, in any form, the rank of a process?"""
    mention: MentionFacts | None = None
    """None until it is needed."""


class LineReader:
    """Reads texts without their prefixes, and keeps what it read."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[str, LineFacts] = {}

    def read(self, text: str) -> LineFacts:
        """Return what a text states."""
        key = VOLATILE.sub(_mask, text)
        found = self._known.get(key)
        if found is None:
            found = LineFacts(self._catalogue.classify(text), is_table_row(text), _states_ranks(text))
            if len(self._known) >= CACHED_LINES:
                self._known.clear()
            if len(key) <= CACHED_LENGTH:
                self._known[key] = found
        return found

    def may_be_event(self, text: str, raised: RaisedException | None) -> bool:
        """May a line, which ends an exception or not, be an event rather than mention one?"""
        facts = self.read(text)
        has_traceback = raised is not None and raised.has_traceback
        if not facts.is_table_row:
            if raised is None and facts.signature is None:
                return False
            if facts.signature is not None and facts.signature.role in HIDING_ROLES and not has_traceback:
                return False
        if has_traceback:
            return True
        mention = self.read_mention(text)
        return not (mention.is_noise or (raised is None and mention.is_hypothetical))

    def read_mention(self, text: str) -> MentionFacts:
        """Return how a text mentions a failure."""
        facts = self.read(text)
        if facts.mention is None:
            facts.mention = self._read_mention(facts.signature, text)
        return facts.mention

    def _read_mention(self, signature: Signature | None, text: str) -> MentionFacts:
        span = self._catalogue.match_span(signature.name, text) if signature is not None else None
        start, end = span or (0, len(text))
        is_done = is_handled(text, 0 if span is None else start)
        is_report = signature is not None and signature.role == "success"  # some print it as a dictionary
        is_noise = (
            is_quotation(text)
            or (is_dump(text) and not is_report)
            or is_only_printed(text, start, end)
            or is_echoed(text[:start])
            or (signature is None and is_done)
        )
        handled = as_handled(signature) if signature is not None and is_done else None
        return MentionFacts(is_noise, span is not None and is_hypothetical(text, start), handled)


def _mask(number: re.Match[str]) -> str:
    return "#" * (number.end() - number.start())


def _states_ranks(text: str) -> bool:
    evidence = RankEvidence()
    evidence.read_line(text, text, "")
    event = parse_event(text, 0, None, None, ReadPosition(), None)
    return evidence != RankEvidence() or event.label is not None or event.blamed_rank is not None
