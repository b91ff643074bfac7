"""What each channel is told: the difference between the alerts as they are and the incident it was last shown.

Working from the difference and not from the events makes a channel that subscribes late, a silence that ends and a
process that was away all come out right: an alert that fires and is not in the channel's incident is news there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.alerts import (
    Alert,
    AlertState,
    Change,
    Delivery,
    DeliveryKind,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Resolution,
    Severity,
    stable_id,
)
from bot.domain.jobs import Job
from bot.domain.subscriptions import Silence, Subscription, covers
from bot.rules.catalog import RULES, reports_state
from bot.rules.evaluate import EvaluatedAlert
from bot.rules.rule import Rule, parameters_key

RECENT = timedelta(minutes=1)
"""A root posted this short a time ago is still in view: its edit is seen, and a broadcast would say the same twice."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one channel's incident becomes and what is sent for it."""

    incident: Incident | None
    """None when the channel has none and gets none."""
    deliveries: tuple[Delivery, ...] = ()


def plan(
    subscription: Subscription,
    alerts: Sequence[EvaluatedAlert],
    incident: Incident | None,
    silences: Sequence[Silence],
    job: Job,
    now: datetime,
) -> Plan:
    """Bring one channel from the incident it was shown to the alerts as they are.

    Args:
        subscription: the channel's.
        alerts: every alert of the job, of every parameter set.
        incident: the channel's open incident, None when there is none.
        silences: the channel's.
        job: as last seen.
        now: the time of this poll.
    """
    if incident is None and all(one.alert.state is not AlertState.FIRING for one in alerts):
        return Plan(None)
    draft = _Draft(subscription.channel, job, incident, now)
    for rule in RULES:
        current = _alert_of(rule, subscription, alerts)
        _resolve_gone(draft, rule, current)
        if current is None or current.alert.state is not AlertState.FIRING or current.alert.evidence is None:
            continue
        name = current.id
        muted = _muted_by(current.alert, rule, subscription, silences, job, now)
        if draft.shows(name):
            draft.update(name, current, muted=muted is not None)
        elif muted is not None:
            draft.suppress(name, muted)
        else:
            draft.add(_shown(name, rule, current.alert, now), root_includes_evidence=rule.root_includes_evidence)
    return draft.finish()


def labels_of(rule: str, alert: Alert, job: Job) -> Mapping[str, str]:
    """What a silence's matchers are tested on."""
    return {"rule": rule, "severity": alert.severity.value, "job": str(job.ref), "provider": job.ref.provider}


def end_incident(incident: Incident, job: Job, now: datetime, text: str) -> Plan:
    """Close an incident because nothing more will come: a last edit, and the last word in its thread."""
    alerts = tuple(
        alert
        if alert.resolved_at is not None or reports_state(alert.rule)
        else replace(alert, resolved_at=now, resolution=Resolution.JOB_ENDED)
        for alert in incident.alerts
    )
    ended = replace(incident, alerts=alerts, job=job, resolved_at=now)
    key = f"{incident.id}:end"
    return Plan(
        ended,
        (
            Delivery(
                f"{key}:edit",
                incident.channel,
                Notification(DeliveryKind.EDIT, NotifyReason.RESOLVED, job, ended),
            ),
            Delivery(
                f"{key}:reply",
                incident.channel,
                Notification(DeliveryKind.REPLY, NotifyReason.NOTE, job, ended, text=text),
            ),
        ),
    )


