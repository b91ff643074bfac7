"""Build the candidate for any event: a line with a signature, an exception, an interrupt or an exception at the end."""

import re
from collections.abc import Callable, Sequence

from bot.diagnosis.catalogue import Signature
from bot.diagnosis.failures.candidates import Candidate, candidate_from_exception, candidate_from_signature
from bot.diagnosis.failures.exceptions import breaks_channel, classify_exception
from bot.diagnosis.failures.failure_events import FailureEvent
from bot.diagnosis.failures.reasons import Grade, grade
from bot.diagnosis.failures.summaries import completes_work
from bot.diagnosis.failures.tracebacks import RaisedException
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.fingerprints import failure_fingerprint
from bot.domain.alerts import Severity

_EXIT_REPORT = re.compile(r"(?i),? ?\b(?:exit|return|(?:failed|ended) with:?) ?(?:code|status)\b[ :=]{0,3}-?\d+")
_CLEANUP_HINT = "No action is needed. It was raised while the process ended, after its work. https://docs.python.org/3/library/atexit.html"
_CLOSING = re.compile(
    r"(?i)clos(?:ed|ing)\b|closederror|shut ?down|cancell?ed|disconnect|broken ?pipe|event loop|handshake"
    r"|connection ?(?:was )?(?:reset|lost|aborted)|\bEOF\b|end of file"
)
"""What fails when others have ended."""
_INTERRUPT_HINT = (
    "Resume from the last checkpoint if that was not meant. A person or a launcher interrupted the run."
    " https://docs.python.org/3/library/exceptions.html#KeyboardInterrupt"
)
_SIGTERM_HINT = (
    "Find out who sent SIGTERM, then resume from the last checkpoint."
    " It comes from a scheduler, an eviction or a person."
    " https://docs.python.org/3/library/signal.html"
)
_SIGTERM_MESSAGE = re.compile(r"(?i)terminat|sigterm|signal 15")


def closes_after_work(
    raised: RaisedException, texts_before: Callable[[], Sequence[str]], *, has_completed: bool
) -> bool:
    """Did others close a connection or an event loop after all work was done?

    Args:
        raised: the exception.
        texts_before: returns the texts of the lines before it, oldest first.
        has_completed: whether the run had reported success before.
    """
    is_closing = _CLOSING.search(f"{raised.kind}: {raised.message}") is not None
    return is_closing and (has_completed or completes_work(texts_before()))


def candidate_from_interrupt(event: FailureEvent, raised: RaisedException) -> Candidate:
    """Build the stop for a KeyboardInterrupt: of a person, or of a program that raises it for SIGTERM."""
    is_signal = _SIGTERM_MESSAGE.search(raised.message) is not None
    return Candidate(
        name="terminated" if is_signal else "interrupted", precedence=Precedence.STOP, category="scheduler",
        severity=Severity.WARN,
        title="Stopped by a signal (SIGTERM)" if is_signal else "Stopped from the keyboard (SIGINT)",
        hint=_SIGTERM_HINT if is_signal else _INTERRUPT_HINT, line=event.line,
        fingerprint=failure_fingerprint(raised.kind, "", raised.message),
    )  # fmt: skip


def candidate_from_cleanup(event: FailureEvent, raised: RaisedException) -> Candidate:
    """Build the note for an exception of a process that was exiting anyway."""
    return Candidate(
        name="cleanup", precedence=Precedence.ROOT, category="code", severity=Severity.INFO,
        title=f"{raised.kind} during clean-up",
        hint=_CLEANUP_HINT,
        line=event.line, fingerprint="cleanup", is_note=True,
    )  # fmt: skip


def build_note(
    known: Candidate | None, event: FailureEvent, signature: Signature, raised: RaisedException | None
) -> Candidate:
    """Build the note for an event, unless it only repeats a known one."""
    is_repeated = known is not None and raised is None and not signature.by_message
    return known if known is not None and is_repeated else candidate_from_signature(event, signature, raised)


def states_own_reason(raised: RaisedException) -> bool:
    """Does an exception that also reports an exit say itself why that happened?"""
    return raised.has_traceback and grade(_EXIT_REPORT.sub("", raised.message)) is Grade.ORIGIN


def build_candidate(
    event: FailureEvent, signature: Signature | None, raised: RaisedException | None
) -> Candidate | None:
    """Build the candidate for any event; None if it is not a failure."""
    is_consequence = raised is not None and raised.kind.endswith("EOFError") and breaks_channel(raised)
    if signature is not None and signature.role == "teardown" and raised is not None and states_own_reason(raised):
        signature = None
    if signature is not None and not is_consequence:
        return candidate_from_signature(event, signature, raised)
    if raised is None:
        return None
    meaning = classify_exception(raised, has_trained=event.has_trained)
    if meaning.role == "stop":
        return candidate_from_interrupt(event, raised)
    return None if meaning.role == "silent" else candidate_from_exception(event, raised, meaning)
