"""Describe a diagnosis in words, for alerts and for reports in Slack and the terminal. Pure.

Frontends lay out and escape the text themselves.
"""

import math
from dataclasses import replace
from datetime import datetime

from bot.diagnosis.confidence import confidence_word
from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.reading.labels import Label, list_labels
from bot.diagnosis.reading.plain_message import plain_message
from bot.domain.alerts import Evidence, Severity
from bot.domain.jobs import Job
from bot.domain.progress import RunProgress, checkpoint_text, progress_text
from bot.domain.run_verdicts import RunVerdict
from bot.redaction.redactor import Redactor

_SUMMARY_CHARS = 600
_DOUBTS = {"probably": "This is probably the cause.", "a guess": "This is a guess: check the lines around it."}


def root_line(failure: Failure) -> str | None:
    """Return the root line as logged; None if there is none."""
    index = failure.root_index
    return None if index is None else failure.excerpt[index].strip() or None


def decisive_text(failure: Failure) -> str:
    """Return the failure's decisive line without time, rank and level, else its title."""
    line = root_line(failure)
    return plain_message(line, _SUMMARY_CHARS) if line else f"{failure.title.rstrip('.')}."


def ranks_of_total(failure: Failure, job: Job | None) -> str:
    """Return `3 of 8`, `3 of 8 first, then 2 more`, or the name of a replica; "" if none is known."""
    if not failure.ranks:
        return ""
    others = len(failure.ranks) - 1
    return _of_total(failure.ranks[0], job) + (f" first, then {others:,} more" if others else "")


def rank_label(failure: Failure) -> str:
    """Return the label of the fact about where it broke: `Rank`, or `Replica` if the log names only replicas."""
    return "Rank" if isinstance(failure.root_rank, int) else "Replica"


def describe_ranks(failure: Failure, job: Job | None = None) -> str:
    """Return `3 of 8`, or `3 first, then 0-2, 4-1023`; "" if no rank is known."""
    if not failure.ranks:
        return ""
    root = _of_total(failure.ranks[0], job)
    return f"{root} first, then {list_labels(failure.ranks[1:])}" if len(failure.ranks) > 1 else root


def _of_total(root: Label, job: Job | None) -> str:
    total = job.rank_count if job is not None else None
    return f"{root} of {total:,}" if total is not None and isinstance(root, int) and root < total else str(root)


def describe_reason(failure: Failure) -> str:
    """Return why this is the root cause; of a page also how certain that is, unless it is very likely.

    What usually follows from another failure is not called the probable cause.
    """
    word = confidence_word(failure.confidence) if failure.severity is Severity.PAGE else ""
    doubt = "" if word == "probably" and failure.precedence.is_consequence else _DOUBTS.get(word, "")
    return f"{failure.why} {doubt}".strip()


def describe_verdict(verdict: RunVerdict) -> tuple[str, str]:
    """Return `Fix first: the same batch runs out again.` and `To be sure: …`, which may be ""."""
    basis = " This is from the log alone." if verdict.is_from_log_only else ""
    return verdict.sentence + basis, f"To be sure: {verdict.missing}." if verdict.missing else ""


def describe_progress(progress: RunProgress, *, is_running: bool = True, ended_at: datetime | None = None) -> str:
    """Return `step 1,200 of 5,000 · 4.0 s/step · about 4 h left · loss 2.31 · last checkpoint 1,000`; "" if unknown.

    Args:
        progress: what the log says.
        is_running: False for a run that has ended.
        ended_at: when it ended, for the work lost since the last checkpoint.
    """
    named = (
        ("epoch {}", progress.epoch if progress.step is not None else None),
        ("loss {}", progress.loss),
        ("gradient norm {}", progress.grad_norm),
        ("learning rate {}", progress.learning_rate),
        ("{} tokens/s", progress.tokens_per_s),
        ("{} samples/s", progress.samples_per_s),
    )
    parts = [
        progress_text(progress, is_running=is_running),
        *(text.format(_number(value)) for text, value in named if value is not None),
        checkpoint_text(progress, ended_at),
    ]
    return " · ".join(part for part in parts if part)


def summary_in_utc(evidence: Evidence) -> str:
    """Return the summary of evidence, with the time of a prediction in UTC, for text without a reader's zone."""
    expected = f" Expected {evidence.expected_at:%H:%M} UTC." if evidence.expected_at else ""
    return evidence.summary + expected


def redact_diagnosis(diagnosis: Diagnosis, redactor: Redactor) -> tuple[Diagnosis, int]:
    """Redact secrets in a diagnosis; also return the number of secrets in its excerpts."""
    count = 0
    failures = []
    for failure in diagnosis.failures:
        excerpt = [redactor.redact(line) for line in failure.excerpt]
        count += sum(found for _, found in excerpt)
        title, why, hint = (redactor.redact(text)[0] for text in (failure.title, failure.why, failure.hint))
        failures.append(replace(failure, title=title, why=why, hint=hint, excerpt=tuple(line for line, _ in excerpt)))
    progress = redact_progress(diagnosis.progress, redactor)
    last = diagnosis.last_lines
    lines = {line: redactor.redact(line.message) for line in (*last.notable, *last.ending)}
    count += sum(found for _, found in lines.values())
    notable, ending = (
        tuple(replace(line, message=lines[line][0]) for line in group) for group in (last.notable, last.ending)
    )
    last = replace(last, notable=notable, ending=ending)
    return replace(diagnosis, failures=tuple(failures), progress=progress, last_lines=last), count


def redact_progress(progress: RunProgress, redactor: Redactor) -> RunProgress:
    """Redact secrets in the path of the last checkpoint."""
    saved = progress.checkpoint
    if saved is None or saved.path is None:
        return progress
    return replace(progress, checkpoint=replace(saved, path=redactor.redact(saved.path)[0]))


def _number(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
