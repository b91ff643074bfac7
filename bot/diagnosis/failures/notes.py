"""Notes: what is worth knowing although the run continues."""

import re
from collections.abc import Container, Iterable
from dataclasses import replace

from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.failures.cpu_use import CPU_FALLBACK, ON_CPU
from bot.diagnosis.failures.persistence import loses_work
from bot.diagnosis.findings import Failure
from bot.domain.alerts import Severity

_OF_RESULTS = frozenset({"numerics", "data", "code"})
"""Categories of notes that matter for the results of a run that ended well."""
WAITS = frozenset({"never_scheduled", "quota_for_job", "missing_object", "pod_refused"})
"""Signatures of what keeps a job from its start, until somebody changes the job or the cluster."""
REFUSED_UPLOAD = "upload_denied"
"""Signature of uploads that are refused: what is saved only locally may be lost, also after a run that ended well."""
_PART = re.compile(
    r"\b[Pp]od[/ ]\"?([a-z][a-z0-9.-]*-[a-z0-9.-]*\w)|Successfully assigned [\w.-]+/([\w.-]+)"
    r"|\b(?:load(?:ed)?|model|directory) '([^']{1,120})'|\{name: (\S+) version|servable (\S+) found|; model: ([^;]+);"
    r"|\bof model (\S+) status|^\| ([^| ]+) +\| +\S+ +\| [A-Z]"
)
"""A pod, or a model of a server, that a line names."""
DELAYS = frozenset({"launch", "scheduler"})
"""Categories of notes that no longer matter once the run trains, or its server answers."""


_ABSENT = re.compile(r"(?i)\bno (?:CUDA|ROCm|HIP)-capable device")
"""What a driver reports on a machine without GPUs."""
_PULL = re.compile(r"(?i)\bpull(?:ing)? (?:the )?image\b")


def is_resolved(failure: Candidate, names: Container[str], text: str) -> bool:
    """Does the line of a start, which ends failures of these names, end this one? Not if it names another pod or model.

    An image that was pulled ends failed attempts for any reason.
    """
    is_pull = "image_pull" in names and failure.excerpt and _PULL.search(failure.excerpt[failure.root_index])
    if failure.name not in names and not is_pull:
        return False
    own = _parts(failure.excerpt[failure.root_index]) if failure.excerpt else set[str]()
    started = _parts(text)
    return not own or not started or not own.isdisjoint(started)


def _parts(text: str) -> set[str]:
    return {name for found in _PART.finditer(text) for name in found.groups() if name}


def is_delay(note: Candidate, *, is_served: bool) -> bool:
    """Does a note no longer matter once the run trains, or answers requests?"""
    if is_served and any(map(_ABSENT.search, note.excerpt)):
        return True
    return note.category in DELAYS and note.name not in ON_CPU


def may_be_delay(note: Candidate, text: str) -> bool:
    """May a note no longer matter later on? Else nothing is searched that shows it."""
    return note.category in DELAYS or _ABSENT.search(text) is not None


def settle_notes(notes: Iterable[Candidate]) -> None:
    """Mark notes of what has passed."""
    for note in notes:
        note.is_handled = True


def report_notes(
    notes: Iterable[Candidate], failures: Iterable[Failure], ended_at: int | None, end: int | None, *, has_ended: bool
) -> list[Failure]:
    """Report notes; none is a page beside a failure that is one, since one failing run is one page.

    Args:
        notes: the candidates.
        failures: of the run.
        ended_at: the line of the failure that ended the run, if one did.
        end: number of the log's last line if no more lines are expected soon, else None.
        has_ended: whether the run ended well after them.
    """
    has_page = any(one.severity is Severity.PAGE for one in failures)
    reported = [report_note(note, ended_at, end, has_ended=has_ended) for note in notes]
    return [
        replace(one, severity=Severity.WARN) if has_page and one.severity is Severity.PAGE else one for one in reported
    ]


def report_note(note: Candidate, ended_at: int | None, end: int | None, *, has_ended: bool) -> Failure:
    """Report a note.

    Args:
        note: the candidate.
        ended_at: the line of the failure that ended the run, if one did.
        end: number of the log's last line if no more lines are expected soon, else None.
        has_ended: whether the run ended well after it.
    """
    is_consequence = ended_at is not None and note.line >= ended_at
    is_rare = note.count < note.min_repeats and not (
        note.excerpt and loses_work(note.excerpt[note.root_index]) and note.repeats.persists(note.count, end)
    )
    has_passed = is_consequence or is_rare or bool(note.prior_success) or note.is_handled
    has_passed |= (
        has_ended
        and note.category not in _OF_RESULTS
        and note.name not in (CPU_FALLBACK, REFUSED_UPLOAD)
        and note.severity is not Severity.PAGE
    )
    severity = Severity.INFO if has_passed else note.severity
    reason = "It was logged after the failure." if is_consequence else "Worth knowing; it did not end the run."
    return note.to_failure(severity, reason)
