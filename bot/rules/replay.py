"""The rules over a past window, look by look: which alerts would have fired, when each would have ended. Pure.

Conditions and lifecycle are the watcher's own (`judging.py`). What a look saw is put together from history in
`bot.commands.handlers.replay`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.diagnosis.findings import Diagnosis
from bot.domain.alerts import Alert, Change, Evidence, Resolution, Severity
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings
from bot.rules.catalog import rule_named
from bot.rules.evaluate import Wanted, judge, wanted_rules


@dataclass(frozen=True, slots=True)
class Replayed:
    """One alert that would have fired."""

    rule: str
    title: str
    severity: Severity
    """The worst it came to."""
    fired_at: datetime
    evidence: Evidence
    """The newest."""
    resolved_at: datetime | None = None
    """None: it still fired at the window's end."""
    resolution: Resolution | None = None
    news: int = 0
    """How often its thread would have been told more."""


class Replay:
    """The alerts of one job while its past is gone through."""

    def __init__(self, settings: RuleSettings) -> None:
        self.wanted: Wanted = wanted_rules([settings])
        self._least = settings.min_severity
        self._alerts: Sequence[Alert] = ()
        self._open: dict[str, Replayed] = {}
        self._over: list[Replayed] = []

    def look(self, observation: Observation, diagnosis: Diagnosis | None) -> None:
        """Judge the next look, which is without secrets; each is later than the one before."""
        at = observation.at
        judged = judge(self._alerts, self.wanted, observation, diagnosis, at)
        self._alerts = [one.alert for one in judged]
        for one in judged:
            change = None if one.transition is None else one.transition.change
            if change is Change.FIRED:
                self._open[one.alert.rule] = _fired(one.alert, at)
            elif change is Change.UPDATED and one.transition is not None:
                self._open[one.alert.rule] = _updated(self._open[one.alert.rule], one.alert, news=one.transition.news)
            elif change is Change.RESOLVED and one.transition is not None:
                shown = self._open.pop(one.alert.rule)
                self._over.append(replace(shown, resolved_at=at, resolution=one.transition.resolution))

    def alerts(self) -> tuple[Replayed, ...]:
        """Those that would have been told, in the order they fired."""
        told = [one for one in (*self._over, *self._open.values()) if one.severity.rank >= self._least.rank]
        return tuple(sorted(told, key=lambda one: (one.fired_at, -one.severity.rank)))

    def quiet(self) -> tuple[str, ...]:
        """Rules that would have told nothing."""
        told = {one.rule for one in self.alerts()}
        return tuple(name for name, _ in self.wanted if name not in told)


def _fired(alert: Alert, at: datetime) -> Replayed:
    rule = rule_named(alert.rule)
    assert rule is not None
    assert alert.evidence is not None
    return Replayed(alert.rule, alert.evidence.title or rule.title, alert.severity, at, alert.evidence)


def _updated(shown: Replayed, alert: Alert, *, news: bool) -> Replayed:
    assert alert.evidence is not None
    worse = alert.severity if alert.severity.rank > shown.severity.rank else shown.severity
    title = alert.evidence.title or shown.title
    return replace(shown, title=title, severity=worse, evidence=alert.evidence, news=shown.news + news)
