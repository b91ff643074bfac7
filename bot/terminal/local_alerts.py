"""Evaluate the rules on a job that `trainwatch watch` follows. Pure.

Rules, lifecycle and diagnosis are the watcher's (`bot.rules`), but there are no channels and silences, and the state
ends with the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Alert, Transition
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings
from bot.rules.evaluate import Wanted, evaluate_rules, longest_metrics_window, wanted_rules
from bot.rules.log_diagnoser import read_on


@dataclass(slots=True)
class LocalAlerts:
    """The current alerts of one job."""

    settings: RuleSettings
    reader: PageScanner
    _alerts: Sequence[Alert] = ()
    _diagnoser: Diagnoser = field(init=False)
    _wanted: Wanted = field(init=False)

    def __post_init__(self) -> None:
        self._diagnoser = Diagnoser(self.reader)
        self._wanted = wanted_rules([self.settings])

    @property
    def metrics_window(self) -> timedelta | None:
        """How far back the rules need metrics; None if they need none."""
        return longest_metrics_window(self._wanted)

    def evaluate(self, observation: Observation) -> tuple[tuple[Alert, Transition], ...]:
        """Evaluate the rules on a redacted observation and return the alerts that changed."""
        diagnosis = read_on(self._diagnoser, observation, observation.at)
        evaluated = evaluate_rules(self._alerts, self._wanted, observation, diagnosis)
        self._alerts = [one.alert for one in evaluated]
        min_rank = self.settings.min_severity.rank
        return tuple(
            (one.alert, one.transition)
            for one in evaluated
            if one.transition is not None and one.alert.severity.rank >= min_rank
        )
