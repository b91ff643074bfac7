"""The body of a generic webhook. Pure. docs/webhooks.md describes it, docs/webhook-event.schema.json is its schema.

`version` changes only when a field changes its meaning or disappears. New fields may appear at any time.
"""

import json
from datetime import datetime

from bot.domain.alerts import Incident, IncidentAlert, Notification
from bot.domain.destinations import incident_state, worst_severity
from bot.domain.jobs import Job
from bot.domain.reminders import Escalation
from bot.domain.run_verdicts import verdict_fields

VERSION = 1
JsonDocument = dict[str, object]
_MAX_LINES = 20


def build_event(notification: Notification, incident: Incident, event_id: str) -> JsonDocument:
    """Return the event about an incident; `event_id` is the same for every attempt to send it."""
    state = incident_state(incident)
    return {
        "version": VERSION,
        "id": event_id,
        "type": "incident.escalated" if notification.escalation is not None else f"incident.{state}",
        "dedup_key": incident.id,
        "reason": notification.reason.value,
        "incident": {
            "id": incident.id,
            "state": state.value,
            "severity": incident.severity.value,
            "worst_severity": worst_severity(incident).value,
            "title": title_of(incident),
            "channel": incident.channel,
            "opened_at": _time(incident.opened_at),
            "resolved_at": _time(incident.resolved_at),
            "acknowledged": _person(incident.acknowledgement.by, incident.acknowledgement.at)
            if incident.acknowledgement
            else None,
            "closed": _person(incident.closing.by, incident.closing.at) if incident.closing else None,
            "alerts": [_alert(alert) for alert in incident.alerts],
        },
        "job": _job(incident.job),
        "escalation": _escalation(notification.escalation),
    }


def encode_event(document: JsonDocument) -> bytes:
    """Encode a body as JSON in UTF-8; half of a surrogate pair, which a log may have, becomes a question mark."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def title_of(incident: Incident) -> str:
    """Return one line about an incident: its worst alert, and the job."""
    firing = [alert for alert in incident.alerts if alert.resolved_at is None] or list(incident.alerts)
    worst = max(firing, key=lambda one: one.severity.rank, default=None)
    what = f"{worst.title}: {worst.evidence.summary}" if worst else "Alert"
    return f"{incident.job.name or incident.job.ref}: {what}"


def _alert(alert: IncidentAlert) -> JsonDocument:
    evidence = alert.evidence
    return {
        "id": alert.id,
        "rule": alert.rule,
        "title": alert.title,
        "severity": alert.severity.value,
        "summary": evidence.summary,
        "fired_at": _time(alert.fired_at),
        "resolved_at": _time(alert.resolved_at),
        "resolution": alert.resolution.value if alert.resolution else None,
        "count": evidence.count,
        "facts": dict(evidence.facts),
        "hint": evidence.hint,
        **verdict_fields(evidence.verdict),
        "lines": [line.message for line in evidence.lines[:_MAX_LINES]],
    }


def _job(job: Job) -> JsonDocument:
    return {
        "ref": str(job.ref),
        "platform": job.ref.provider,
        "name": job.name,
        "state": job.state.value,
        "status": job.vendor_status,
        "user": job.user,
        "url": job.url,
    }


def _escalation(step: Escalation | None) -> JsonDocument | None:
    if step is None:
        return None
    return {"step": step.number, "steps": step.steps, "target": step.target, "since": _time(step.since)}


def _person(user: str, at: datetime) -> JsonDocument:
    return {"by": user, "at": _time(at)}


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
