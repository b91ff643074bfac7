"""What a channel and a person choose about being notified: mentions, reminders, quiet hours, and the job's owner."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from bot.domain.alerts import Delivery, Incident, Receipt, Severity
from bot.domain.subscriptions import Silence

FIRST_REMINDER = timedelta(minutes=30)


class OwnerContact(enum.StrEnum):
    """How the person who started a job is notified of its alerts."""

    MENTION = "mention"
    """A mention in the alert."""
    DM = "dm"
    """A direct message."""
    OFF = "off"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A span of each day in which nobody is mentioned or reminded."""

    start: int
    """Minutes after midnight."""
    end: int
    """Minutes after midnight; before `start` if the span includes midnight."""
    zone: str = "UTC"
    """A time zone of the IANA database, such as `Europe/Berlin`."""

    def end_after(self, now: datetime) -> datetime | None:
        """When the quiet hours that contain `now` end; None outside of them."""
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - the shell starts faster without it

        local = now.astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        spans_midnight = self.end < self.start
        is_quiet = minute >= self.start or minute < self.end if spans_midnight else self.start <= minute < self.end
        if not is_quiet:
            return None
        ends_on = local.date() + timedelta(days=1 if spans_midnight and minute >= self.start else 0)
        end = datetime.combine(ends_on, time(*divmod(self.end, 60)), ZoneInfo(self.zone)).astimezone(UTC)
        return max(end, now + timedelta(minutes=1))  # in the hour that a clock change repeats, the end may have passed


@dataclass(frozen=True, slots=True)
class MentionTarget:
    """Somebody to mention."""

    id: str
    """The id of a user or a user group, `here` or `channel`; in an escalation also the id of a channel."""
    name: str = ""
    """As Slack showed it when it was typed; "" if unknown."""


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """Whom an alert reaches when nobody has acknowledged it for a while."""

    after: timedelta
    """Since the alert fired."""
    target: MentionTarget


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """How one channel is notified."""

    mentions: Mapping[Severity, tuple[MentionTarget, ...]] = field(default_factory=dict)
    reminders: bool = True
    first_reminder: timedelta = FIRST_REMINDER
    """How long a page waits for an acknowledgement before the first reminder."""
    quiet: QuietHours | None = None
    quiet_pages: bool = True
    """Whether quiet hours also hold for pages."""
    owner: OwnerContact = OwnerContact.MENTION
    webhooks: Mapping[str, Severity | None] = field(default_factory=dict)
    """By name of a webhook: the severity from which on it gets this channel's alerts, None for none. Without an entry,
    the webhook's own setting holds."""
    escalation: Mapping[Severity, tuple[EscalationStep, ...]] = field(default_factory=dict)
    """The chain of each severity, soonest step first."""

    def quiet_until(self, severity: Severity, now: datetime) -> datetime | None:
        """When the quiet hours end that keep an alert of this severity quiet; None when it may notify now."""
        if self.quiet is None or (severity is Severity.PAGE and not self.quiet_pages):
            return None
        return self.quiet.end_after(now)


@dataclass(frozen=True, slots=True)
class RemindersSent:
    """The reminders that an incident already had."""

    count: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueIncident:
    """An incident whose next reminder is to be planned, with everything the plan depends on."""

    watch_id: int
    incident: Incident
    sent: RemindersSent
    remind_at: datetime
    """When the plan was due; another process that plans changes it."""
    settings: NotifySettings = NotifySettings()
    silences: tuple[Silence, ...] = ()
    """Those active in its channel."""
    root: Receipt | None = None
    """Its root message, once posted."""


@dataclass(frozen=True, slots=True)
class ReminderPlan:
    """What to send now, if anything, and when to plan again."""

    sent: RemindersSent
    """Including the one to send now."""
    next_at: datetime | None
    """None: no more until the incident changes."""
    delivery: Delivery | None = None
    escalation: Delivery | None = None
    """The step of the escalation chain that is due; the outbox ignores one that it already has."""
