"""One look judged: every wanted rule's condition, then its lifecycle. Pure; nobody else calls them.

The watcher (`bot.watcher.decide`) turns the result into messages, a terminal that follows a job prints it
(`bot.terminal.local_alerts`), and a replay of the past collects it (`replaying.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.diagnosis.findings import Diagnosis
from bot.domain.alerts import Alert, Timing, Transition
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings, Setting
from bot.rules.catalog import RULES
from bot.rules.lifecycle import step
from bot.rules.rule import Condition, Context, Rule, parameters_key


@dataclass(frozen=True, slots=True)
class WantedRule:
    """A rule with one set of parameters, and all that follows from them."""

    condition: Condition
    parameters: Mapping[str, Setting]
    """Filled in."""
    timing: Timing
    metrics_window: timedelta | None
    """As `Rule.metrics_window` says."""
    initial_alert: Alert
    """Its alert before the first look."""

    @classmethod
    def of(cls, rule: Rule, settings: Mapping[str, Setting]) -> WantedRule:
        """The rule with what somebody set of it."""
        filled = rule.fill(settings)
        alert = Alert(rule.name, parameters_key(settings), severity=rule.severity)
        return cls(rule.condition, filled, rule.timing(filled), rule.metrics_window(filled), alert)


_AS_SHIPPED = tuple((rule, WantedRule.of(rule, {})) for rule in RULES)
"""What nearly every subscription wants, worked out once."""

Wanted = Mapping[tuple[str, str], WantedRule]
"""By rule and parameters key."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One alert after a look, and what happened to it, if anything did."""

    alert: Alert
    transition: Transition | None
    changed: bool
    """Whether it is not as the last look left it, its memory included."""


def wanted_rules(wishes: Iterable[RuleSettings]) -> Wanted:
    """Every distinct set of parameters that somebody wants of each rule."""
    several = list(wishes)
    wanted: dict[tuple[str, str], WantedRule] = {}
    for rule, shipped in _AS_SHIPPED:
        for wish in several:
            if rule.name not in wish.off:
                settings = wish.parameters.get(rule.name)
                one = WantedRule.of(rule, settings) if settings else shipped
                wanted[rule.name, one.initial_alert.parameters_key] = one
    return wanted


def metrics_window(wanted: Wanted) -> timedelta | None:
    """How far back the first look's metrics must reach; None when no wanted rule looks at metrics."""
    return max((one.metrics_window for one in wanted.values() if one.metrics_window is not None), default=None)


def judge(
    stored: Iterable[Alert],
    wanted: Wanted,
    observation: Observation,
    diagnosis: Diagnosis | None,
    now: datetime,
) -> tuple[Judged, ...]:
    """Judge one look.

    Args:
        stored: the alerts as the last look left them.
        wanted: which rules, as `wanted_rules` gives them.
        observation: what was seen, without secrets.
        diagnosis: what the log read so far means; None when it cannot be read.
        now: the time of the look.
    """
    before = {(alert.rule, alert.parameters_key): alert for alert in stored}
    ended = observation.job is not None and observation.job.state.is_terminal
    judged = []
    for key, one in wanted.items():
        alert = before.get(key, one.initial_alert)
        verdict, memory = one.condition(Context(observation, one.parameters, alert.memory, diagnosis))
        remembering = alert if memory == alert.memory else replace(alert, memory=memory)
        stepped, transition = step(remembering, verdict, one.timing, now, job_ended=ended)
        judged.append(Judged(stepped, transition, changed=stepped is not alert and stepped != alert))
    return tuple(judged)
