"""Judge a run that trains without labels or targets: its result is of no use, unless it needs none."""

import re

from bot.domain.alerts import Severity

NO_TARGETS = "no_targets"
"""Signature of training data without labels or targets."""
_OF_EVALUATION = re.compile(r"(?i)(?:\b|_)(?:val(?:id(?:ation)?)?|eval\w*|test|dev)(?:\b|_)")
_OF_TRAINING = re.compile(r"(?i)(?:\b|_)train")
_NEEDS_NONE = re.compile(
    r"(?i)\b(?:self|semi|un|weakly)[- ]?supervised|unlabell?ed|\bpseudo|\bcontrastive"
    r"|\bpredict(?:ion|ing)?\b|\binference\b"
)


def judge_missing_targets(text: str) -> Severity:
    """Return how severe the lack is: a page for training data, a warning for other data, a note if none are needed."""
    if _NEEDS_NONE.search(text):
        return Severity.INFO
    training = re.sub(r"training may not work\w*", "", text)
    is_of_others = _OF_EVALUATION.search(training) is not None and _OF_TRAINING.search(training) is None
    return Severity.WARN if is_of_others else Severity.PAGE
