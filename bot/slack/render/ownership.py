"""Who owns a failure: reminders, takeovers, direct messages to owners, and answers to Acknowledge and Resolve."""

from datetime import datetime

from bot.domain.alerts import Incident, Notification, NotifyReason
from bot.domain.durations import spoken_duration
from bot.rules.escalation import is_channel
from bot.rules.lead import lead_alert
from bot.slack.render.alert_text import TITLE_LIMIT, incident_icon
from bot.slack.render.blocks import Action, actions, button, context, section
from bot.slack.render.digest import render_digest_escalation
from bot.slack.render.digest_text import digest_headline
from bot.slack.render.icons import ESCALATION, NOTE, OWNER, REMARK, REMINDER
from bot.slack.render.jobs import job_link, job_name
from bot.slack.render.mentions import mention
from bot.slack.render.message import Message, message
from bot.slack.render.text import channel_link, link, one_line, person

OWNER_REPLIES = frozenset({NotifyReason.REMINDER, NotifyReason.ESCALATED, NotifyReason.TAKEN_OVER, NotifyReason.NOTED})
"""Why `render_owner_reply` is sent."""
_DIRECT_JOBS = 20
_NOTE_LIMIT = 600


def render_owner_reply(notification: Notification) -> Message:
    """A reminder, a step of the escalation chain, a takeover or a note, in the incident's thread."""
    assert notification.incident is not None
    if notification.reason is NotifyReason.REMINDER:
        return _render_reminder(notification, notification.incident)
    if notification.reason is NotifyReason.ESCALATED:
        return _render_escalation(notification, notification.incident)
    if notification.reason is NotifyReason.NOTED:
        return _render_note(notification.incident)
    return _render_takeover(notification.incident)


def _render_reminder(notification: Notification, incident: Incident) -> Message:
    reminder = notification.reminder
    assert reminder is not None
    waited = spoken_duration(reminder.at - reminder.since)
    what = f"Nobody has acknowledged this for {waited}"
    is_last = reminder.next_at is None
    following = "" if is_last or reminder.next_at is None else spoken_duration(reminder.next_at - reminder.at)
    note = "This is the last reminder." if is_last else f"Next reminder in {following}."
    title = _title(incident)
    return message(
        f"{REMINDER} {what}: {title}, {job_name(incident.job)}. {note if is_last else ''}".rstrip(),
        [
            section(f"{REMINDER} *{what}*\n{incident_icon(incident)} {title} · {job_link(incident.job)}"),
            actions([button("Acknowledge", Action.ACKNOWLEDGE, incident.id, style="primary")]),
            context([note]),
        ],
    )


def _render_escalation(notification: Notification, incident: Incident, where: str = "", url: str = "") -> Message:
    """A step of the escalation chain: in the thread with a mention, or in another channel with a link."""
    step = notification.escalation
    assert step is not None
    waited = spoken_duration(step.at - step.since)
    target = "" if is_channel(step.target) else mention(step.target)
    what = f"Nobody has acknowledged this for {waited}"
    note = f"Escalation, step {step.number} of {step.steps}"
    title = f"{incident_icon(incident)} {_title(incident)} · {job_link(incident.job)}"
    return message(
        f"{ESCALATION} {what}: {_title(incident)}, {job_name(incident.job)}{where}. {target}".rstrip(),
        [
            section("\n".join(part for part in (f"{ESCALATION} *{what}*{where}", title, target) if part)),
            actions([button("Acknowledge", Action.ACKNOWLEDGE, incident.id, style="primary")]),
            context([note, url]),
        ],
    )


def _render_takeover(incident: Incident) -> Message:
    taken = incident.acknowledgement
    by = person(taken.by) if taken else "Somebody"
    before = f" from {person(taken.taken_from)}" if taken and taken.taken_from else ""
    text = f"{OWNER} {by} took this over{before}."
    return message(f"{text} {job_name(incident.job)}.", [section(text)])


def _render_note(incident: Incident) -> Message:
    note = incident.note
    by, text = (person(note.by), one_line(note.text, _NOTE_LIMIT)) if note else ("Somebody", "")
    return message(f"{REMARK} {by} on {job_name(incident.job)}: {text}", [section(f"{REMARK} {by}: {text}")])


def render_direct(notification: Notification, permalink: str | None) -> Message:
    """A message to whoever started the job, or to a channel of the escalation; `permalink` leads to the alert."""
    incident, job = notification.incident, notification.job
    thread = link(permalink, "Open the alert") if permalink else ""
    settings = "Change: `/train notify me mention|dm|off`"
    if notification.digest is not None and notification.reason is NotifyReason.ESCALATED:
        where = f" in {channel_link(notification.digest.channel)}"
        return render_digest_escalation(notification, notification.digest, where, thread)
    if notification.digest is not None:
        names = ", ".join(one_line(one.name, 60) for one in notification.digest.members[:_DIRECT_JOBS])
        what, channel = digest_headline(notification.digest), channel_link(notification.digest.channel)
        small = context(["You started these jobs.", f"Alert in {channel}", thread, settings])
        return message(f"{what}: {names}, in {channel}.", [section(f"{what}\n{names}"), small])
    assert incident is not None
    title, channel = _title(incident), channel_link(incident.channel)
    if notification.reason is NotifyReason.ESCALATED:
        return _render_escalation(notification, incident, f" in {channel}", thread)
    return message(
        f"{incident_icon(incident)} {title}: {job_name(job)}, in {channel}.",
        [
            section(f"{incident_icon(incident)} *{title}* · {job_link(job)}"),
            context(["You started this job.", f"Alert in {channel}", thread, settings]),
        ],
    )


def render_owned(incident: Incident, now: datetime) -> Message:
    """The private answer to Acknowledge when somebody else has the incident: who, since when, and Take over."""
    taken = incident.acknowledgement
    assert taken is not None
    text = f"{person(taken.by)} acknowledged this {_ago(taken.at, now)}. Take it over?"
    take = button("Take over", Action.TAKE_OVER, f"{incident.id} {taken.by}")
    return message(text, [section(text), actions([take])])


def render_not_open(incident: Incident, now: datetime) -> Message:
    """The private answer to Acknowledge or Resolve when the incident needs nobody any more."""
    if incident.closing is not None:
        text = f"{person(incident.closing.by)} closed this {_ago(incident.closing.at, now)}."
    else:
        text = "This has already resolved by itself. There is nothing to acknowledge or close."
    return message(text, [section(f"{NOTE} {text}")])


def render_took_over(incident: Incident) -> Message:
    """The private answer after Take over."""
    return render_done("You took this over.", incident)


def render_reopened(incident: Incident) -> Message:
    """The private answer after Reopen."""
    return render_done("Reopened.", incident)


def render_done(text: str, incident: Incident) -> Message:
    """A private answer that confirms a click."""
    return message(f"{text} {job_name(incident.job)}.", [section(f"{OWNER} {text}")])


def _title(incident: Incident) -> str:
    lead = lead_alert(incident)
    return one_line(lead.title, TITLE_LIMIT) if lead else "Alert"


def _ago(at: datetime, now: datetime) -> str:
    """`just now`, or a spoken duration and "ago"."""
    span = now - at
    return f"{spoken_duration(span)} ago" if span.total_seconds() >= 1 else "just now"
