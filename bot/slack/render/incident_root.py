"""The root message of an incident: at most eight lines on a phone, edited as the incident changes.

Its order is what broke, where and on which job; the decisive line; when, after how long and at which step; what to
try; who has it; buttons. Everything else is in the thread.
"""

from datetime import datetime, timedelta

from bot.domain.alerts import Incident, IncidentAlert, Severity
from bot.domain.durations import ns_from_datetime, spoken_duration
from bot.domain.jobs import Job
from bot.domain.progress import checkpoint_text, position_text
from bot.domain.wording import plural
from bot.slack.render.alert_text import (
    STATE_VERBS,
    TITLE_LIMIT,
    alert_icon,
    alt_sentence,
    ending,
    is_active,
    lead_alert,
    place,
    repeats_state,
    repeats_title,
    sentence_case,
)
from bot.slack.render.blocks import Action, actions, button, context, logs_button, overflow, section
from bot.slack.render.jobs import job_link, job_name, state_label
from bot.slack.render.message import Block, Message, message
from bot.slack.render.text import clock_time, code, first_sentence, one_line, person, slack_time

_DECISIVE_LIMIT = 84
"""Characters of the decisive line: two lines of code on a phone."""
_SUMMARY_LIMIT = 100
_TRY_LIMIT = 90
_ALSO_LIMIT = 44
"""Characters of the line that names the other alerts: one line on a phone."""
_SAME_DAY = timedelta(hours=12)
"""A time this near to the message itself needs no date."""


def render_root(incident: Incident) -> Message:
    """The incident as it is now: its lead alert, the others by title, who has it, and buttons."""
    job, lead = incident.job, lead_alert(incident)
    if lead is None:
        text = f"No alerts firing on {job_name(job)}."
        return message(text, [section(text)])
    lines = _active_lines(incident, lead) if is_active(job, lead) else _ended_lines(incident, lead)
    return message(
        alt_sentence(incident, lead),
        [
            section("\n".join(line for line in lines if line)),
            context([_others(incident, lead)]),
            context(_ownership(incident)),
            _buttons(incident, lead),
        ],
    )


def _active_lines(incident: Incident, lead: IncidentAlert) -> list[str]:
    job, evidence = incident.job, lead.evidence
    return [
        _headline(job, lead, f"*{one_line(lead.title, TITLE_LIMIT)}*"),
        _decisive(job, lead),
        _when(incident, lead),
        f"*Try:* {first_sentence(evidence.hint, _TRY_LIMIT)}" if evidence.hint else "",
    ]


def _ended_lines(incident: Incident, lead: IncidentAlert) -> list[str]:
    job = incident.job
    return [
        _headline(job, lead, f"~{one_line(lead.title, TITLE_LIMIT)}~"),
        _decisive(job, lead),
        sentence_case(ending(job, lead)),
    ]


def _headline(job: Job, lead: IncidentAlert, title: str) -> str:
    return " · ".join(
        part for part in (f"{alert_icon(job, lead)} {title}", place(job, lead.evidence), job_link(job)) if part
    )


def _decisive(job: Job, lead: IncidentAlert) -> str:
    """The line of the log that says what broke, or the platform's reason, or the measured values."""
    evidence = lead.evidence
    if evidence.root is not None and evidence.root < len(evidence.lines):
        return _quoted(evidence.lines[evidence.root].message, lead)
    if evidence.messages:
        total = f" · {plural(evidence.count, 'error')}" if evidence.count > 1 else ""
        kinds = f", {len(evidence.messages):,} kinds" if len(evidence.messages) > 1 else ""
        return f"{code(evidence.messages[0].message, _DECISIVE_LIMIT)}{total}{kinds}"
    if repeats_state(job, lead) and job.error:
        return _quoted(job.error, lead)
    expected = f" Expected {clock_time(evidence.expected_at)}." if evidence.expected_at else ""
    return "" if repeats_title(lead) else f"{one_line(evidence.summary, _SUMMARY_LIMIT)}{expected}"


def _quoted(line: str, lead: IncidentAlert) -> str:
    text = " ".join(line.split())
    return "" if text in lead.title else code(text, _DECISIVE_LIMIT)


