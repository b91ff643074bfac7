"""The order of a channel's queue: pages first, then warnings, notes, edits, replies, and how runs get on."""

import enum

from bot.domain.alerts import DeliveryKind, Incident, Notification, NotifyReason, Severity


class DeliveryPriority(enum.IntEnum):
    """The place of a delivery in its channel's queue; smaller goes first."""

    OVERTAKING_PAGE = -1
    """A page that would wait for many replies of its own incident; it overtakes them."""
    PAGE = 0
    WARNING = 1
    NOTE = 2
    """Also a root message of severity info."""
    EDIT = 3
    REPLY = 4
    """The evidence in a thread whose root message already says what happened."""
    RUN = 5
    """How a run gets on; also a picture."""


_OF_SEVERITY = {
    Severity.PAGE: DeliveryPriority.PAGE,
    Severity.WARN: DeliveryPriority.WARNING,
    Severity.INFO: DeliveryPriority.NOTE,
}


def priority_of(notification: Notification) -> DeliveryPriority:
    """Return the priority of a notification.

    A reply has that of its alert when it is news to the channel: it mentions somebody or is broadcast.
    """
    is_run = notification.run is not None or notification.board is not None
    if is_run or notification.kind is DeliveryKind.PICTURE:
        return DeliveryPriority.RUN
    match notification.kind:
        case DeliveryKind.EDIT:
            return DeliveryPriority.EDIT
        case DeliveryKind.NOTE:
            return DeliveryPriority.NOTE if notification.mention is None else _OF_SEVERITY[notification.mention]
        case DeliveryKind.REPLY if not _is_news(notification):
            return DeliveryPriority.REPLY
    if notification.reason is NotifyReason.REMINDER:
        return DeliveryPriority.PAGE
    return _OF_SEVERITY[notification.mention or _severity(notification)]


def _is_news(notification: Notification) -> bool:
    is_reminder = notification.reason is NotifyReason.REMINDER
    return notification.broadcast or notification.mention is not None or is_reminder


def _severity(notification: Notification) -> Severity:
    incident, digest = notification.incident, notification.digest
    if digest is not None:
        return next((one for one in Severity if one.rank == digest.severity_rank), Severity.WARN)
    if incident is None:
        return Severity.WARN
    return _alert_severity(incident, notification.alert_id) or incident.severity


def _alert_severity(incident: Incident, alert_id: str | None) -> Severity | None:
    return next((alert.severity for alert in incident.alerts if alert.id == alert_id), None)
