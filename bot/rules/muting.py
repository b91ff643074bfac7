"""What a person's silence or `unwatch` changes in an open incident, so that its root message shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.alerts import Alert, Incident, IncidentAlert, Resolution
from bot.domain.job_matching import job_labels
from bot.domain.jobs import Job
from bot.domain.ownership import Muting, Unwatching
from bot.domain.subscriptions import Silence, covers


def labels_of(alert: Alert | IncidentAlert, job: Job) -> Mapping[str, str]:
    """Return the labels that a silence's matchers are tested on."""
    return {**job_labels(job), "rule": alert.rule, "severity": alert.severity.value}


def mute(incident: Incident, silences: Sequence[Silence], now: datetime) -> Incident:
    """Record the silence that lasts longest among those that cover every firing alert, or that there is none."""
    firing = [labels_of(alert, incident.job) for alert in incident.alerts if alert.resolved_at is None]
    covering = [one for one in silences if firing and all(covers(one, labels, now) for labels in firing)]
    longest = max(covering, key=lambda silence: silence.ends_at, default=None)
    muted = None if longest is None else Muting(longest.created_by, longest.ends_at, longest.id)
    return replace(incident, muted=muted)


def stop_watching(incident: Incident, user: str, now: datetime, undo: str) -> Incident:
    """End an incident because its channel no longer watches the job."""
    alerts = tuple(
        alert if alert.resolved_at else alert.resolved(now, Resolution.UNSUBSCRIBED) for alert in incident.alerts
    )
    return replace(
        incident, alerts=alerts, resolved_at=incident.resolved_at or now, unwatched=Unwatching(user, now, undo)
    )
