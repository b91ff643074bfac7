"""Alerts in Slack: the root message that is edited, the replies in its thread, and notes.

The root shows what broke, on which job, since when, and what to try. Everything else is in the thread. Messages are
sent by `bot.slack.notifier`; what is sent when is decided in `bot.rules`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.alerts import DeliveryKind, Evidence, Incident, IncidentAlert, Notification, NotifyReason, Resolution
from bot.domain.durations import ns_from_datetime, spoken_duration
from bot.domain.jobs import Job
from bot.domain.wording import plural
from bot.rules.catalog import reports_state
from bot.slack.render.blocks import Action, actions, button, code_sections, context, logs_button, overflow, section
from bot.slack.render.icons import CLEARED, ENDED, NOTE, SEVERITY_ICONS
from bot.slack.render.jobs import job_link, job_name, state_label
from bot.slack.render.log_lines import common_source, excerpt_rows, have_times, line_rows
from bot.slack.render.message import Block, Message, message
from bot.slack.render.text import code, linked_hint, one_line, person, plain_time, slack_time

_MAX_OTHERS = 6
_MAX_FACTS = 10
_SHORT_FACT = 48
"""Characters of a fact that fits into the root."""
_LINES_BUDGET = 6000
"""Characters of log lines in a reply: a thread is read on a phone; the Logs button shows the rest."""


def render_notification(notification: Notification) -> Message:
    """The message of any notification; a root and its edits are rendered alike."""
    incident = notification.incident
    if incident is None or notification.kind is DeliveryKind.NOTE:
        return render_note(notification)
    if notification.kind is not DeliveryKind.REPLY:
        return render_root(incident)
    alert = next((one for one in incident.alerts if one.id == notification.alert_id), None)
    if alert is None:
        return render_note(notification)
    if reports_state(alert.rule) and _lead_alert(incident) is not alert:
        # The headline names the cause, so its advice is better than "read the log".
        alert = replace(alert, evidence=replace(alert.evidence, hint=None))
    return render_reply(incident.job, alert, notification.reason, broadcast=notification.broadcast)


def render_root(incident: Incident) -> Message:
    """The incident as it is now: its lead alert, the others, who acknowledged it, and buttons."""
    job, lead = incident.job, _lead_alert(incident)
    if lead is None:
        text = f"No alerts firing on {job_name(job)}."
        return message(text, [section(text)])
    others = [alert for alert in incident.alerts if alert is not lead and not _repeats_state(job, alert)]
    firing = _is_active(job, lead)
    lines = _firing_lines(job, lead) if firing else _resolved_lines(job, lead)
    return message(
        _firing_sentence(job, lead) if firing else _resolved_sentence(job, lead),
        [
            section("\n".join(line for line in lines if line)),
            section("\n".join(_other_lines(job, others))) if others else None,
            context(_ownership(incident)),
            _buttons(incident, lead),
            context([code(lead.id), code(str(job.ref))]),
        ],
    )


def render_reply(job: Job, alert: IncidentAlert, reason: NotifyReason, *, broadcast: bool = False) -> Message:
    """The evidence of one alert: log lines, facts and what to try; or how the alert ended."""
    evidence = alert.evidence
    where = f" · {job_link(job)}" if broadcast else ""
    if alert.resolved_at is not None:
        title = f"{_end_icon(alert)} *{one_line(alert.title, 200)}*{where} {_ending(job, alert)}"
        return message(_resolved_sentence(job, alert), [section(title), context([code(alert.id)])])
    blocks, shown = code_sections(_rows(evidence), _LINES_BUDGET)
    title = f"{SEVERITY_ICONS[alert.severity]} *{one_line(alert.title, 200)}*{where}{_notify_reason(reason)}"
    adds_summary = not _repeats_title(alert) and evidence.root is None
    source = common_source(evidence.lines)
    new = [(label, value) for label, value in evidence.facts if not _in_summary(value, evidence) and value != source]
    tail = [f"*{one_line(label, 60)}:* {one_line(value, 300)}" for label, value in new[:_MAX_FACTS]]
    tail += [f"*Try:* {linked_hint(evidence.hint)}"] if evidence.hint else []
    return message(
        _firing_sentence(job, alert, reason),
        [
            section(f"{title}\n{one_line(_introduction(evidence), 600)}" if adds_summary else title),
            *blocks,
            section("\n".join(tail)) if tail else None,
            context([*_lines_notes(evidence, shown), code(alert.id)]),
        ],
    )


def render_note(notification: Notification) -> Message:
    """An update that is not an alert, such as the end of the job. In a thread, the root names the job."""
    text, job = one_line(notification.text or "This job was updated.", 1500), notification.job
    where = [] if notification.kind is DeliveryKind.REPLY else [job_link(job), code(str(job.ref))]
    alt_text = text if job_name(job) in text else f"{job_name(job)}: {text}"
    return message(alt_text, [section(f"{NOTE} {text}"), context(where)])


def incident_icon(incident: Incident) -> str:
    """The icon of the incident's lead alert."""
    lead = _lead_alert(incident)
    if lead is None:
        return ENDED
    return SEVERITY_ICONS[lead.severity] if _is_active(incident.job, lead) else _end_icon(lead)


