"""Alerts of one job, and the plan for its channel."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.alerts import (
    Alert,
    AlertState,
    Change,
    Delivery,
    DeliveryKind,
    Evidence,
    Incident,
    NotifyReason,
    Severity,
    Transition,
    alert_id,
)
from bot.domain.subscriptions import Subscription
from bot.rules.evaluate import EvaluatedAlert
from bot.rules.incident_draft import Plan, PolledJob
from bot.rules.routing import plan
from tests.unit.rules.observing import MINUTE, REF, START, job

SUBSCRIPTION = Subscription(1, "C1", REF, "U1", START)


FIRED = Transition(Change.FIRED, START, Evidence("errors"), notify=True)


def firing(
    rule: str = "log_errors", *, severity: Severity = Severity.WARN, key: str = "", summary: str = "errors"
) -> Alert:
    return Alert(rule, key, AlertState.FIRING, 1, START, START, START, severity, Evidence(summary))


def evaluated(alert: Alert, transition: Transition | None = None) -> EvaluatedAlert:
    return EvaluatedAlert(alert, transition, id=alert_id(1, REF, alert))


def kinds(deliveries: tuple[Delivery, ...]) -> list[tuple[DeliveryKind, NotifyReason]]:
    return [(one.notification.kind, one.notification.reason) for one in deliveries]


def plan_for(
    alerts: list[EvaluatedAlert], incident: Incident | None = None, *, minute: int = 0, **changes: object
) -> Plan:
    subscription = replace(SUBSCRIPTION, **changes)  # type: ignore[arg-type]
    return plan(subscription, alerts, incident, [], PolledJob(job(), START + minute * MINUTE))


def shown_in_channel(result: Plan) -> bool:
    return any(one.notification.kind is DeliveryKind.ROOT or one.notification.broadcast for one in result.deliveries)


FAILED = firing("job_failed", severity=Severity.PAGE)


OOM = firing("failure", severity=Severity.PAGE, summary="out of memory")


def replies(result: Plan) -> list[str]:
    """The rules that a plan replies about."""
    about = {one.id: one.rule for one in result.incident.alerts} if result.incident else {}
    return [
        about[one.notification.alert_id or ""]
        for one in result.deliveries
        if one.notification.kind is DeliveryKind.REPLY
    ]


def over(alert: Alert) -> EvaluatedAlert:
    return evaluated(replace(alert, state=AlertState.INACTIVE), Transition(Change.RESOLVED, START))
