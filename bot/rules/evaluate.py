"""Evaluate rules on one poll: each wanted rule's condition, then its alert's lifecycle. Pure.

The watcher (`bot.watcher.decide`) turns the result into messages; `trainwatch watch` and `rules test` use it through
`local_alerts.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.diagnosis.findings import Diagnosis
from bot.domain.alerts import Alert, Timing, Transition
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings, Setting
from bot.rules.catalog import RULES
from bot.rules.lifecycle import step
from bot.rules.rule import Condition, Context, Rule, parameters_key


@dataclass(frozen=True, slots=True)
class WantedRule:
    """A rule with one set of parameters, and what follows from them."""

    condition: Condition
    parameters: Mapping[str, Setting]
    """Every parameter, defaults included."""
    timing: Timing
    metrics_window: timedelta | None
    """As `Rule.metrics_window` returns it."""
    initial_alert: Alert
    """Its alert before the first poll."""

    @classmethod
    def of(cls, rule: Rule, settings: Mapping[str, Setting]) -> WantedRule:
        """Apply settings to a rule."""
        filled = rule.fill(settings)
        alert = Alert(rule.name, parameters_key(settings), severity=rule.severity)
        return cls(rule.condition, filled, rule.timing(filled), rule.metrics_window(filled), alert)


_AS_SHIPPED = tuple((rule, WantedRule.of(rule, {})) for rule in RULES)
"""The rules without settings, which nearly every subscription wants; computed once."""

Wanted = Mapping[tuple[str, str], WantedRule]
"""By rule and parameters key."""


@dataclass(frozen=True, slots=True)
class EvaluatedAlert:
    """One alert after a poll."""

    alert: Alert
    transition: Transition | None = None
    """What happened to it at this poll, if anything did."""
    changed: bool = False
    """Whether it differs from the stored alert, its memory included."""
    id: str = ""
    """`alert_id` of a firing alert, once the watch is known."""


def wanted_rules(settings: Iterable[RuleSettings]) -> Wanted:
    """Collect every distinct set of parameters that a subscription wants of each rule."""
    several = list(settings)
    wanted: dict[tuple[str, str], WantedRule] = {}
    for rule, shipped in _AS_SHIPPED:
        for one in several:
            if rule.name not in one.off:
                parameters = one.parameters.get(rule.name)
                found = WantedRule.of(rule, parameters) if parameters else shipped
                wanted[rule.name, found.initial_alert.parameters_key] = found
    return wanted


def longest_metrics_window(wanted: Wanted) -> timedelta | None:
    """How far back the metrics of the first poll must reach; None when no wanted rule reads metrics."""
    return max((one.metrics_window for one in wanted.values() if one.metrics_window is not None), default=None)


def evaluate_rules(
    stored: Iterable[Alert], wanted: Wanted, observation: Observation, diagnosis: Diagnosis | None
) -> tuple[EvaluatedAlert, ...]:
    """Evaluate every wanted rule on one poll.

    Args:
        stored: the alerts as of the last poll.
        wanted: the rules, as `wanted_rules` returns them.
        observation: what the poll saw, redacted.
        diagnosis: of the log so far; None when it cannot be read.
    """
    before = {(alert.rule, alert.parameters_key): alert for alert in stored}
    ended = observation.job is not None and observation.job.state.is_terminal
    evaluated = []
    for key, rule in wanted.items():
        alert = before.get(key, rule.initial_alert)
        verdict, memory = rule.condition(Context(observation, rule.parameters, alert.memory, diagnosis))
        remembering = alert if memory == alert.memory else replace(alert, memory=memory)
        stepped, transition = step(remembering, verdict, rule.timing, observation.at, job_ended=ended)
        evaluated.append(EvaluatedAlert(stepped, transition, changed=stepped is not alert and stepped != alert))
    return tuple(evaluated)
