"""Conditions on what the log means, as `bot.diagnosis` reads it: a known failure, a hang, a loss gone wrong.

Three rules share one diagnosis, so that a channel can have each on or off; they differ only in the categories.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.diagnosis.findings import Diagnosis, LogIncident
from bot.domain.alerts import Clear, Evidence, Finding, Memory, Severity, Unknown, Verdict
from bot.domain.durations import datetime_from_ns
from bot.domain.logs import LogLine
from bot.rules.rule import Condition, Context

HANG = frozenset({"hang"})
NUMERICS = frozenset({"numerics"})
MAX_TOLD = 50
"""Fingerprints remembered; what comes after is counted and not told again."""


def diagnosed(belongs: Callable[[str], bool]) -> Condition:
    """The condition that holds while the diagnosis has a page or a warning of a category that `belongs`."""

    def condition(context: Context) -> tuple[Verdict, Memory]:
        diagnosis = context.diagnosis
        if diagnosis is None:
            return Unknown(), context.memory
        incidents = _recent(context, diagnosis, belongs)
        if not incidents:
            return Clear(), context.memory
        told = [str(one) for one in _list(context.memory.get("told"))]
        new = [one for one in incidents if one.fingerprint not in told]
        memory = {"told": [*told, *(one.fingerprint for one in new)][-MAX_TOLD:]}
        return Finding(_evidence(incidents), Severity(incidents[0].severity), news=bool(new)), memory

    return condition


failure = diagnosed(lambda category: category not in HANG | NUMERICS)
hang = diagnosed(HANG.__contains__)
numerics = diagnosed(NUMERICS.__contains__)


def _recent(context: Context, diagnosis: Diagnosis, belongs: Callable[[str], bool]) -> list[LogIncident]:
    """Worst first, without notes and without what has not come again for `quiet_after` while the job lives on."""
    quiet_after = context.span("quiet_after")
    job = context.observation.job
    over = job is not None and job.state.is_terminal
    return [
        one
        for one in diagnosis.incidents
        if one.severity != "info"
        and belongs(one.category)
        and (over or _is_recent(one, context.observation.at, quiet_after))
    ]


def _is_recent(incident: LogIncident, now: datetime, quiet_after: timedelta) -> bool:
    return incident.last_ns is None or now - datetime_from_ns(incident.last_ns) < quiet_after


def _evidence(incidents: list[LogIncident]) -> Evidence:
    worst, others = incidents[0], incidents[1:]
    stamp = worst.first_ns or 0
    facts = [("Rank", _ranks(worst))] if worst.ranks else []
    facts.append(("Why this", f"{worst.why} Confidence {worst.confidence:.0%}."))
    if others:
        facts.append(("Also", "; ".join(sorted({one.title for one in others})[:4])))
    return Evidence(
        summary=f"{worst.title}.",
        title=worst.title,
        lines=tuple(LogLine(stamp, text[:2000]) for text in worst.excerpt[:20]),
        count=worst.count,
        facts=tuple(facts),
        hint=worst.hint,
        first_at=datetime_from_ns(worst.first_ns) if worst.first_ns is not None else None,
        last_at=datetime_from_ns(worst.last_ns) if worst.last_ns is not None else None,
    )


def _ranks(incident: LogIncident) -> str:
    root, others = incident.ranks[0], incident.ranks[1:]
    return f"{root} first, then {len(others)} more" if others else str(root)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
