"""Evaluate the rules on one job in memory, for `trainwatch watch` and `rules test`. Pure.

Rules, lifecycle and diagnosis are the watcher's, but there are no channels and silences, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Alert, Transition
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings
from bot.rules.evaluate import Wanted, evaluate_rules, longest_metrics_window, wanted_rules
from bot.rules.log_diagnoser import diagnose_observation


class LocalAlerts:
    """The current alerts of one job."""

    def __init__(self, settings: RuleSettings, scanner: PageScanner) -> None:
        self.min_severity = settings.min_severity
        self.wanted: Wanted = wanted_rules([settings])
        self._diagnoser = Diagnoser(scanner)
        self._alerts: Sequence[Alert] = ()

    @property
    def metrics_window(self) -> timedelta | None:
        """How far back the rules need metrics; None if they need none."""
        return longest_metrics_window(self.wanted)

    def evaluate(self, observation: Observation) -> list[tuple[Alert, Transition]]:
        """Evaluate the rules on the next observation, which must be redacted; return the alerts that changed."""
        diagnosis = diagnose_observation(self._diagnoser, observation)
        evaluated = evaluate_rules(self._alerts, self.wanted, observation, diagnosis)
        self._alerts = [one.alert for one in evaluated]
        return [(one.alert, one.transition) for one in evaluated if one.transition is not None]
