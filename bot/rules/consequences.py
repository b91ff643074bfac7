"""Find the failure that another alert follows from, so that one failure is reported once.

A run that dies of one failure also logs errors, leaves its GPUs idle and ends. These alerts appear in the root message
and in the replies of their cause, without separate replies. What happens long before or after a failure is reported,
and what happens beside a warning, which does not end a run.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain.alerts import IncidentAlert, Severity
from bot.rules.rule import Rule

_BEFORE = timedelta(minutes=2)
"""A consequence may be measured slightly before its cause is logged."""
_AFTER = timedelta(minutes=5)
"""Launchers need minutes to end the other processes of a run."""
_LONGEST = timedelta(minutes=30)
"""A failure that repeats for longer does not explain what is new."""


def find_cause(rule: Rule, at: datetime, alerts: Iterable[IncidentAlert]) -> IncidentAlert | None:
    """Return the firing page that explains an alert of `rule` with evidence from `at`; None if there is none."""
    pages = (one for one in alerts if one.severity is Severity.PAGE and one.resolved_at is None)
    causes = (one for one in pages if one.rule in rule.follows)
    return next((one for one in causes if _starts(one) - _BEFORE <= at <= _ends(one) + _AFTER), None)


def _starts(cause: IncidentAlert) -> datetime:
    return cause.evidence.first_at or cause.fired_at


def _ends(cause: IncidentAlert) -> datetime:
    starts = _starts(cause)
    return min(cause.evidence.last_at or starts, starts + _LONGEST)
