"""Destinations besides channels: which incidents become events for a webhook, and when; and queues of pictures. Pure.

A webhook is a channel named `webhook:NAME` in the outbox. It gets one event each time the state of an incident changes,
however often Slack's message is edited, and one for each step of its escalation. Pictures of a channel wait in a
separate queue, named `picture:CHANNEL`: drawing and uploading takes seconds, which must not delay the channel's alerts.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bot.domain.alerts import (
    Delivery,
    DeliveryKind,
    Incident,
    IncidentAlert,
    Notification,
    Severity,
    stable_id,
)
from bot.domain.checks import CANARY_JOB

PREFIX = "webhook:"
_PICTURES = "picture:"
_ABOUT_INCIDENTS = (DeliveryKind.ROOT, DeliveryKind.REPLY, DeliveryKind.EDIT)


class WebhookKind(enum.StrEnum):
    """What receives the events."""

    GENERIC = "generic"
    """Our own JSON, signed."""
    PAGERDUTY = "pagerduty"
    """PagerDuty's Events API v2."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A destination, as configured. Its URL and secret are apart (`bot.notifiers.config`)."""

    name: str
    kind: WebhookKind
    severity: Severity | None = None
    """It gets the alerts of every channel from this severity on; None: only of channels that choose it."""


class IncidentState(enum.StrEnum):
    """What a person has to know of an incident."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


def webhook_channel(name: str) -> str:
    """Return the name of a webhook in the outbox."""
    return PREFIX + name


def webhook_name(channel: str) -> str | None:
    """Return the webhook that a channel of the outbox is; None for a channel or a person in Slack."""
    return channel.removeprefix(PREFIX) if channel.startswith(PREFIX) else None


def picture_queue(channel: str) -> str:
    """Return the name of the queue with a channel's pictures."""
    return _PICTURES + channel


def posting_channel(queue: str) -> str:
    """Return the channel to which a queue of the outbox posts."""
    return queue.removeprefix(_PICTURES)


def incident_state(incident: Incident) -> IncidentState:
    """Return the state of an incident. An alert whose end is not announced yet still fires, as in Slack."""
    has_ended = incident.closing is not None or incident.unwatched is not None
    if has_ended or not (incident.is_failure or any(map(_is_firing, incident.alerts))):
        return IncidentState.RESOLVED
    return IncidentState.FIRING if incident.acknowledgement is None else IncidentState.ACKNOWLEDGED


def worst_severity(incident: Incident) -> Severity:
    """Return the worst severity that any of its alerts has, also of those that ended."""
    return max((alert.severity for alert in incident.alerts), key=lambda one: one.rank, default=Severity.INFO)


def routes_of(webhooks: Iterable[Webhook], chosen: Mapping[str, Severity | None]) -> Mapping[str, Severity]:
    """Return the webhooks that get a channel's alerts, and from which severity on.

    Args:
        webhooks: those that are configured.
        chosen: by name, what the channel chose instead; None: nothing.
    """
    routes = {one.name: chosen.get(one.name, one.severity) for one in webhooks}
    return {name: severity for name, severity in routes.items() if severity is not None}


def plan_events(delivery: Delivery, routes: Mapping[str, Severity]) -> list[Delivery]:
    """Return the events that follow from a message about an incident.

    Their keys are those of the incident's state, so that the outbox takes each state once. A step of the escalation is
    a separate event, after that of the state.
    """
    notification, incident = delivery.notification, delivery.notification.incident
    step = notification.escalation
    if incident is None or delivery.suppressed_by is not None:
        return []
    if notification.kind not in _ABOUT_INCIDENTS and step is None:
        return []
    if incident.job.ref == CANARY_JOB:
        return []
    state, severity = incident_state(incident), worst_severity(incident)
    if state is IncidentState.FIRING and incident.muted is not None:
        return []
    event = Notification(DeliveryKind.EVENT, notification.reason, notification.job, incident)
    events = {_fingerprint(incident, state): event}
    if step is not None:
        events[stable_id("escalated", f"{step.since.isoformat()}|{step.number}")] = replace(event, escalation=step)
    return [
        Delivery(f"{incident.id}:{key}:{webhook_channel(name)}", webhook_channel(name), one)
        for name, least in routes.items()
        if severity.rank >= least.rank
        for key, one in events.items()
    ]


def routing_channel(delivery: Delivery) -> str:
    """Return the channel whose routes a message takes: that of its incident, also if it escalates to another one."""
    incident = delivery.notification.incident
    return delivery.channel if incident is None else incident.channel


def event_thread(incident_id: str, channel: str) -> str:
    """Return in which order an event is sent: after the earlier events of the same incident to the same webhook."""
    return stable_id("evt", f"{incident_id}|{channel}")


def _fingerprint(incident: Incident, state: IncidentState) -> str:
    """Return what distinguishes this state from the incident's other states."""
    match state:
        case IncidentState.RESOLVED:
            by_person = incident.closing or incident.unwatched
            ended = max((alert.resolved_at for alert in incident.alerts if alert.resolved_at), default=None)
            parts = [str(by_person.at if by_person else ended)]
        case IncidentState.ACKNOWLEDGED if incident.acknowledgement is not None:
            parts = [incident.acknowledgement.by, str(incident.acknowledgement.at)]
        case _:
            parts = sorted(f"{one.id} {one.severity} {_times_fired(one)}" for one in incident.alerts if _is_firing(one))
    return stable_id(state.value, "|".join(parts))


def _is_firing(alert: IncidentAlert) -> bool:
    is_flapping = alert.history is not None and alert.history.is_flapping
    return alert.resolved_at is None or not alert.is_end_announced or is_flapping


def _times_fired(alert: IncidentAlert) -> int:
    """How often it fired; a flapping alert is reported once."""
    if alert.history is None:
        return 1
    return 0 if alert.history.is_flapping else alert.history.count