def _introduction(evidence: Evidence) -> str:
    """The summary above the lines, without the line that it quotes if that is among them."""
    start, colon, quoted = evidence.summary.partition(": ")
    is_below = colon and any(quoted in " ".join(line.message.split()) for line in evidence.lines)
    return f"{start}:" if is_below else evidence.summary


def _rows(evidence: Evidence) -> list[str]:
    if have_times(evidence.lines):
        return line_rows(evidence.lines, max_line=1500)
    return excerpt_rows([line.message for line in evidence.lines], evidence.root, max_line=1500)


def _lines_notes(evidence: Evidence, shown: int) -> list[str]:
    source, timed = common_source(evidence.lines), have_times(evidence.lines)
    more = f"showing {shown:,} of {plural(evidence.count, 'line')}; press Logs above for the rest"
    is_cut = timed and evidence.count > shown
    return ["times in UTC" if timed else "", f"all from {code(source)}" if source else "", more if is_cut else ""]


def _repeats_state(job: Job, alert: IncidentAlert) -> bool:
    """Whether "Job failed: exit code 1" in the headline already states this alert."""
    return reports_state(alert.rule) and alert.resolved_at is None and job.state.is_failure


def _firing_lines(job: Job, alert: IncidentAlert) -> list[str]:
    evidence = alert.evidence
    since = evidence.first_at or alert.fired_at
    return [
        f"{SEVERITY_ICONS[alert.severity]} *{one_line(alert.title, 200)}* · {job_link(job)}",
        "" if _repeats_title(alert) else f"> {one_line(evidence.summary, 500)}",
        " · ".join([_state(job), f"since {slack_time(since)}", *_short_facts(job, evidence)]),
        f"*Try:* {linked_hint(evidence.hint)}" if evidence.hint else "",
    ]


def _resolved_lines(job: Job, alert: IncidentAlert) -> list[str]:
    return [
        f"{_end_icon(alert)} ~{one_line(alert.title, 200)}~ · {job_link(job)}",
        "" if _repeats_title(alert) else f"> {one_line(alert.evidence.summary, 300)}",
        _sentence_case(_ending(job, alert)),
    ]


def _state(job: Job) -> str:
    """The job's state, with the platform's reason if that is a failure."""
    error = job.error if job.state.is_failure and job.error else ""
    return f"Job {state_label(job)}" + (f": {one_line(error, 160).rstrip('.')}" if error else "")


def _short_facts(job: Job, evidence: Evidence) -> list[str]:
    """Facts that fit into one line and are not in the summary; the rest is in the thread."""
    short = [
        (label, value)
        for label, value in evidence.facts
        if len(value) <= _SHORT_FACT and not _in_summary(value, evidence) and value != job.error
    ]
    return [_fact(label, value, _SHORT_FACT) for label, value in short[:3]]


def _in_summary(value: str, evidence: Evidence) -> bool:
    """Whether the summary contains the value. A bare number does not count: it would match any other number."""
    return not value.isdigit() and value in evidence.summary


def _fact(label: str, value: str, limit: int) -> str:
    """`Rank: 3`; `Rank 3` if the value begins with its label; `Back to normal at 30%`."""
    text = one_line(value, limit)
    if value.lower().startswith(f"{label.lower()} "):
        return _sentence_case(text)
    return f"{one_line(label, 60)}{'' if label.endswith(' at') else ':'} {text}"


def _other_lines(job: Job, others: Sequence[IncidentAlert]) -> list[str]:
    ordered = sorted(others, key=lambda alert: (not _is_active(job, alert), -alert.severity.rank, alert.fired_at))
    if job.state.is_terminal and all(_is_active(job, alert) for alert in others):
        # The job has ended and the headline names the cause, so titles are enough.
        titles = [f"{SEVERITY_ICONS[alert.severity]} {one_line(alert.title, 200)}" for alert in ordered]
        return [f"More in the thread: {' · '.join(dict.fromkeys(titles[:_MAX_OTHERS]))}"]
    lines = [_other_line(job, alert) for alert in ordered[:_MAX_OTHERS]]
    hidden = len(ordered) - len(lines)
    return [*lines, f"… and {plural(hidden, 'more alert')} in the thread"] if hidden else lines