def _when(incident: Incident, lead: IncidentAlert) -> str:
    """`Failed 3:06 AM after 3 h 2 min at step 2,683 of 50,000 · last checkpoint 2,500 (12 min of work lost)`."""
    job, progress = incident.job, incident.progress
    step = position_text(progress) if progress else ""
    if not job.state.is_terminal:
        since = lead.evidence.first_at or lead.fired_at
        return " · ".join(part for part in (f"Since {_time(since, incident)}", f"job {state_label(job)}", step) if part)
    began, ended = job.started_at or job.created_at, job.ended_at or job.updated_at or lead.evidence.first_at
    after = f" after {spoken_duration(ended - began)}" if began and ended and ended > began else ""
    at = f" {_time(ended, incident)}" if ended else ""
    verb = sentence_case(STATE_VERBS[job.state].removeprefix("was "))
    saved = checkpoint_text(progress, ended) if progress else ""
    return " · ".join(
        part for part in (f"{verb}{at}{after}{f' at {step}' if step else ''}", one_line(saved, 80)) if part
    )


def _time(at: datetime, incident: Incident) -> str:
    return clock_time(at) if abs(at - incident.opened_at) < _SAME_DAY else slack_time(at)


def _others(incident: Incident, lead: IncidentAlert) -> str:
    """The titles of the other alerts, the worst first, in one line."""
    job = incident.job
    others = [alert for alert in incident.alerts if alert is not lead and not repeats_state(job, alert)]
    others.sort(key=lambda alert: (not is_active(job, alert), -alert.severity.rank, alert.fired_at))
    titles = dict.fromkeys(_other(job, alert) for alert in others if alert.title != lead.title)
    shown, length = list[str](), 0
    for title in titles:
        length += len(title) + 2
        if shown and length > _ALSO_LIMIT:
            break
        shown.append(title)
    hidden = len(titles) - len(shown)
    return f"Also: {', '.join(shown)}{f' and {hidden:,} more' if hidden else ''}" if shown else ""


def _other(job: Job, alert: IncidentAlert) -> str:
    title = one_line(alert.title, _ALSO_LIMIT)
    return f"{alert_icon(job, alert)} {title if is_active(job, alert) else f'~{title}~'}"


def _ownership(incident: Incident) -> list[str]:
    taken, closing, muted = incident.acknowledgement, incident.closing, incident.muted
    parts = []
    if closing is not None:
        parts.append(f"☑️ Closed by {person(closing.by)} {_time(closing.at, incident)}")
    elif taken is not None and incident.is_open:
        parts.append(f"👍 Acknowledged by {person(taken.by)} {_time(taken.at, incident)}")
    elif incident.is_failure and incident.resolved_at:
        parts.append("Nobody has acknowledged this failure.")
    if muted is not None and incident.resolved_at is None:
        parts.append(f"🔕 Silenced until {_time(muted.until, incident)} by {person(muted.by)}")
    return parts


def _buttons(incident: Incident, lead: IncidentAlert) -> Block | None:
    job = incident.job.ref
    start_ns = lead.evidence.start_ns
    logs = logs_button(job, ns_from_datetime(lead.fired_at) if start_ns is None else start_ns)
    is_live = incident.resolved_at is None
    return actions(
        [_next_step(incident), _silence(incident) if is_live else None, logs, _more(incident) if is_live else None]
    )


def _next_step(incident: Incident) -> Block | None:
    """The button of an open incident: to take it, green if it is urgent, or to close it when somebody has it."""
    if not incident.is_open:
        return None
    if incident.acknowledgement is not None:
        return button("Resolve", Action.RESOLVE, incident.id)
    is_urgent = incident.severity is Severity.PAGE and incident.muted is None
    return button("Acknowledge", Action.ACKNOWLEDGE, incident.id, style="primary" if is_urgent else None)


def _silence(incident: Incident) -> Block | None:
    if incident.muted is not None:
        return button("Undo silence", Action.CHANGE, f"silence end {incident.muted.silence_id}")
    return button("Silence 1 hour", Action.CHANGE, f"silence 1h {incident.job.ref}")


def _more(incident: Incident) -> Block | None:
    job = incident.job.ref
    silences = [("Silence 4 hours", f"silence 4h {job}"), ("Silence 24 hours", f"silence 1d {job}")]
    return overflow([*([] if incident.muted else silences), ("Stop watching here", f"unwatch {job}")])
