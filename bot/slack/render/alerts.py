"""Alerts as Slack shows them: the root that is edited, the replies in its thread, and notes.

A root says in one glance what broke, on which job, since when, and what to try. Everything else is in the thread.
Sending is in `bot.slack.notifier`; what is said when is decided in `bot.rules`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain.alerts import (
    DeliveryKind,
    Evidence,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Resolution,
    Severity,
)
from bot.domain.durations import format_duration
from bot.domain.jobs import Job
from bot.domain.wording import plural
from bot.rules.catalog import reports_state
from bot.slack.render import button_commands as commands
from bot.slack.render.actions import Action, actions, button, overflow
from bot.slack.render.blocks import context, fenced_sections, section
from bot.slack.render.jobs import job_link, job_name, state_words
from bot.slack.render.log_lines import excerpt_rows, have_clock, line_rows, only_source
from bot.slack.render.message import (
    Block,
    Message,
    code,
    linked_hint,
    message,
    moment,
    one_line,
    person,
    plain_moment,
)

_SIGNS = {Severity.PAGE: "🔴", Severity.WARN: "🟠", Severity.INFO: "🔵"}
_CLEARED = "✅"
_OVER = "⚪"
_NOTE = "\N{INFORMATION SOURCE}\ufe0f"
_ENDINGS = {
    Resolution.CLEARED: "It is back to normal.",
    Resolution.JOB_ENDED: "The job ended before it cleared.",
    Resolution.UNSUBSCRIBED: "This channel no longer watches the job.",
}
_MAX_OTHERS = 6
_LINES_BUDGET = 6000
"""Characters of log lines in a reply: a thread is read on a phone; the Logs button shows the rest."""


def render_notification(notification: Notification) -> Message:
    """The message of any notification; a root and its edits are the same picture at two times."""
    incident = notification.incident
    if incident is None or notification.kind is DeliveryKind.NOTE:
        return render_note(notification)
    if notification.kind is not DeliveryKind.REPLY:
        return render_root(incident)
    alert = next((one for one in incident.alerts if one.id == notification.alert_id), None)
    if alert is None:
        return render_note(notification)
    if reports_state(alert.rule) and _lead(incident) is not alert:
        # what broke is known: "read the log" would be worse advice than that of the headline
        alert = replace(alert, evidence=replace(alert.evidence, hint=None))
    return render_reply(incident.job, alert, notification.reason, broadcast=notification.broadcast)


def render_root(incident: Incident) -> Message:
    """The incident as it stands: loud while something fires, calm when it is over; what ended a run stays red."""
    lead = _lead(incident)
    if lead is None:
        calm = f"Nothing fires on {job_name(incident.job)}."
        return message(calm, [section(calm)])
    others = [alert for alert in incident.alerts if alert is not lead and not _is_told_by_state(incident.job, alert)]
    resolved = not _stands(incident.job, lead)
    lines = _resolved_lines(incident.job, lead) if resolved else _firing_lines(incident.job, lead)
    return message(
        _resolved_sentence(incident.job, lead) if resolved else _firing_sentence(incident.job, lead),
        [
            section("\n".join(line for line in lines if line)),
            section("\n".join(_other_lines(incident.job, others))) if others else None,
            context(_acknowledgements(incident)),
            _buttons(incident, lead),
            context([code(lead.id), code(str(incident.job.ref))]),
        ],
    )


def render_reply(job: Job, alert: IncidentAlert, reason: NotifyReason, *, broadcast: bool = False) -> Message:
    """What stands behind one alert: the lines that matter, the facts, what to try."""
    evidence = alert.evidence
    where = f" · {job_link(job)}" if broadcast else ""
    if alert.resolved_at is not None:
        mark = f"{_end_sign(alert)} *{one_line(alert.title, 200)}*{where} {_ending(job, alert)}"
        return message(_resolved_sentence(job, alert), [section(mark), context([code(alert.id)])])
    rows = _rows(evidence)
    blocks, shown = fenced_sections(rows, _LINES_BUDGET)
    title = f"{_SIGNS[alert.severity]} *{one_line(alert.title, 200)}*{where}{_again(reason)}"
    head = [title] if _repeats_title(alert) or evidence.root is not None else [title, one_line(_above(evidence), 600)]
    source = only_source(evidence.lines)
    new = [(label, value) for label, value in evidence.facts if not _is_said(value, evidence) and value != source]
    facts = [f"*{one_line(label, 60)}:* {one_line(value, 300)}" for label, value in new[:10]]
    try_this = [f"*Try:* {linked_hint(evidence.hint)}"] if evidence.hint else []
    tail = [*facts, *try_this]
    return message(
        _firing_sentence(job, alert, reason),
        [
            section("\n".join(head)),
            *blocks,
            section("\n".join(tail)) if tail else None,
            context([_lines_note(evidence, shown), code(alert.id)]),
        ],
    )


def _above(evidence: Evidence) -> str:
    """The summary as it stands above the lines: without the one that it quotes when that is among them."""
    said, colon, quoted = evidence.summary.partition(": ")
    is_below = colon and any(quoted in " ".join(line.message.split()) for line in evidence.lines)
    return f"{said}:" if is_below else evidence.summary


def _rows(evidence: Evidence) -> list[str]:
    if have_clock(evidence.lines):
        return line_rows(evidence.lines, max_line=1500)
    return excerpt_rows([line.message for line in evidence.lines], evidence.root, max_line=1500)


def render_note(notification: Notification) -> Message:
    """News that is no alert: the job ended, the subscription ended with it. A thread's root says of which job."""
    said = one_line(notification.text or "There is news of this job.", 1500)
    job = notification.job
    where = [] if notification.kind is DeliveryKind.REPLY else [job_link(job), code(str(job.ref))]
    heard = said if job_name(job) in said else f"{job_name(job)}: {said}"
    return message(heard, [section(f"{_NOTE} {said}"), context(where)])


