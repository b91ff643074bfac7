"""Conditions on the diagnosis of the log (`bot.diagnosis`): a known failure, a hang, or a bad loss.

Three rules share one diagnosis and differ only in its categories, so that a channel can switch each of them.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import Clear, Evidence, ExcerptLine, Finding, Severity, Unknown, Verdict
from bot.domain.durations import datetime_from_ns
from bot.rules.diagnosis_wording import describe_reason, root_line
from bot.rules.rule import Condition, Context, with_state

HANG = frozenset({"hang"})
NUMERICS = frozenset({"numerics"})
MAX_EXCERPT = 20
"""Lines of evidence in one notification."""
MAX_TITLES = 50
"""Failures kept; the oldest are dropped."""


class DiagnosisState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What these rules keep between polls."""

    titles: dict[str, str] = msgspec.field(default_factory=dict, name="told")
    """Fingerprint to the title of its first notification: "No new step for 5 min" does not change every minute."""


def diagnosed(belongs: Callable[[str], bool]) -> Condition:
    """Return a condition that holds while the diagnosis has a page or a warning of a category that `belongs`."""

    @with_state(DiagnosisState)
    def condition(context: Context, state: DiagnosisState) -> tuple[Verdict, DiagnosisState]:
        if context.diagnosis is None:
            return Unknown(), state
        failures = _recent(context, context.diagnosis, belongs)
        if not failures:
            return Clear(), state
        new = {one.fingerprint: one.title for one in failures if one.fingerprint not in state.titles}
        titles = dict([*state.titles.items(), *new.items()][-MAX_TITLES:])
        named = [replace(one, title=titles.get(one.fingerprint, one.title)) for one in failures]
        finding = Finding(_evidence(named), failures[0].severity, notify=bool(new))
        return finding, DiagnosisState(titles)

    return condition


failure = diagnosed(lambda category: category not in HANG | NUMERICS)
hang = diagnosed(HANG.__contains__)
numerics = diagnosed(NUMERICS.__contains__)


def _recent(context: Context, diagnosis: Diagnosis, belongs: Callable[[str], bool]) -> list[Failure]:
    """Return pages and warnings, worst first; while the job runs, only those seen within `quiet_after`."""
    quiet_after = context.span("quiet_after")
    job = context.observation.job
    has_ended = job is not None and job.state.is_terminal
    return [
        one
        for one in diagnosis.failures
        if one.severity is not Severity.INFO
        and belongs(one.category)
        and (has_ended or _is_recent(one, context.observation.at, quiet_after))
    ]


def _is_recent(failure: Failure, now: datetime, quiet_after: timedelta) -> bool:
    return failure.last_ns is None or now - datetime_from_ns(failure.last_ns) < quiet_after


def _evidence(failures: list[Failure]) -> Evidence:
    """Describe the worst failure in full and the others by title."""
    worst, others = failures[0], failures[1:]
    root = worst.root_index
    facts = [("Rank", _ranks(worst))] if worst.ranks else []
    facts += [("Seen", f"{worst.count:,} times")] if worst.count > 1 else []
    facts.append(("Why this", describe_reason(worst)))
    if others:
        facts.append(("Also", "; ".join(sorted({one.title for one in others})[:4])))
    return Evidence(
        summary=(root_line(worst) or f"{worst.title}.")[:600],
        title=worst.title,
        lines=tuple(ExcerptLine(text[:2000]) for text in worst.excerpt[:MAX_EXCERPT]),
        count=worst.count,
        facts=tuple(facts),
        hint=worst.hint,
        first_at=datetime_from_ns(worst.first_ns) if worst.first_ns is not None else None,
        last_at=_last_at(worst),
        root=root if root is not None and root < MAX_EXCERPT else None,
    )


def _ranks(failure: Failure) -> str:
    root, others = failure.ranks[0], failure.ranks[1:]
    return f"{root} first, then {len(others):,} more" if others else str(root)


def _last_at(failure: Failure) -> datetime | None:
    """When it was last seen; None for a hang, which every poll sees, so that the evidence does not change each time."""
    if failure.last_ns is None or failure.category in HANG:
        return None
    return datetime_from_ns(failure.last_ns)
