"""Plan each channel's messages: the difference between the current alerts and the incident it was last shown.

Differences instead of events handle late subscriptions, ended silences and restarts alike: an alert that fires and is
missing from the channel's incident is announced there.
"""

from collections.abc import Iterable, Sequence
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
from bot.domain.progress import RunProgress
from bot.domain.subscriptions import Silence, Subscription, covers
from bot.rules.catalog import RULES, reports_state
from bot.rules.consequences import find_cause
from bot.rules.evaluate import EvaluatedAlert
from bot.rules.muting import labels_of, mute
from bot.rules.rule import Rule, parameters_key

RECENT = timedelta(minutes=1)
"""A root message this recent is still visible, so its edit is seen and a broadcast would only repeat it."""


_CAUSES_FIRST = tuple(sorted(RULES, key=lambda rule: bool(rule.follows)))


@dataclass(frozen=True, slots=True)
class Plan:
    """The new state of one channel's incident and the messages about it."""

    incident: Incident | None
    """None when the channel has no incident."""
    deliveries: tuple[Delivery, ...] = ()


def plan(
    subscription: Subscription,
    alerts: Sequence[EvaluatedAlert],
    incident: Incident | None,
    silences: Sequence[Silence],
    job: Job,
    now: datetime,
    progress: RunProgress | None = None,
) -> Plan:
    """Bring one channel from the incident it was shown to the current alerts.

    Args:
        subscription: of the channel.
        alerts: every alert of the job, with every parameter set.
        incident: the channel's open incident, if any.
        silences: of the channel.
        job: as of this poll.
        now: the time of this poll.
        progress: of the run, according to its log.
    """
    if incident is None and all(one.alert.state is not AlertState.FIRING for one in alerts):
        return Plan(None)
    draft = _Draft(subscription.channel, job, incident, now, progress)
    for rule in _CAUSES_FIRST:
        current = _alert_of(rule, subscription, alerts)
        _resolve_gone(draft, rule, current)
        if current is None or current.alert.state is not AlertState.FIRING or current.alert.evidence is None:
            continue
        alert_id = current.id
        muted = _muted_by(current.alert, subscription, silences, job, now)
        if draft.shows(alert_id):
            draft.update(rule, alert_id, current, muted=muted is not None)
        elif muted is not None:
            draft.suppress(alert_id, muted)
        else:
            draft.add(rule, _shown(alert_id, rule, current.alert, now))
    return draft.finish(silences)