def sign(incident: Incident) -> str:
    """The colour of an incident: of its worst firing alert, or how it ended."""
    lead = _lead(incident)
    if lead is None:
        return _OVER
    return _SIGNS[lead.severity] if _stands(incident.job, lead) else _end_sign(lead)


def _lead(incident: Incident) -> IncidentAlert | None:
    """The alert the headline is about: the worst that stands; of these one that knows what broke; then the earliest."""
    firing = [alert for alert in incident.alerts if _stands(incident.job, alert)] or list(incident.alerts)
    return min(
        firing,
        key=lambda one: (-one.severity.rank, reports_state(one.rule), one.evidence.title is None, one.fired_at),
        default=None,
    )


def _stands(job: Job, alert: IncidentAlert) -> bool:
    """Whether it holds: it fires, or it held when the job failed, and then it tells why."""
    ended_with_it = alert.resolution is Resolution.JOB_ENDED and job.state.is_failure and job.state.is_terminal
    return alert.resolved_at is None or ended_with_it


def _is_told_by_state(job: Job, alert: IncidentAlert) -> bool:
    """Whether "Job failed: exit code 1" beside the headline says all that this alert says."""
    return reports_state(alert.rule) and alert.resolved_at is None and job.state.is_failure


def _firing_lines(job: Job, alert: IncidentAlert) -> list[str]:
    evidence = alert.evidence
    since = evidence.first_at or alert.fired_at
    return [
        f"{_SIGNS[alert.severity]} *{one_line(alert.title, 200)}* · {job_link(job)}",
        "" if _repeats_title(alert) else f"> {one_line(evidence.summary, 500)}",
        " · ".join([_state(job), f"since {moment(since)}", *_short_facts(job, evidence)]),
        f"*Try:* {linked_hint(evidence.hint)}" if evidence.hint else "",
    ]


def _state(job: Job) -> str:
    """Where the job stands, and the platform's own reason when that is a failure."""
    error = job.error if job.state.is_failure and job.error else ""
    return f"Job {state_words(job)}" + (f": {one_line(error, 160).rstrip('.')}" if error else "")


def _repeats_title(alert: IncidentAlert) -> bool:
    return alert.evidence.summary.rstrip(".") == alert.title


def _short_facts(job: Job, evidence: Evidence) -> list[str]:
    """What fits into one line and is not said already; the rest is in the thread."""
    short = [
        (label, value)
        for label, value in evidence.facts
        if len(value) <= 48 and not _is_said(value, evidence) and value != job.error
    ]
    return [_fact(label, value, 48) for label, value in short[:3]]


def _is_said(value: str, evidence: Evidence) -> bool:
    """Whether the summary has it; a bare number, such as a rank, is found anywhere and has to be told."""
    return not value.isdigit() and value in evidence.summary


def _fact(label: str, value: str, limit: int) -> str:
    """`Rank: 3`, and `Rank 3` of a value that begins with its label; `Back to normal at 30%`."""
    said = one_line(value, limit)
    if value.lower().startswith(f"{label.lower()} "):
        return said[:1].upper() + said[1:]
    return f"{one_line(label, 60)}{'' if label.endswith(' at') else ':'} {said}"


def _resolved_lines(job: Job, alert: IncidentAlert) -> list[str]:
    return [
        f"{_end_sign(alert)} ~{one_line(alert.title, 200)}~ · {job_link(job)}",
        "" if _repeats_title(alert) else f"> {one_line(alert.evidence.summary, 300)}",
        _sentence_case(_ending(job, alert)),
    ]


