"""Notes: what is worth knowing although the run continues."""

from collections.abc import Iterable

from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.findings import Failure
from bot.domain.alerts import Severity

_OF_RESULTS = frozenset({"numerics", "data", "code"})
"""Categories of notes that matter for the results of a run that ended well."""
DELAYS = frozenset({"launch", "scheduler"})
"""Categories of notes that no longer matter once the run trains, or its server answers."""


def settle_notes(notes: Iterable[Candidate]) -> None:
    """Mark notes of what has passed."""
    for note in notes:
        note.is_handled = True


def report_note(note: Candidate, ended_at: int | None, *, has_ended: bool) -> Failure:
    """Report a note.

    Args:
        note: the candidate.
        ended_at: the line of the failure that ended the run, if one did.
        has_ended: whether the run ended well after it.
    """
    is_consequence = ended_at is not None and note.line >= ended_at
    is_rare = note.count < note.min_repeats
    has_passed = is_consequence or is_rare or bool(note.prior_success) or note.is_handled
    has_passed |= has_ended and note.category not in _OF_RESULTS and note.severity is not Severity.PAGE
    severity = Severity.INFO if has_passed else note.severity
    reason = "It was logged after the failure." if is_consequence else "Worth knowing; it did not end the run."
    return note.to_failure(severity, reason)