def _other_line(job: Job, alert: IncidentAlert) -> str:
    title = one_line(alert.title, 200)
    if not _is_active(job, alert):
        return f"{_end_icon(alert)} ~{title}~ {_ending(job, alert)}"
    summary = "" if _repeats_title(alert) else f": {one_line(alert.evidence.summary, 160)}"
    return f"{SEVERITY_ICONS[alert.severity]} *{title}*{summary}"


def _ownership(incident: Incident) -> list[str]:
    taken, closing = incident.acknowledgement, incident.closing
    if closing is not None:
        return [f"☑️ Closed by {person(closing.by)} {slack_time(closing.at)}"]
    if taken is None:
        return ["Nobody has acknowledged this failure."] if incident.is_failure and incident.resolved_at else []
    return [f"👍 Acknowledged by {person(taken.by)} {slack_time(taken.at)}"] if incident.is_open else []


def _buttons(incident: Incident, lead: IncidentAlert) -> Block | None:
    job, start_ns = incident.job.ref, lead.evidence.start_ns
    logs = logs_button(job, ns_from_datetime(lead.fired_at) if start_ns is None else start_ns)
    silence = button("Silence 1 hour", Action.CHANGE, f"silence 1h {job}")
    more = [("Silence 4 hours", f"silence 4h {job}"), ("Silence 24 hours", f"silence 1d {job}")]
    more.append(("Stop watching here", f"unwatch {job}"))
    is_live = incident.resolved_at is None
    return actions([_next_step(incident), silence if is_live else None, logs, overflow(more) if is_live else None])


def _next_step(incident: Incident) -> Block | None:
    """The button of an open incident: to take it, or to close it when somebody has it."""
    if not incident.is_open:
        return None
    if incident.acknowledgement is None:
        return button("Acknowledge", Action.ACKNOWLEDGE, incident.id, style="primary")
    return button("Resolve", Action.RESOLVE, incident.id)


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lead_alert(incident: Incident) -> IncidentAlert | None:
    """The alert for the headline: the worst that is active, then one that names the cause, then the earliest."""
    candidates = [alert for alert in incident.alerts if _is_active(incident.job, alert)] or incident.alerts
    return min(candidates, key=_headline_order, default=None)


def _headline_order(alert: IncidentAlert) -> tuple[int, bool, bool, datetime]:
    return -alert.severity.rank, reports_state(alert.rule), alert.evidence.title is None, alert.fired_at


def _is_active(job: Job, alert: IncidentAlert) -> bool:
    """Whether the alert fires, or fired when the job failed and so may explain the failure."""
    ended_with_job = alert.resolution is Resolution.JOB_ENDED and job.state.is_failure and job.state.is_terminal
    return alert.resolved_at is None or ended_with_job


def _end_icon(alert: IncidentAlert) -> str:
    return CLEARED if alert.resolution is Resolution.CLEARED else ENDED


def _repeats_title(alert: IncidentAlert) -> bool:
    """Whether the summary adds nothing to the title."""
    return alert.evidence.summary.rstrip(".") == alert.title


def _firing_sentence(job: Job, alert: IncidentAlert, reason: NotifyReason = NotifyReason.FIRST) -> str:
    since = plain_time(alert.evidence.first_at or alert.fired_at)
    summary = "" if _repeats_title(alert) else f" {one_line(alert.evidence.summary, 600)}"
    icon, again = SEVERITY_ICONS[alert.severity], _notify_reason(reason, ", ")
    return f"{icon} {one_line(alert.title, 200)}: {job_name(job)}, since {since}{again}.{summary}"


def _resolved_sentence(job: Job, alert: IncidentAlert) -> str:
    return f"{_end_icon(alert)} {one_line(alert.title, 200)}: {job_name(job)}, {_ending(job, alert)}"


def _ending(job: Job, alert: IncidentAlert) -> str:
    """How it ended, as the end of a sentence: `resolved after 12m. Back to normal.`."""
    if alert.resolved_at is None:
        return ""
    after = f"after {spoken_duration(alert.resolved_at - alert.fired_at)}"
    if alert.resolution is Resolution.CLEARED:
        return f"resolved {after}. Back to normal."
    if alert.resolution is Resolution.JOB_ENDED and job.state.is_terminal:
        return f"ended {after}. The job ended before the alert cleared."
    return f"ended {after}. This channel no longer watches the job."


def _notify_reason(reason: NotifyReason, separator: str = " · ") -> str:
    """Why people are notified again, after a separator; "" the first time."""
    return f"{separator}updated" if reason is NotifyReason.CHANGED else ""