def _other_lines(job: Job, others: Sequence[IncidentAlert]) -> list[str]:
    ordered = sorted(others, key=lambda alert: (not _stands(job, alert), -alert.severity.rank, alert.fired_at))
    if job.state.is_terminal and all(_stands(job, alert) for alert in others):
        # the run is dead and its cause is above: what else it said while it died is in the thread
        named = [f"{_SIGNS[alert.severity]} {one_line(alert.title, 200)}" for alert in ordered]
        return [f"Also, in the thread: {' · '.join(dict.fromkeys(named[:_MAX_OTHERS]))}"]
    lines = [_other_line(job, alert) for alert in ordered[:_MAX_OTHERS]]
    hidden = len(ordered) - len(lines)
    return [*lines, f"… and {plural(hidden, 'more alert')} in the thread"] if hidden else lines


def _other_line(job: Job, alert: IncidentAlert) -> str:
    if not _stands(job, alert):
        return f"{_end_sign(alert)} ~{one_line(alert.title, 200)}~ {_ending(job, alert)}"
    said = "" if _repeats_title(alert) else f": {one_line(alert.evidence.summary, 160)}"
    return f"{_SIGNS[alert.severity]} *{one_line(alert.title, 200)}*{said}"


def _acknowledgements(incident: Incident) -> list[str]:
    users = dict.fromkeys(alert.acknowledged_by for alert in incident.alerts if alert.resolved_at is None)
    names = [person(user) for user in users if user]
    if incident.resolved_at is not None or not names:
        return []
    return [f"👍 {' and '.join(names)} {'has' if len(names) == 1 else 'have'} it; no reminders"]


def _buttons(incident: Incident, lead: IncidentAlert) -> Block | None:
    job, evidence = incident.job.ref, lead.evidence
    first = evidence.first_at or lead.fired_at
    logs = button("Logs", Action.SHOW, commands.logs_around(job, first, evidence.last_at or lead.fired_at))
    if incident.resolved_at is not None:
        return actions([logs])
    unowned = any(alert.acknowledged_by is None for alert in incident.alerts if alert.resolved_at is None)
    return actions(
        [
            button("Acknowledge", Action.ACKNOWLEDGE, incident.id, style="primary") if unowned else None,
            button("Silence 1h", Action.CHANGE, commands.silence(job, timedelta(hours=1))),
            logs,
            overflow(
                Action.MORE,
                [
                    ("Silence for 4 hours", commands.silence(job, timedelta(hours=4))),
                    ("Silence for 24 hours", commands.silence(job, timedelta(hours=24))),
                    ("Stop watching here", commands.unwatch(job)),
                ],
            ),
        ]
    )


def _firing_sentence(job: Job, alert: IncidentAlert, reason: NotifyReason = NotifyReason.FIRST) -> str:
    since = plain_moment(alert.evidence.first_at or alert.fired_at)
    summary = "" if _repeats_title(alert) else f" {one_line(alert.evidence.summary, 600)}"
    when = f"since {since}{_again(reason)}".replace(" · ", ", ")
    return f"{_SIGNS[alert.severity]} {one_line(alert.title, 200)}: {job_name(job)}, {when}.{summary}"


def _resolved_sentence(job: Job, alert: IncidentAlert) -> str:
    return f"{_end_sign(alert)} {one_line(alert.title, 200)}: {job_name(job)}, {_ending(job, alert)}"


def _ending(job: Job, alert: IncidentAlert) -> str:
    """How it ended, as the end of a sentence: `resolved after 12m. It is back to normal.`."""
    if alert.resolved_at is None:
        return ""
    took = format_duration(alert.resolved_at - alert.fired_at)
    if alert.resolution is Resolution.CLEARED:
        return f"resolved after {took}. {_ENDINGS[Resolution.CLEARED]}"
    ended = alert.resolution is Resolution.JOB_ENDED and job.state.is_terminal
    return f"over after {took}. {_ENDINGS[Resolution.JOB_ENDED if ended else Resolution.UNSUBSCRIBED]}"


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def _end_sign(alert: IncidentAlert) -> str:
    return _CLEARED if alert.resolution is Resolution.CLEARED else _OVER


def _again(reason: NotifyReason) -> str:
    match reason:
        case NotifyReason.CHANGED:
            return " · there is more"
        case NotifyReason.REPEAT:
            return " · still firing"
        case _:
            return ""


def _lines_note(evidence: Evidence, shown: int) -> str:
    source = only_source(evidence.lines)
    parts = [f"all from {code(source)}"] if source else []
    if have_clock(evidence.lines) and evidence.count > shown:
        parts.append(f"{shown} of {plural(evidence.count, 'line')} shown; press Logs above for the rest")
    return (
        " · ".join(["rows in UTC" if have_clock(evidence.lines) else "", *parts]).strip(" ·") if evidence.lines else ""
    )
