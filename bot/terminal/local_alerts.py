"""The rules on one job that is followed in a terminal: which alerts fired or ended at a look. Pure.

The same conditions, lifecycle and reading of the log as the watcher's (`bot.rules`); without channels, silences and
memory beyond the process.
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

Change = tuple[Alert, Transition]


@dataclass(slots=True)
class Alerting:
    """The alerts of one job as they stand."""

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
        """How far back the first look wants metrics; None: never."""
        return longest_metrics_window(self._wanted)

    def look(self, observation: Observation) -> tuple[Change, ...]:
        """Judge a look, which is without secrets: the alerts that changed."""
        diagnosis = read_on(self._diagnoser, observation, observation.at)
        judged = evaluate_rules(self._alerts, self._wanted, observation, diagnosis)
        self._alerts = [one.alert for one in judged]
        least = self.settings.min_severity.rank
        return tuple(
            (one.alert, one.transition)
            for one in judged
            if one.transition is not None and one.alert.severity.rank >= least
        )
