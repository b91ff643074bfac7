"""Plan the reminders of a page that nobody has acknowledged, from the stored incident and the clock.

The first follows after `NotifySettings.first_reminder`, the next after twice as long, up to LONGEST_INTERVAL between
two; the last says that it is the last. Quiet hours and silences postpone them. A new page starts over.
`escalation.py` plans whom else an alert reaches.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.alerts import (
    Delivery,
    DeliveryKind,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Severity,
)
from bot.domain.notify import DueIncident, NotifySettings, ReminderPlan, RemindersSent
from bot.domain.reminders import Reminder
from bot.rules.escalation import open_alerts, plan_escalation, silenced_until

MAX_REMINDERS = 6
LONGEST_INTERVAL = timedelta(hours=8)


def plan_notices(due: DueIncident, now: datetime) -> ReminderPlan:
    """Plan the next reminder and the next step of the escalation of one incident, at time `now`."""
    plan, escalation = plan_reminder(due, now), plan_escalation(due, now)
    times = [at for at in (plan.next_at, escalation.next_at) if at is not None]
    return replace(plan, next_at=min(times, default=None), escalation=escalation.delivery)


def plan_reminder(due: DueIncident, now: datetime) -> ReminderPlan:
    """Plan the next reminder of one incident, at time `now`."""
    incident, settings, sent = due.incident, due.settings, due.sent
    pages = open_pages(incident)
    if not pages or incident.acknowledgement is not None or not settings.reminders:
        return ReminderPlan(sent, None)
    since = max(page.fired_at for page in pages)
    if sent.last_at is None or sent.last_at < since:
        sent = RemindersSent()
    if sent.count >= MAX_REMINDERS:
        return ReminderPlan(sent, None)
    due_at = (sent.last_at or since) + interval(settings.first_reminder, sent.count)
    not_before = max(due_at, settings.quiet_until(Severity.PAGE, max(due_at, now)) or due_at)
    muted_until = silenced_until(incident, pages, due.silences, now)
    if now < not_before or muted_until is not None:
        return ReminderPlan(sent, max(not_before, muted_until or not_before))
    return _remind(incident, settings, RemindersSent(sent.count + 1, now), since, now)


def _remind(
    incident: Incident, settings: NotifySettings, sent: RemindersSent, since: datetime, now: datetime
) -> ReminderPlan:
    is_last = sent.count >= MAX_REMINDERS
    wanted = now + interval(settings.first_reminder, sent.count)
    next_at = None if is_last else settings.quiet_until(Severity.PAGE, wanted) or wanted
    notification = Notification(
        DeliveryKind.REPLY,
        NotifyReason.REMINDER,
        incident.job,
        incident,
        broadcast=True,
        mention=Severity.PAGE,
        reminder=Reminder(sent.count, since, now, next_at),
    )
    key = f"{incident.id}:reminder:{since.isoformat()}:{sent.count}"
    return ReminderPlan(sent, next_at, Delivery(key, incident.channel, notification))


def interval(first: timedelta, number: int) -> timedelta:
    """Return the time before reminder `number`, counted from 0."""
    doubled: timedelta = first * 2**number
    return min(doubled, max(first, LONGEST_INTERVAL))


def open_pages(incident: Incident) -> list[IncidentAlert]:
    """Return the pages that an open incident is about: those that fire, or fired when the job failed."""
    return [one for one in open_alerts(incident) if one.severity is Severity.PAGE]