class _Draft:
    """The incident while it is being brought up to date; gone when `plan` returns."""

    def __init__(self, channel: str, job: Job, incident: Incident | None, now: datetime) -> None:
        self._channel, self._job, self._now = channel, job, now
        self._before = incident
        self._alerts: dict[str, IncidentAlert] = {one.id: one for one in incident.alerts} if incident else {}
        self._replies: list[tuple[str, NotifyReason, bool]] = []
        self._suppressed: list[Delivery] = []
        self._changed = False

    def shows(self, name: str) -> bool:
        """Whether the channel was told of this firing."""
        return name in self._alerts

    def unresolved(self, rule: str) -> list[IncidentAlert]:
        """The rule's alerts that the channel believes are firing."""
        return [one for one in self._alerts.values() if one.rule == rule and one.resolved_at is None]

    def add(self, alert: IncidentAlert, *, root_includes_evidence: bool) -> None:
        """Tell of an alert for the first time: in the channel when it is a page or worse than what fires there."""
        worst = max((one.severity.rank for one in self._alerts.values() if one.resolved_at is None), default=0)
        louder = alert.severity is Severity.PAGE or alert.severity.rank > worst
        self._alerts[alert.id] = alert
        if self._before is not None or not root_includes_evidence:
            self._reply(alert.id, NotifyReason.FIRST, broadcast=louder)
        self._changed = True

    def update(self, name: str, current: EvaluatedAlert, *, muted: bool) -> None:
        """Show how an alert that the channel knows stands now; a muted one only in the root."""
        shown, alert, transition = self._alerts[name], current.alert, current.transition
        evidence = alert.evidence or shown.evidence
        worse = alert.severity.rank > shown.severity.rank
        if shown.evidence != evidence or shown.severity is not alert.severity:
            title = evidence.title or shown.title
            self._alerts[name] = replace(shown, title=title, evidence=evidence, severity=alert.severity)
            self._changed = True
        if transition is None or muted:
            return
        if transition.change is Change.REPEATED and shown.acknowledged_by is None:
            self._reply(name, NotifyReason.REPEAT, broadcast=True)
        elif transition.change is Change.UPDATED and (transition.notify or worse):
            self._reply(name, NotifyReason.CHANGED, broadcast=worse)

    def _reply(self, name: str, reason: NotifyReason, *, broadcast: bool = False) -> None:
        """Answer in the thread; also in the channel only when the root, which changes too, is out of view."""
        before = self._before
        out_of_view = before is not None and self._now - before.opened_at >= RECENT
        self._replies.append((name, reason, broadcast and out_of_view))

    def resolve(self, shown: IncidentAlert, resolution: Resolution) -> None:
        """Say that an alert ended; the end of the job is said once for all of them, by its last word."""
        self._alerts[shown.id] = replace(shown, resolved_at=self._now, resolution=resolution)
        if resolution is not Resolution.JOB_ENDED:
            self._reply(shown.id, NotifyReason.RESOLVED)
        self._changed = True

    def suppress(self, name: str, why: str) -> None:
        """Record that the channel is not told, and why."""
        notification = Notification(
            DeliveryKind.NOTE, NotifyReason.FIRST, self._job, None, alert_id=name, text=f"not sent: {why}"
        )
        self._suppressed.append(Delivery(f"{self._channel}:{name}:suppressed:{why}", self._channel, notification, why))

    def finish(self) -> Plan:
        """The incident as it now stands and what to send for it."""
        if not self._changed and not self._replies:
            return Plan(self._before, tuple(self._suppressed))
        alerts = tuple(self._alerts.values())
        over = all(alert.resolved_at is not None for alert in alerts)
        before = self._before
        incident = Incident(
            id=before.id if before else stable_id("inc", f"{self._channel}|{alerts[0].id}|{self._now.isoformat()}"),
            channel=self._channel,
            job=self._job,
            opened_at=before.opened_at if before else self._now,
            alerts=alerts,
            resolved_at=self._now if over else None,
        )
        return Plan(incident, (*self._messages(incident), *self._suppressed))

    def _messages(self, incident: Incident) -> Iterable[Delivery]:
        root = DeliveryKind.EDIT if self._before else DeliveryKind.ROOT
        stamp = "root" if root is DeliveryKind.ROOT else f"edit:{self._now.isoformat()}"
        reason = NotifyReason.FIRST if root is DeliveryKind.ROOT else NotifyReason.CHANGED
        if incident.resolved_at is not None:
            reason = NotifyReason.RESOLVED
        head = Notification(root, reason, self._job, incident)
        yield Delivery(f"{incident.id}:{stamp}", self._channel, head)
        for name, why, broadcast in self._replies:
            text = Notification(DeliveryKind.REPLY, why, self._job, incident, alert_id=name, broadcast=broadcast)
            yield Delivery(f"{incident.id}:{name}:{why}:{self._now.isoformat()}", self._channel, text)


def _alert_of(rule: Rule, subscription: Subscription, alerts: Sequence[EvaluatedAlert]) -> EvaluatedAlert | None:
    """The alert of this rule with this subscription's parameters, None when the channel has the rule off."""
    if rule.name in subscription.settings.off:
        return None
    key = parameters_key(subscription.settings.parameters.get(rule.name, {}))
    return next((one for one in alerts if one.alert.rule == rule.name and one.alert.parameters_key == key), None)


def _resolve_gone(draft: _Draft, rule: Rule, current: EvaluatedAlert | None) -> None:
    """End what the channel believes is firing and is not (any more)."""
    for shown in draft.unresolved(rule.name):
        if current is None:
            draft.resolve(shown, Resolution.UNSUBSCRIBED)
        elif current.alert.state is not AlertState.FIRING or current.id != shown.id:
            ended = current.transition.resolution if current.transition else None
            draft.resolve(shown, ended or Resolution.CLEARED)


def _muted_by(
    alert: Alert, rule: Rule, subscription: Subscription, silences: Sequence[Silence], job: Job, now: datetime
) -> str | None:
    least = subscription.settings.min_severity
    if alert.severity.rank < least.rank:
        return f"severity below {least}"
    labels = labels_of(rule.name, alert, job)
    silence = next((one for one in silences if covers(one, labels, now)), None)
    return f"silence {silence.id}" if silence else None


def _shown(name: str, rule: Rule, alert: Alert, now: datetime) -> IncidentAlert:
    assert alert.evidence is not None
    return IncidentAlert(
        id=name,
        rule=rule.name,
        title=alert.evidence.title or rule.title,
        severity=alert.severity,
        fired_at=alert.fired_at or now,
        evidence=alert.evidence,
    )
