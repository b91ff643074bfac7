"""The shipped rules on one job that is followed in a terminal: which alerts fired or ended at this look. Pure.

The same conditions and the same lifecycle as the watcher's; without channels, silences and memory beyond the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.alerts import Alert, Transition
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings
from bot.rules.catalog import RULES
from bot.rules.lifecycle import step
from bot.rules.rule import Context

Change = tuple[Alert, Transition]


def judge(
    alerts: Sequence[Alert], observation: Observation, settings: RuleSettings, now: datetime, *, job_ended: bool
) -> tuple[tuple[Alert, ...], tuple[Change, ...]]:
    """Every rule's alert after this look, and those that changed."""
    before = {alert.rule: alert for alert in alerts}
    after: list[Alert] = []
    changes: list[Change] = []
    for rule in RULES:
        if rule.name in settings.off:
            continue
        parameters = rule.fill(settings.parameters.get(rule.name, {}))
        alert = before.get(rule.name) or Alert(rule.name, "", severity=rule.severity)
        verdict, memory = rule.condition(Context(observation, parameters, alert.memory))
        stepped, transition = step(
            replace(alert, memory=memory), verdict, rule.timing(parameters), now, job_ended=job_ended
        )
        after.append(stepped)
        if transition is not None and stepped.severity.rank >= settings.min_severity.rank:
            changes.append((stepped, transition))
    return tuple(after), tuple(changes)
