"""Conditions on what the log means, as `bot.diagnosis` reads it: a known failure, a hang, a loss gone wrong.

Three rules share one diagnosis, so that a channel can have each on or off; they differ only in the categories.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import Clear, Evidence, ExcerptLine, Finding, Memory, Severity, Unknown, Verdict
from bot.domain.durations import datetime_from_ns
from bot.rules.diagnosis_wording import describe_reason, root_line
from bot.rules.rule import Condition, Context

HANG = frozenset({"hang"})
NUMERICS = frozenset({"numerics"})
MAX_EXCERPT = 20
"""Lines of evidence in one notification."""
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
        told = _told(context.memory)
        new = {one.fingerprint: one.title for one in incidents if one.fingerprint not in told}
        told = dict([*told.items(), *new.items()][-MAX_TOLD:])
        as_told = [replace(one, title=told.get(one.fingerprint, one.title)) for one in incidents]
        return Finding(_evidence(as_told), Severity(incidents[0].severity), notify=bool(new)), {"told": told}

    return condition


failure = diagnosed(lambda category: category not in HANG | NUMERICS)
hang = diagnosed(HANG.__contains__)
numerics = diagnosed(NUMERICS.__contains__)


def _recent(context: Context, diagnosis: Diagnosis, belongs: Callable[[str], bool]) -> list[Failure]:
    """Worst first, without notes and without what has not come again for `quiet_after` while the job lives on."""
    quiet_after = context.span("quiet_after")
    job = context.observation.job
    over = job is not None and job.state.is_terminal
    return [
        one
        for one in diagnosis.failures
        if one.severity != "info"
        and belongs(one.category)
        and (over or _is_recent(one, context.observation.at, quiet_after))
    ]


def _is_recent(incident: Failure, now: datetime, quiet_after: timedelta) -> bool:
    return incident.last_ns is None or now - datetime_from_ns(incident.last_ns) < quiet_after


def _evidence(incidents: list[Failure]) -> Evidence:
    """The worst in full: its root line, the rank to look at, what to try, and the excerpt; the others by title."""
    worst, others = incidents[0], incidents[1:]
    root = worst.root_at
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


def _ranks(incident: Failure) -> str:
    root, others = incident.ranks[0], incident.ranks[1:]
    return f"{root} first, then {len(others):,} more" if others else str(root)


def _last_at(incident: Failure) -> datetime | None:
    """When it was seen last; a hang is seen at every look, which would make every look news."""
    if incident.last_ns is None or incident.category in HANG:
        return None
    return datetime_from_ns(incident.last_ns)


def _told(memory: Memory) -> dict[str, str]:
    """Fingerprint to the title it was first told by: "No progress for 5 min" is not told again every minute."""
    told = memory.get("told")
    return {str(name): str(title) for name, title in told.items()} if isinstance(told, dict) else {}
