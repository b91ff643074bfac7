"""Evaluate rules over a past window, poll by poll: which alerts would have fired and when each would have ended. Pure.

`evaluate.LocalAlerts` evaluates each observation; `bot.commands.handlers.rules` observes the past.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Alert, Change, Evidence, Resolution, Severity
from bot.domain.observations import Observation
from bot.domain.rule_expressions import parse_expression
from bot.domain.subscriptions import RuleSettings
from bot.rules.catalog import RULES, rule_named
from bot.rules.evaluate import LocalAlerts


@dataclass(frozen=True, slots=True)
class Replayed:
    """One alert that would have fired."""

    rule: str
    title: str
    severity: Severity
    """The worst while it fired."""
    fired_at: datetime
    evidence: Evidence
    """The newest."""
    resolved_at: datetime | None = None
    """None: still firing at the end of the window."""
    resolution: Resolution | None = None
    updates: int = 0
    """Notifications between the first and the resolution."""


class Replay:
    """The alerts of one job while its past is observed again."""

    def __init__(self, settings: RuleSettings, scanner: PageScanner) -> None:
        not_replayable = (rule.name for rule in RULES if not rule.is_replayable)
        self.local = LocalAlerts(replace(settings, off=(*settings.off, *not_replayable)), scanner)
        self._firing: dict[str, Replayed] = {}
        self._resolved: list[Replayed] = []

    def observe(self, observation: Observation) -> None:
        """Evaluate the next observation, which must be redacted and later than the one before."""
        for alert, transition in self.local.evaluate(observation):
            match transition.change:
                case Change.FIRED:
                    self._firing[alert.rule] = _fired(alert, transition.at)
                case Change.UPDATED:
                    self._firing[alert.rule] = _updated(self._firing[alert.rule], alert, notify=transition.notify)
                case Change.RESOLVED:
                    fired = self._firing.pop(alert.rule)
                    self._resolved.append(replace(fired, resolved_at=transition.at, resolution=transition.resolution))

    def alerts(self) -> tuple[Replayed, ...]:
        """The alerts that would have caused notifications, in the order they fired."""
        every = (*self._resolved, *self._firing.values())
        loud = [one for one in every if one.severity.rank >= self.local.min_severity.rank]
        return tuple(sorted(loud, key=lambda one: (one.fired_at, -one.severity.rank)))

    def notes(self) -> tuple[str, ...]:
        """What a person should know about the rules, in sentences."""
        return tuple(f"`{parse_expression(name).key}` was not found." for name in self.local.unread())

    def quiet(self) -> tuple[str, ...]:
        """The rules that would have caused no notification."""
        fired = {one.rule for one in self.alerts()}
        return tuple(name for name, _ in self.local.wanted if name not in fired)


def _fired(alert: Alert, at: datetime) -> Replayed:
    rule = rule_named(alert.rule)
    assert rule is not None
    assert alert.evidence is not None
    return Replayed(alert.rule, alert.evidence.title or rule.title, alert.severity, at, alert.evidence)


def _updated(fired: Replayed, alert: Alert, *, notify: bool) -> Replayed:
    assert alert.evidence is not None
    worse = alert.severity if alert.severity.rank > fired.severity.rank else fired.severity
    title = alert.evidence.title or fired.title
    return replace(fired, title=title, severity=worse, evidence=alert.evidence, updates=fired.updates + notify)
