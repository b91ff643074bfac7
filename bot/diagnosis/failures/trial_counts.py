"""Recognise a failure that a person reads from the file or pod of one trial, below the counts of its study."""

import re
from collections.abc import Sequence

_READS_TRIAL = re.compile(
    r"^\W*[$%>#] ?(?:(?:tail|head|cat|less|more|grep|sed|zcat)\b.*(?:trial|error|experiment|runs?/)"
    r"|(?:kubectl|oc|docker|ray|sky) logs\b.*trial)"
)
_GOOD = re.compile(
    r"(?i)\b(\d{1,6}) (?:terminated|running|completed?|succeeded|finished|pending)\b"
    r"|\b(?:terminated|running|completed?|succeeded|finished)[:=] ?(\d{1,6})\b"
)
_BAD = re.compile(r"(?i)\b(\d{1,6}) (?:error(?:ed)?|failed)\b|\b(?:error(?:ed)?|failed)[:=] ?(\d{1,6})\b")
_TRIALS = re.compile(r"(?i)\btrials?\b")
MIN_RATIO = 2
"""Number of trials that went well for each that failed, from which a study goes on."""
MAX_LINES = 40


def is_of_one_trial(before: Sequence[str]) -> bool:
    """Is the next line printed from a trial of a study in which most others go on?

    Args:
        before: the lines before it, without prefixes, oldest first.
    """
    if not before or not _READS_TRIAL.search(before[-1]):
        return False
    counts = [text for text in before[-MAX_LINES:] if _TRIALS.search(text) and _GOOD.search(text)]
    if not counts:
        return False
    return goes_on_without_some(counts[-1])


def goes_on_without_some(text: str) -> bool:
    """Do the counts of a study, such as `(1 ERROR, 4 RUNNING, 19 TERMINATED)`, show that most of its trials go well?"""
    return _TRIALS.search(text) is not None and _sum(_GOOD, text) >= MIN_RATIO * _sum(_BAD, text) > 0


def _sum(pattern: re.Pattern[str], text: str) -> int:
    return sum(int(found.group(1) or found.group(2)) for found in pattern.finditer(text))
