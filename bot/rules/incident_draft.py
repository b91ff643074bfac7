"""One channel's incident while `routing.plan` updates it: its alerts, the edit of its root message and its replies."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.alerts import (
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
from bot.domain.digests import is_of_platform
from bot.domain.downtime import Downtime
from bot.domain.grouping import STANDARD, Grouping
from bot.domain.jobs import Job
from bot.domain.progress import RunProgress
from bot.domain.runs import QueuePosition
from bot.domain.subscriptions import Silence
from bot.rules.change_keys import change_key
from bot.rules.consequences import find_cause
from bot.rules.evaluate import EvaluatedAlert
from bot.rules.flapping import announced, find_earlier, fired_again, is_flapping, next_announcement
from bot.rules.muting import mute
from bot.rules.rule import Rule

RECENT = timedelta(minutes=1)
"""A root message this recent is still visible, so its edit is seen and a broadcast would only repeat it."""


@dataclass(frozen=True, slots=True)
class PolledJob:
    """A job as of one poll, and how its changes are announced."""

    job: Job
    at: datetime
    progress: RunProgress | None = None
    """According to the log; None when no log was read."""
    grouping: Grouping = STANDARD
    downtime: Downtime | None = None
    """Before this poll, the first after it; its incidents become one message."""
    past: tuple[IncidentAlert, ...] = ()
    """What happened during the downtime and has ended."""
    queue: QueuePosition | None = None
    """Why it waits, if that was asked at this poll."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The new state of one channel's incident and the messages about it."""

    incident: Incident | None
    """None when the channel has no incident."""
    deliveries: tuple[Delivery, ...] = ()


class IncidentDraft:
    """An incident while `plan` updates it."""

    def __init__(self, channel: str, incident: Incident | None, polled: PolledJob) -> None:
        self._channel, self._job, self._now, self._grouping = channel, polled.job, polled.at, polled.grouping
        self._group = polled.downtime.group if polled.downtime else ""
        self._progress = polled.progress or (incident.progress if incident else None)
        self._before = incident
        self._alerts: dict[str, IncidentAlert] = {one.id: one for one in incident.alerts} if incident else {}
        self._replies: list[Notification] = []
        self._suppressed: list[Delivery] = []
        self._muted: set[str] = set()
        self._changed = False
        self._reopens = False

    def shows(self, alert_id: str) -> bool:
        """Whether the incident shows this alert as firing."""
        return alert_id in self._alerts and self._alerts[alert_id].resolved_at is None

    def unresolved(self, rule: str) -> list[IncidentAlert]:
        """Return the alerts of a rule that the channel sees as firing."""
        return [one for one in self._alerts.values() if one.rule == rule and one.resolved_at is None]

    def add(self, rule: Rule, alert: IncidentAlert) -> None:
        """Announce an alert; in the channel too when it is a page or worse than what fires there.

        A consequence of an alert that fires has no separate reply. A page opens an incident again that a person closed.
        """
        earlier = find_earlier(rule, alert.title, self._alerts.values())
        if earlier is not None:
            self._add_again(rule, earlier, alert)
            return
        is_page, is_worse = alert.severity is Severity.PAGE, alert.severity.rank > self._worst_rank()
        cause = self._cause_of(rule, alert.evidence.first_at or alert.fired_at)
        self._alerts[alert.id] = alert if cause is None else replace(alert, caused_by=cause.id)
        self._reopen(is_page=is_page)
        mention = alert.severity if self._before is not None and (is_worse or self._reopens) else None
        if mention or (cause is None and (self._before is not None or not rule.root_includes_evidence)):
            self._reply(alert.id, NotifyReason.FIRST, broadcast=is_page or is_worse, mention=mention)
        self._changed = True

    def _add_again(self, rule: Rule, earlier: IncidentAlert, alert: IncidentAlert) -> None:
        """Show that an alert fires again; with a reply if its end was announced, it got worse or is flapping."""
        is_page, is_worse = alert.severity is Severity.PAGE, alert.severity.rank > self._worst_rank()
        got_worse = alert.severity.rank > earlier.severity.rank
        again = fired_again(earlier, alert, self._grouping)
        cause = self._cause_of(rule, alert.evidence.first_at or alert.fired_at)
        self._replace(earlier, again if cause is None else replace(again, caused_by=cause.id))
        starts_flapping = is_flapping(again) and not is_flapping(earlier)
        returns = got_worse or (earlier.is_end_announced and not is_flapping(again))
        self._reopen(is_page=is_page)
        self._reopens |= returns
        if starts_flapping and not got_worse:
            self._reply(alert.id, NotifyReason.FLAPPING)
        elif returns and (cause is None or is_worse):
            mention = alert.severity if is_worse else None
            self._reply(alert.id, NotifyReason.RETURNED, broadcast=is_page or is_worse, mention=mention)
        self._changed = True

    def _replace(self, earlier: IncidentAlert, alert: IncidentAlert) -> None:
        """Replace an alert by its next firing, also as the cause of others."""
        del self._alerts[earlier.id]
        self._alerts = {
            one.id: replace(one, caused_by=alert.id) if one.caused_by == earlier.id else one
            for one in self._alerts.values()
        }
        self._alerts[alert.id] = alert

    def announce(self) -> None:
        """Reply about the alerts that ended long enough ago, and those that stopped flapping."""
        for one in list(self._alerts.values()):
            reason = next_announcement(one, self._grouping, self._now)
            if reason is not None:
                self._alerts[one.id] = announced(one)
                self._reply(one.id, reason)
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
        """Resolve an alert. A reply announces it later, unless it fires again before; `announce` does.

        The end of the job has one message for all alerts, and a person who closed the incident needs none.
        """
        resolved = shown.resolved(self._now, resolution)
        is_closed = self._before is not None and self._before.closing is not None
        is_silent = resolution is Resolution.JOB_ENDED or shown.caused_by is not None or is_closed
        is_awaited = resolution is Resolution.CLEARED and not is_silent
        self._alerts[shown.id] = replace(resolved, is_end_announced=not is_awaited)
        if not is_silent and not is_awaited:
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
            group=self._new_group(alerts),
        )
        if self._reopens:
            opened = replace(opened, acknowledgement=None, closing=None)
        resolved_at = (opened.resolved_at or self._now) if is_resolved else None
        incident = replace(opened, job=self._job, alerts=alerts, resolved_at=resolved_at, progress=self._progress)
        incident = mute(incident, silences, self._now)
        return Plan(incident, (*self._messages(incident), *self._suppressed))

    def _new_group(self, alerts: Sequence[IncidentAlert]) -> str:
        shared = next((one.evidence.group for one in alerts if one.evidence.group), "")
        return shared if is_of_platform(shared) else self._group or shared

    def _messages(self, incident: Incident) -> Iterable[Delivery]:
        root = DeliveryKind.EDIT if self._before else DeliveryKind.ROOT
        change = change_key(self._now, incident)
        stamp = "root" if root is DeliveryKind.ROOT else f"edit:{change}"
        reason = NotifyReason.FIRST if root is DeliveryKind.ROOT else NotifyReason.CHANGED
        if incident.resolved_at is not None:
            reason = NotifyReason.RESOLVED
        mention = incident.severity if root is DeliveryKind.ROOT else None
        head = Notification(root, reason, self._job, incident, mention=mention)
        yield Delivery(f"{incident.id}:{stamp}", self._channel, head)
        for reply in self._replies:
            key = f"{incident.id}:{reply.alert_id}:{reply.reason}:{change}"
            yield Delivery(key, self._channel, replace(reply, incident=incident))
