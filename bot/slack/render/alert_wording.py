"""Sentences about alerts, and which alert of an incident leads."""

from __future__ import annotations

from bot.domain.alerts import Incident, IncidentAlert, NotifyReason, Resolution
from bot.domain.durations import format_duration
from bot.domain.jobs import Job
from bot.rules.catalog import reports_state
from bot.slack.render.icons import CLEARED, ENDED, SEVERITY_ICONS
from bot.slack.render.jobs import job_name
from bot.slack.render.text import one_line, plain_time


def lead_alert(incident: Incident) -> IncidentAlert | None:
    """The alert for the headline: the worst that is active, then one that names the cause, then the earliest."""
    candidates = [alert for alert in incident.alerts if is_active(incident.job, alert)] or list(incident.alerts)
    return min(
        candidates,
        key=lambda one: (-one.severity.rank, reports_state(one.rule), one.evidence.title is None, one.fired_at),
        default=None,
    )


def is_active(job: Job, alert: IncidentAlert) -> bool:
    """Whether the alert fires, or fired when the job failed and so may explain the failure."""
    ended_with_job = alert.resolution is Resolution.JOB_ENDED and job.state.is_failure and job.state.is_terminal
    return alert.resolved_at is None or ended_with_job


def alert_icon(job: Job, alert: IncidentAlert) -> str:
    """The severity of an active alert, or how it ended."""
    return SEVERITY_ICONS[alert.severity] if is_active(job, alert) else end_icon(alert)


def end_icon(alert: IncidentAlert) -> str:
    """How a resolved alert ended."""
    return CLEARED if alert.resolution is Resolution.CLEARED else ENDED


def repeats_title(alert: IncidentAlert) -> bool:
    """Whether the summary adds nothing to the title."""
    return alert.evidence.summary.rstrip(".") == alert.title


def firing_sentence(job: Job, alert: IncidentAlert, reason: NotifyReason = NotifyReason.FIRST) -> str:
    """Alt text of a firing alert."""
    since = plain_time(alert.evidence.first_at or alert.fired_at)
    summary = "" if repeats_title(alert) else f" {one_line(alert.evidence.summary, 600)}"
    icon, again = SEVERITY_ICONS[alert.severity], notify_reason(reason, ", ")
    return f"{icon} {one_line(alert.title, 200)}: {job_name(job)}, since {since}{again}.{summary}"


def resolved_sentence(job: Job, alert: IncidentAlert) -> str:
    """Alt text of a resolved alert."""
    return f"{end_icon(alert)} {one_line(alert.title, 200)}: {job_name(job)}, {ending(job, alert)}"


def ending(job: Job, alert: IncidentAlert) -> str:
    """How it ended, as the end of a sentence: `resolved after 12m. Back to normal.`."""
    if alert.resolved_at is None:
        return ""
    after = f"after {format_duration(alert.resolved_at - alert.fired_at)}"
    if alert.resolution is Resolution.CLEARED:
        return f"resolved {after}. Back to normal."
    if alert.resolution is Resolution.JOB_ENDED and job.state.is_terminal:
        return f"ended {after}. The job ended before the alert cleared."
    return f"ended {after}. This channel no longer watches the job."


def notify_reason(reason: NotifyReason, separator: str = " · ") -> str:
    """Why people are notified again, after a separator; "" the first time."""
    match reason:
        case NotifyReason.CHANGED:
            return f"{separator}updated"
        case NotifyReason.REPEAT:
            return f"{separator}still firing"
        case _:
            return ""
