"""Plan each channel's messages: the difference between the current alerts and the incident it was last shown.

Differences instead of events handle late subscriptions, ended silences and restarts alike: an alert that fires and is
missing from the channel's incident is announced there.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.alerts import (
    Alert,
    AlertState,
    Delivery,
    DeliveryKind,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Resolution,
)
from bot.domain.jobs import Job
from bot.domain.progress import RunProgress
from bot.domain.subscriptions import Silence, Subscription, covers
from bot.rules.catalog import reports_state, rule_named, rules_of
from bot.rules.evaluate import EvaluatedAlert
from bot.rules.flapping import find_earlier, is_flapping
from bot.rules.incident_draft import IncidentDraft, Plan, PolledJob
from bot.rules.muting import labels_of
from bot.rules.rule import Rule, parameters_key


def plan(
    subscription: Subscription,
    alerts: Sequence[EvaluatedAlert],
    incident: Incident | None,
    silences: Sequence[Silence],
    polled: PolledJob,
) -> Plan:
    """Bring one channel from the incident it was shown to the current alerts.

    Args:
        subscription: of the channel.
        alerts: every alert of the job, with every parameter set.
        incident: the channel's open incident, or the latest one, which an alert that fires again opens.
        silences: of the channel.
        polled: the job, and the time of this poll.
    """
    is_quiet = incident is None or (incident.resolved_at is not None and not _awaits_announcement(incident))
    if is_quiet and all(one.alert.state is not AlertState.FIRING for one in alerts):
        return Plan(incident)
    if is_quiet and incident is not None and not _is_return(incident, subscription, alerts):
        incident = None
    draft = IncidentDraft(subscription.channel, incident, polled)
    for rule in _causes_first(subscription, incident):
        current = _alert_of(rule, subscription, alerts)
        _resolve_gone(draft, rule, current)
        if current is None or current.alert.state is not AlertState.FIRING or current.alert.evidence is None:
            continue
        alert_id = current.id
        muted = _muted_by(current.alert, subscription, silences, polled)
        if draft.shows(alert_id):
            draft.update(rule, alert_id, current, muted=muted is not None)
        elif muted is not None:
            draft.suppress(alert_id, muted)
        else:
            draft.add(rule, _shown(alert_id, rule, current.alert, polled.at))
    draft.announce()
    return draft.finish(silences)


def end_incident(incident: Incident, job: Job, now: datetime, text: str, progress: RunProgress | None = None) -> Plan:
    """Close an incident at the end of its job, with a last edit and, unless `text` is "", a last reply."""
    alerts = tuple(
        alert
        if alert.resolved_at is not None or reports_state(alert.rule)
        else alert.resolved(now, Resolution.JOB_ENDED)
        for alert in incident.alerts
    )
    ended = replace(incident, alerts=alerts, job=job, resolved_at=now, progress=progress or incident.progress)
    edit = Notification(DeliveryKind.EDIT, NotifyReason.RESOLVED, job, ended)
    deliveries = [Delivery(f"{incident.id}:end:edit", incident.channel, edit)]
    if text:
        reply = Notification(DeliveryKind.REPLY, NotifyReason.NOTE, job, ended, text=text)
        deliveries.append(Delivery(f"{incident.id}:end:reply", incident.channel, reply))
    return Plan(ended, tuple(deliveries))


def _awaits_announcement(incident: Incident) -> bool:
    return any(is_flapping(one) or not one.is_end_announced for one in incident.alerts)


def _is_return(incident: Incident, subscription: Subscription, alerts: Sequence[EvaluatedAlert]) -> bool:
    """Whether an alert of this ended incident fires again."""
    for rule in rules_of(subscription.settings):
        current = _alert_of(rule, subscription, alerts)
        if current is not None and current.alert.state is AlertState.FIRING and current.alert.evidence is not None:
            title = current.alert.evidence.title or rule.title
            if find_earlier(rule, title, incident.alerts) is not None:
                return True
    return False


def _causes_first(subscription: Subscription, incident: Incident | None) -> list[Rule]:
    """The subscription's rules, and those whose alerts the incident still shows; consequences last."""
    rules = {rule.name: rule for rule in rules_of(subscription.settings)}
    for alert in incident.alerts if incident else ():
        if alert.resolved_at is None and alert.rule not in rules and (gone := rule_named(alert.rule)) is not None:
            rules[alert.rule] = gone
    return sorted(rules.values(), key=lambda rule: bool(rule.follows))


def _alert_of(rule: Rule, subscription: Subscription, alerts: Sequence[EvaluatedAlert]) -> EvaluatedAlert | None:
    """Return the alert of this rule with the subscription's parameters, None when the rule is off."""
    settings = subscription.settings
    if rule.name in settings.off or (rule.is_own and rule.name not in settings.own):
        return None
    key = parameters_key(settings.parameters.get(rule.name, {}))
    return next((one for one in alerts if one.alert.rule == rule.name and one.alert.parameters_key == key), None)


def _resolve_gone(draft: IncidentDraft, rule: Rule, current: EvaluatedAlert | None) -> None:
    """Resolve what the channel sees as firing and is not firing any more."""
    for shown in draft.unresolved(rule.name):
        if current is None:
            draft.resolve(shown, Resolution.UNSUBSCRIBED)
        elif current.alert.state is not AlertState.FIRING or current.id != shown.id:
            ended = current.transition.resolution if current.transition else None
            draft.resolve(shown, ended or Resolution.CLEARED)


def _muted_by(alert: Alert, subscription: Subscription, silences: Sequence[Silence], polled: PolledJob) -> str | None:
    min_severity = subscription.settings.min_severity
    if alert.severity.rank < min_severity.rank:
        return f"severity below {min_severity}"
    labels = labels_of(alert, polled.job)
    silence = next((one for one in silences if covers(one, labels, polled.at)), None)
    return f"silence {silence.id}" if silence else None


def _shown(alert_id: str, rule: Rule, alert: Alert, now: datetime) -> IncidentAlert:
    assert alert.evidence is not None
    return IncidentAlert(
        id=alert_id,
        rule=rule.name,
        title=alert.evidence.title or rule.title,
        severity=alert.severity,
        fired_at=alert.fired_at or now,
        evidence=alert.evidence,
    )