def end_incident(incident: Incident, job: Job, now: datetime, text: str, progress: RunProgress | None = None) -> Plan:
    """Close an incident at the end of its job, with a last edit and a last message in its thread."""
    alerts = tuple(
        alert
        if alert.resolved_at is not None or reports_state(alert.rule)
        else alert.resolved(now, Resolution.JOB_ENDED)
        for alert in incident.alerts
    )
    ended = replace(incident, alerts=alerts, job=job, resolved_at=now, progress=progress or incident.progress)
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
    """An incident while `plan` updates it."""

    def __init__(
        self, channel: str, job: Job, incident: Incident | None, now: datetime, progress: RunProgress | None
    ) -> None:
        self._channel, self._job, self._now = channel, job, now
        self._progress = progress or (incident.progress if incident else None)
        self._before = incident
        self._alerts: dict[str, IncidentAlert] = {one.id: one for one in incident.alerts} if incident else {}
        self._replies: list[Notification] = []
        self._suppressed: list[Delivery] = []
        self._muted: set[str] = set()
        self._changed = False
        self._reopens = False

    def shows(self, alert_id: str) -> bool:
        """Whether the incident already has this firing."""
        return alert_id in self._alerts

    def unresolved(self, rule: str) -> list[IncidentAlert]:
        """Return the alerts of a rule that the channel sees as firing."""
        return [one for one in self._alerts.values() if one.rule == rule and one.resolved_at is None]

    def add(self, rule: Rule, alert: IncidentAlert) -> None:
        """Announce an alert; in the channel too when it is a page or worse than what fires there.

        A consequence of an alert that fires has no separate reply. A page opens an incident again that a person closed.
        """
        is_page, is_worse = alert.severity is Severity.PAGE, alert.severity.rank > self._worst_rank()
        cause = self._cause_of(rule, alert.evidence.first_at or alert.fired_at)
        self._alerts[alert.id] = alert if cause is None else replace(alert, caused_by=cause.id)
        self._reopen(is_page=is_page)
        mention = alert.severity if self._before is not None and (is_worse or self._reopens) else None
        if mention or (cause is None and (self._before is not None or not rule.root_includes_evidence)):
            self._reply(alert.id, NotifyReason.FIRST, broadcast=is_page or is_worse, mention=mention)
        self._changed = True

    def update(self, rule: Rule, alert_id: str, current: EvaluatedAlert, *, muted: bool) -> None:
        """Update an alert that the channel was shown; a muted one only in the root message."""
        shown, alert, transition = self._alerts[alert_id], current.alert, current.transition
        evidence = alert.evidence or shown.evidence
        worse, is_worst = alert.severity.rank > shown.severity.rank, alert.severity.rank > self._worst_rank()
        if shown.evidence != evidence or shown.severity is not alert.severity:
            title = evidence.title or shown.title
            self._alerts[alert_id] = replace(shown, title=title, evidence=evidence, severity=alert.severity)
            self._changed = True
        if muted:
            self._muted.add(alert_id)
            return
        cause = self._cause_of(rule, evidence.last_at or evidence.first_at or shown.fired_at)
        if shown.caused_by is not None and cause is None and self._alerts[shown.caused_by].resolved_at is not None:
            self._alerts[alert_id] = replace(self._alerts[alert_id], caused_by=None)
            self._reply(alert_id, NotifyReason.FIRST)
        elif transition and transition.change is Change.UPDATED and (transition.notify or worse):
            self._reopen(is_page=worse and alert.severity is Severity.PAGE)
            mention = alert.severity if is_worst or (worse and self._reopens) else None
            if mention or cause is None:
                self._reply(alert_id, NotifyReason.CHANGED, broadcast=worse, mention=mention)

    def _cause_of(self, rule: Rule, at: datetime) -> IncidentAlert | None:
        """The cause that the channel is notified of: a silence of the cause does not silence what follows from it."""
        return find_cause(rule, at, [one for one in self._alerts.values() if one.id not in self._muted])

    def _worst_rank(self) -> int:
        """The worst severity that fires in the channel; 0 when nothing fires."""
        return max((one.severity.rank for one in self._alerts.values() if one.resolved_at is None), default=0)

    def _reopen(self, *, is_page: bool) -> None:
        self._reopens |= is_page and self._before is not None and self._before.closing is not None

    def _reply(
        self, alert_id: str, reason: NotifyReason, *, broadcast: bool = False, mention: Severity | None = None
    ) -> None:
        """Reply in the thread; broadcast to the channel only when the edited root is out of view."""
        before = self._before
        out_of_view = before is not None and self._now - before.opened_at >= RECENT
        broadcast = broadcast and out_of_view
        reply = Notification(
            DeliveryKind.REPLY, reason, self._job, alert_id=alert_id, broadcast=broadcast, mention=mention
        )
        self._replies.append(reply)

    def resolve(self, shown: IncidentAlert, resolution: Resolution) -> None:
        """Resolve an alert. The end of the job has one message for all alerts, so it causes no reply here."""
        self._alerts[shown.id] = shown.resolved(self._now, resolution)
        if resolution is not Resolution.JOB_ENDED and shown.caused_by is None:
            self._reply(shown.id, NotifyReason.RESOLVED)
        self._changed = True

    def suppress(self, alert_id: str, reason: str) -> None:
        """Record that the channel is not notified, and why."""
        notification = Notification(
            DeliveryKind.NOTE, NotifyReason.FIRST, self._job, None, alert_id=alert_id, text=f"not sent: {reason}"
        )
        key = f"{self._channel}:{alert_id}:suppressed:{reason}"
        self._suppressed.append(Delivery(key, self._channel, notification, reason))

    def finish(self, silences: Sequence[Silence]) -> Plan:
        """Return the updated incident and its messages."""
        before = self._before
        is_same = not self._changed and not self._replies
        if before is None and is_same:
            return Plan(None, tuple(self._suppressed))
        if before is not None and is_same and mute(before, silences, self._now) == before:
            return Plan(before, tuple(self._suppressed))
        alerts = tuple(self._alerts.values())
        is_resolved = all(alert.resolved_at is not None for alert in alerts)
        opened = before or Incident(
            id=stable_id("inc", f"{self._channel}|{alerts[0].id}|{self._now.isoformat()}"),
            channel=self._channel,
            job=self._job,
            opened_at=self._now,
        )
        if self._reopens:
            opened = replace(opened, acknowledgement=None, closing=None)
        incident = replace(
            opened,
            job=self._job,
            alerts=alerts,
            resolved_at=self._now if is_resolved else None,
            progress=self._progress,
        )
        incident = mute(incident, silences, self._now)
        return Plan(incident, (*self._messages(incident), *self._suppressed))

    def _messages(self, incident: Incident) -> Iterable[Delivery]:
        root = DeliveryKind.EDIT if self._before else DeliveryKind.ROOT
        stamp = "root" if root is DeliveryKind.ROOT else f"edit:{self._now.isoformat()}"
        reason = NotifyReason.FIRST if root is DeliveryKind.ROOT else NotifyReason.CHANGED
        if incident.resolved_at is not None:
            reason = NotifyReason.RESOLVED
        mention = incident.severity if root is DeliveryKind.ROOT else None
        head = Notification(root, reason, self._job, incident, mention=mention)
        yield Delivery(f"{incident.id}:{stamp}", self._channel, head)
        for reply in self._replies:
            key = f"{incident.id}:{reply.alert_id}:{reply.reason}:{self._now.isoformat()}"
            yield Delivery(key, self._channel, replace(reply, incident=incident))


def _alert_of(rule: Rule, subscription: Subscription, alerts: Sequence[EvaluatedAlert]) -> EvaluatedAlert | None:
    """Return the alert of this rule with the subscription's parameters, None when the rule is off."""
    if rule.name in subscription.settings.off:
        return None
    key = parameters_key(subscription.settings.parameters.get(rule.name, {}))
    return next((one for one in alerts if one.alert.rule == rule.name and one.alert.parameters_key == key), None)


def _resolve_gone(draft: _Draft, rule: Rule, current: EvaluatedAlert | None) -> None:
    """Resolve what the channel sees as firing and is not firing any more."""
    for shown in draft.unresolved(rule.name):
        if current is None:
            draft.resolve(shown, Resolution.UNSUBSCRIBED)
        elif current.alert.state is not AlertState.FIRING or current.id != shown.id:
            ended = current.transition.resolution if current.transition else None
            draft.resolve(shown, ended or Resolution.CLEARED)


def _muted_by(
    alert: Alert, subscription: Subscription, silences: Sequence[Silence], job: Job, now: datetime
) -> str | None:
    min_severity = subscription.settings.min_severity
    if alert.severity.rank < min_severity.rank:
        return f"severity below {min_severity}"
    labels = labels_of(alert, job)
    silence = next((one for one in silences if covers(one, labels, now)), None)
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
