"""The alert that names an incident: what broke."""

from datetime import datetime

from bot.domain.alerts import Incident, IncidentAlert, Resolution
from bot.domain.jobs import Job
from bot.rules.catalog import reports_state


def lead_alert(incident: Incident) -> IncidentAlert | None:
    """The alert for the headline: the worst that is active, then one that names the cause, then the earliest."""
    candidates = [alert for alert in incident.alerts if is_active(incident.job, alert)] or incident.alerts
    return min(candidates, key=_headline_order, default=None)


def is_active(job: Job, alert: IncidentAlert) -> bool:
    """Whether the alert fires, or fired when the job failed and so may explain the failure."""
    ended_with_job = alert.resolution is Resolution.JOB_ENDED and job.state.is_failure and job.state.is_terminal
    return alert.resolved_at is None or ended_with_job


def _headline_order(alert: IncidentAlert) -> tuple[int, bool, bool, datetime]:
    return -alert.severity.rank, reports_state(alert.rule), alert.evidence.title is None, alert.fired_at
