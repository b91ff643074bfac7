"""One look judged: every wanted rule's condition, then its lifecycle. Pure; nobody else calls them.

The watcher (`bot.watcher.decide`) turns the result into messages, a terminal that follows a job prints it
(`bot.terminal.alerting`), and a replay of the past collects it (`replaying.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.diagnosis.findings import Diagnosis
from bot.domain.alerts import Alert, Transition
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings, Setting
from bot.rules.catalog import RULES, rule_named
from bot.rules.lifecycle import step
from bot.rules.rule import Context, parameters_key

Wanted = Mapping[tuple[str, str], Mapping[str, Setting]]
"""(rule, parameters key) to the settings behind it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One alert after a look, and what happened to it, if anything did."""

    alert: Alert
    transition: Transition | None


def wanted_rules(wishes: Iterable[RuleSettings]) -> dict[tuple[str, str], Mapping[str, Setting]]:
    """Every distinct (rule, parameters key) that somebody wants, with the settings behind it."""
    several = list(wishes)
    wanted: dict[tuple[str, str], Mapping[str, Setting]] = {}
    for rule in RULES:
        for wish in several:
            if rule.name not in wish.off:
                settings = wish.parameters.get(rule.name, {})
                wanted[rule.name, parameters_key(settings)] = settings
    return wanted


def metrics_window(wanted: Wanted) -> timedelta | None:
    """How far back the first look's metrics must reach; None when no wanted rule looks at metrics."""
    rules = ((rule_named(name), settings) for (name, _), settings in wanted.items())
    windows = [rule.metrics_window(rule.fill(settings)) for rule, settings in rules if rule is not None]
    return max((one for one in windows if one is not None), default=None)


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
    for (name, key), settings in wanted.items():
        rule = rule_named(name)
        assert rule is not None
        alert = before.get((name, key)) or Alert(name, key, severity=rule.severity)
        filled = rule.fill(settings)
        verdict, memory = rule.condition(Context(observation, filled, alert.memory, diagnosis))
        remembering = replace(alert, memory=memory)
        stepped, transition = step(remembering, verdict, rule.timing(filled), now, job_ended=ended)
        judged.append(Judged(stepped, transition))
    return tuple(judged)
