"""The body of an event for PagerDuty's Events API v2. Pure.

Fields and limits: docs.influxdata.com/flux/v0/stdlib/pagerduty/sendevent and readme.hex.pm/pagerduty_ex (read
2026-11-29). The deduplication key is the incident's id, so that all its events concern one incident of PagerDuty.
"""

from bot.domain.alerts import Incident, IncidentAlert, Severity
from bot.domain.destinations import IncidentState, incident_state, worst_severity
from bot.domain.reminders import Escalation
from bot.notifiers.webhook.event import JsonDocument, title_of

_ACTIONS = {
    IncidentState.FIRING: "trigger",
    IncidentState.ACKNOWLEDGED: "acknowledge",
    IncidentState.RESOLVED: "resolve",
}
_SEVERITIES = {Severity.PAGE: "critical", Severity.WARN: "warning", Severity.INFO: "info"}
_MAX_SUMMARY = 1024
_MAX_LINES = 5


def build_pagerduty_event(incident: Incident, routing_key: str, step: Escalation | None = None) -> JsonDocument:
    """Return the event that brings PagerDuty to the state of the incident.

    A `step` of the escalation triggers it once more: PagerDuty adds that to the open incident, or opens it again.
    """
    action = _ACTIONS[incident_state(incident)]
    event: JsonDocument = {"routing_key": routing_key, "event_action": action, "dedup_key": incident.id}
    if action != "trigger":
        return event
    job = incident.job
    details: JsonDocument = {alert.title: _details(alert) for alert in incident.alerts}
    if step is not None:
        details["Escalation"] = f"Step {step.number} of {step.steps}: nobody acknowledged it."
    rules = sorted({alert.rule for alert in incident.alerts if alert.resolved_at is None})
    event["client"] = "trainwatch"
    event["payload"] = {
        "summary": _cut(title_of(incident), _MAX_SUMMARY),
        "source": str(job.ref),
        "severity": _SEVERITIES[worst_severity(incident)],
        "timestamp": incident.opened_at.isoformat(),
        "component": job.name or job.ref.id,
        "group": job.ref.provider,
        "class": ", ".join(rules),
        "custom_details": details,
    }
    if job.url:
        event["links"] = [{"href": job.url, "text": "Job"}]
    return event


def _details(alert: IncidentAlert) -> JsonDocument:
    evidence = alert.evidence
    lines = [line.message for line in evidence.lines[:_MAX_LINES]]
    return {"summary": evidence.summary, **dict(evidence.facts), "lines": lines}


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
