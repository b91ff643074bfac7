"""Alerts that fire again: the same problem in the same incident, and flapping.

The first return opens the incident again. An alert that fires too often is flapping: one reply announces it, then the
root message counts, and one reply announces that the alert is stable.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bot.domain.alerts import Incident, IncidentAlert, NotifyReason, Resolution
from bot.domain.grouping import Firings, Grouping
from bot.rules.rule import Rule

_MAX_RECENT = 50


def can_reopen(incident: Incident) -> bool:
    """Whether an alert that fires again may open this incident: nobody stopped watching the job."""
    return incident.unwatched is None and any(one.resolution is not Resolution.UNSUBSCRIBED for one in incident.alerts)


def find_earlier(rule: Rule, title: str, alerts: Iterable[IncidentAlert]) -> IncidentAlert | None:
    """Return the ended alert that fires again, if the incident has it."""
    return next(
        (
            one
            for one in alerts
            if one.rule == rule.name
            and one.resolved_at is not None
            and one.resolution is not Resolution.UNSUBSCRIBED
            and (one.title == title or not rule.title_is_identity)
        ),
        None,
    )


def fired_again(earlier: IncidentAlert, alert: IncidentAlert, grouping: Grouping) -> IncidentAlert:
    """Return the alert with the history of its earlier firings."""
    history = earlier.history or Firings(1, earlier.fired_at, (earlier.fired_at,))
    recent = tuple(at for at in history.recent if alert.fired_at - at < grouping.flap_window)[-_MAX_RECENT:]
    recent = (*recent, alert.fired_at)
    is_flapping = history.is_flapping or len(recent) > grouping.most_firings
    return replace(alert, history=Firings(history.count + 1, history.first_at, recent, is_flapping))


def is_flapping(alert: IncidentAlert) -> bool:
    """Whether the channel was notified that the alert is flapping."""
    return alert.history is not None and alert.history.is_flapping


def next_announcement(alert: IncidentAlert, grouping: Grouping, now: datetime) -> NotifyReason | None:
    """Return what is to be announced about an alert by now: that it is stable, or that it has ended."""
    changed_at = alert.resolved_at or alert.fired_at
    if is_flapping(alert):
        return NotifyReason.STABLE if now - changed_at >= grouping.calm_after else None
    is_due = alert.resolved_at is not None and now - alert.resolved_at >= grouping.group_interval
    return NotifyReason.RESOLVED if is_due and not alert.is_end_announced else None


def announced(alert: IncidentAlert) -> IncidentAlert:
    """Return the alert after its announcement: flapping starts over."""
    history = alert.history and replace(alert.history, recent=(), is_flapping=False)
    return replace(alert, history=history, is_end_announced=True)
