"""What a diagnosis says, in the words that alerts, reports in Slack and reports in a terminal share. Pure.

Each frontend lays them out and escapes them for itself; the findings come from `bot.diagnosis`.
"""

from __future__ import annotations

import math
from dataclasses import replace

from bot.diagnosis.findings import Diagnosis, Failure, RunProgress
from bot.redaction.redactor import Redactor

_SHOWN_RANKS = 8


def root_line(incident: Failure) -> str | None:
    """The root line as it stands in the log; None when it cannot be told."""
    place = incident.root_index
    return None if place is None else incident.excerpt[place].strip() or None


def describe_ranks(incident: Failure) -> str:
    """`3`, or `3 first, then 0, 1, 2 and 1,020 more`; "" when no rank is known."""
    if not incident.ranks:
        return ""
    root, others = incident.ranks[0], [str(rank) for rank in incident.ranks[1:]]
    if not others:
        return str(root)
    shown, hidden = ", ".join(others[:_SHOWN_RANKS]), len(others) - _SHOWN_RANKS
    return f"{root} first, then {shown}" + (f" and {hidden:,} more" if hidden > 0 else "")


def describe_reason(incident: Failure) -> str:
    """Why it is told so, and how sure that is."""
    return f"{incident.why} Confidence {incident.confidence:.0%}.".strip()


def describe_progress(progress: RunProgress) -> str:
    """Where the run is by its own lines: `step 1,200 of 5,000, loss 2.31, 0.9 s a step`; "" when they do not tell."""
    step = "" if progress.step is None else f"step {progress.step:,}"
    if progress.step is not None and progress.total_steps:
        step += f" of {progress.total_steps:,}"
    named = (
        ("epoch {}", progress.epoch),
        ("loss {}", progress.loss),
        ("gradient norm {}", progress.grad_norm),
        ("learning rate {}", progress.learning_rate),
        ("{} tokens/s", progress.tokens_per_s),
        ("{} samples/s", progress.samples_per_s),
        ("{} s between two progress lines", progress.gap_s),
    )
    parts = [step, *(words.format(_figure(value)) for words, value in named if value is not None)]
    parts += ["reached its end"] if progress.finished else []
    return ", ".join(part for part in parts if part)


def redact_diagnosis(diagnosis: Diagnosis, redactor: Redactor) -> tuple[Diagnosis, int]:
    """The diagnosis with secrets hidden in what it quotes, and how many there were."""
    hidden = 0

    def hide(text: str) -> str:
        nonlocal hidden
        safe, count = redactor.redact(text)
        hidden += count
        return safe

    def redact(text: str) -> str:
        return redactor.redact(text)[0]

    def safe(incident: Failure) -> Failure:
        excerpt = tuple(hide(line) for line in incident.excerpt)
        return replace(incident, title=redact(incident.title), why=redact(incident.why), excerpt=excerpt)

    return replace(diagnosis, failures=tuple(safe(one) for one in diagnosis.failures)), hidden


def _figure(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
