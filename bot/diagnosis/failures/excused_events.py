"""Turn events into notes that report no failure of the run: of probed parts, old revisions and first starts."""

import re
from dataclasses import replace
from itertools import islice

from bot.diagnosis.catalogue import Signature
from bot.diagnosis.failures.cpu_use import ON_CPU, chooses_cpu
from bot.diagnosis.failures.documents import is_in_document, may_be_in_document
from bot.diagnosis.failures.lost_resumes import LOST_RESUME, follows_restart
from bot.diagnosis.failures.no_targets import NO_TARGETS, judge_missing_targets
from bot.diagnosis.failures.noise import as_handled
from bot.diagnosis.failures.old_revisions import is_of_old_revision
from bot.diagnosis.failures.optional_parts import is_optional_part
from bot.diagnosis.failures.status_trees import is_in_good_tree
from bot.diagnosis.failures.tracebacks import RaisedException
from bot.diagnosis.failures.verdicts import is_verdict_row
from bot.diagnosis.failures.windows import Place, text_before
from bot.diagnosis.reading.sourced_lines import is_logged
from bot.domain.alerts import Severity

_LOADS_PART = re.compile(
    r"(?i)\bdo(?:es)? not match exactly|\bnon-?strict|\bstrict ?= ?False"
    r"|\bpartial(?:ly)? load|\bmismatched (?:keys|layers)"
    r"|\b(?:re-?)?initiali[sz](?:ed|ing) (?:the )?(?:new |other |missing )?(?:head|classifier|layers)"
)
"""What a program says where it loads the weights that fit, and leaves out the others."""
MANY_KEYS = 40
"""Number of lines after it in which those are listed."""
_DATA_RAN_OUT, _UNKNOWN_LENGTH = "data_ran_out", "/Unknown"
"""Keras learns the length of an epoch, shown as `311/Unknown`, from its end."""
_FAILS = frozenset({"root", "weak", "cascade", "abort", "teardown", "stop"})


def excuse_event(
    place: Place, text: str, signature: Signature | None, raised: RaisedException | None
) -> tuple[Signature | None, RaisedException | None]:
    """Return the signature and the exception of an event as they count.

    Args:
        place: of the event.
        text: of its line, without its prefixes.
        signature: that it matches.
        raised: the exception that it is.
    """
    shown = text if text[:1].isspace() else place.line
    if (
        (raised is None or not raised.has_traceback)
        and not is_logged(place.line)
        and may_be_in_document(text_before(place.cursor, place.tail), shown)
        and is_in_document(place.newest_texts, shown)
    ):
        return None, None
    name = "" if signature is None else signature.name
    if signature is not None and name == NO_TARGETS:
        return replace(signature, severity=judge_missing_targets(text)), raised
    if signature is not None and name in ON_CPU and chooses_cpu([*place.texts_before(), text]):
        return replace(signature, severity=Severity.INFO), raised
    if name == _DATA_RAN_OUT and any(_UNKNOWN_LENGTH in one for one in place.newest_texts()):
        return None, raised
    if name == LOST_RESUME and not follows_restart(place.newest_texts, text):
        return None, raised
    if signature is not None and signature.role not in _FAILS:
        return signature, raised
    if raised is None or not raised.has_traceback:
        if is_verdict_row(text, place.newest_texts) or is_in_good_tree(text, place.newest_texts):
            return None, None
        if signature is not None and name == "ckpt_mismatch" and _loads_part(place):
            return as_handled(signature), raised
    if is_of_old_revision(place, place.line):
        note = None if signature is None else replace(signature, role="note", severity=Severity.WARN)
        return note, _as_caught(raised)
    if _may_be_optional(signature, raised) and is_optional_part(place, text, raised):
        return None if signature is None else as_handled(signature), _as_caught(raised)
    return signature, raised


def _loads_part(place: Place) -> bool:
    """Do the lines before an event show that a program only loads the weights that fit?"""
    return any(map(_LOADS_PART.search, islice(place.newest_texts(), MANY_KEYS)))


def _may_be_optional(signature: Signature | None, raised: RaisedException | None) -> bool:
    """Does the line report what a program lacks, so that it may do without?"""
    if signature is None:
        return raised is not None and raised.has_traceback
    return signature.name in ("import_error", "no_gpu")


def _as_caught(raised: RaisedException | None) -> RaisedException | None:
    return None if raised is None else replace(raised, is_service=True)
