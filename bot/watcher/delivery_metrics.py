"""Count what the Deliverer sends, and how long after the log line an alert arrived."""

from datetime import datetime

from bot import metrics
from bot.domain.alerts import DeliveryKind, Notification, NotifyReason
from bot.domain.checks import CANARY_JOB
from bot.errors import DeliveryError
from bot.store.claimed_deliveries import ClaimedDelivery


def record_sent(delivery: ClaimedDelivery, now: datetime) -> None:
    """Count a message that Slack accepted."""
    notification, kind = delivery.notification, delivery.notification.kind.value
    if notification.job.ref == CANARY_JOB:
        return
    metrics.SENDS.labels(kind, "sent").inc()
    metrics.DELIVERY_SECONDS.labels(kind).observe(_seconds_since(delivery.created_at, now))
    visible_at = newest_line_at(notification)
    if visible_at is not None and notification.incident is not None:
        severity = notification.incident.severity.value
        metrics.ALERT_LATENCY.labels(severity).observe(_seconds_since(visible_at, now))


def record_failed(delivery: ClaimedDelivery, error: DeliveryError, *, is_dead: bool) -> None:
    """Count an attempt that failed."""
    outcome = "dead" if is_dead else "unknown" if error.outcome_unknown else "failed"
    metrics.SENDS.labels(delivery.notification.kind.value, outcome).inc()


def newest_line_at(notification: Notification) -> datetime | None:
    """Return when the newest line or sample of a new incident was visible; None for any other message."""
    incident = notification.incident
    if incident is None or notification.reason is not NotifyReason.FIRST or notification.kind is not DeliveryKind.ROOT:
        return None
    times = [one.evidence.last_at or one.fired_at for one in incident.alerts if one.resolved_at is None]
    return max(times, default=None)


def _seconds_since(begin: datetime, now: datetime) -> float:
    return max(0.0, (now - begin).total_seconds())
