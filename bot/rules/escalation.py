"""Plan whom an alert reaches next when nobody acknowledges it: the escalation chain of its channel and severity.

A step is due a fixed time after the alert fired. Quiet hours and silences postpone it. The plan needs no record of
earlier steps: each has one key in the outbox. Only the newest due step is sent, so that a chain that was set late, or
trainwatch after a downtime, does not run through all of them at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.alerts import (
    Delivery,
    DeliveryKind,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Resolution,
)
from bot.domain.notify import DueIncident, EscalationStep
from bot.domain.reminders import Escalation
from bot.domain.subscriptions import Silence, covers
from bot.rules.muting import labels_of


@dataclass(frozen=True, slots=True)
class EscalationPlan:
    """The step to send now, if any, and when to plan again."""

    delivery: Delivery | None = None
    next_at: datetime | None = None


def plan_escalation(due: DueIncident, now: datetime) -> EscalationPlan:
    """Plan the escalation of one incident, at time `now`."""
    incident, settings = due.incident, due.settings
    alerts = [one for one in open_alerts(incident) if one.severity is incident.severity]
    steps = settings.escalation.get(incident.severity, ())
    if not alerts or not steps or incident.acknowledgement is not None:
        return EscalationPlan()
    since = max(one.fired_at for one in alerts)
    reached = [number for number, step in enumerate(steps, 1) if since + step.after <= now]
    following = next((since + step.after for step in steps if since + step.after > now), None)
    if not reached:
        return EscalationPlan(None, following)
    waits = (settings.quiet_until(incident.severity, now), silenced_until(incident, alerts, due.silences, now))
    until = max((one for one in waits if one is not None), default=None)
    if until is not None:
        return EscalationPlan(None, until)
    number = reached[-1]
    step = Escalation(number, len(steps), steps[number - 1].target.id, since, now)
    return EscalationPlan(_delivery(due, steps[number - 1], step), following)


def open_alerts(incident: Incident) -> list[IncidentAlert]:
    """Return the alerts that an open incident is about: those that fire, or fired when the job failed."""
    if not incident.is_open:
        return []
    resolutions = (None, Resolution.JOB_ENDED) if incident.is_failure else (None,)
    return [one for one in incident.alerts if one.resolution in resolutions]


def silenced_until(
    incident: Incident, alerts: Sequence[IncidentAlert], silences: Sequence[Silence], now: datetime
) -> datetime | None:
    """Return when a first alert is no longer silenced; None when one is not silenced now."""
    ends = []
    for alert in alerts:
        labels = labels_of(alert, incident.job)
        covering = [one.ends_at for one in silences if covers(one, labels, now)]
        if not covering:
            return None
        ends.append(max(covering))
    return min(ends)


def is_channel(target: str) -> bool:
    """Whether the target of an escalation is a channel: its id begins with C, or G for old private ones."""
    return target[:1] in ("C", "G")


def _delivery(due: DueIncident, step: EscalationStep, escalation: Escalation) -> Delivery:
    """A reply that mentions people, or a message in another channel that links to the alert."""
    incident, target = due.incident, step.target.id
    key = f"{incident.id}:escalation:{escalation.since.isoformat()}:{escalation.number}"
    elsewhere = is_channel(target)
    notification = Notification(
        DeliveryKind.DIRECT if elsewhere else DeliveryKind.REPLY,
        NotifyReason.ESCALATED,
        incident.job,
        incident,
        broadcast=not elsewhere,
        escalation=escalation,
        thread=due.root,
    )
    return Delivery(key, target if elsewhere else incident.channel, notification)
