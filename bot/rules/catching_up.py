"""What the first poll after a downtime finds to be past already: it is reported as past, and notifies nobody.

An alert that would have resolved during the downtime does not fire. A failure in the log that
is too old to fire is listed, because nobody was notified of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.diagnosis.findings import Diagnosis, Failure
from bot.domain.alerts import (
    AlertState,
    Change,
    Delivery,
    DeliveryKind,
    Evidence,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    Resolution,
    Severity,
    stable_id,
)
from bot.domain.downtime import Downtime
from bot.domain.durations import datetime_from_ns
from bot.domain.jobs import Job
from bot.rules.catalog import rule_named
from bot.rules.diagnosis_wording import decisive_text
from bot.rules.evaluate import EvaluatedAlert, Wanted
from bot.rules.incident_draft import Plan


def split_past(
    evaluated: Sequence[EvaluatedAlert], wanted: Wanted, now: datetime
) -> tuple[tuple[EvaluatedAlert, ...], tuple[IncidentAlert, ...]]:
    """Separate the alerts that fired at this poll on evidence that ended long ago; they do not fire."""
    current, past = [], []
    for one in evaluated:
        evidence, timing = one.alert.evidence, wanted[one.alert.rule, one.alert.parameters_key].timing
        ended_at = evidence.last_at if evidence else None
        has_fired = one.transition is not None and one.transition.change is Change.FIRED
        keep = timing.keep_firing_for
        if not (has_fired and evidence and ended_at and keep > timedelta(0) and now - ended_at >= keep):
            current.append(one)
            continue
        rule = rule_named(one.alert.rule)
        title = evidence.title or (rule.title if rule else one.alert.rule)
        shown = IncidentAlert(
            one.id, one.alert.rule, title, one.alert.severity, evidence.first_at or ended_at, evidence
        )
        past.append(shown.resolved(ended_at, Resolution.CLEARED))
        quiet = replace(one.alert, state=AlertState.INACTIVE, pending_since=None, fired_at=None)
        current.append(replace(one, alert=quiet, transition=None, changed=True))
    return tuple(current), tuple(past)


def past_failures(
    diagnosis: Diagnosis | None, evaluated: Iterable[EvaluatedAlert], downtime: Downtime, watch_id: int
) -> tuple[IncidentAlert, ...]:
    """Return the failures of the log that began during the downtime and do not fire any more."""
    firing = [one.alert.evidence for one in evaluated if one.alert.state is AlertState.FIRING]
    titles = {evidence.title for evidence in firing if evidence is not None}
    found = []
    for failure in diagnosis.failures if diagnosis else ():
        at = datetime_from_ns(failure.first_ns) if failure.first_ns is not None else None
        is_news = at is not None and downtime.since <= at <= downtime.until
        if is_news and at and failure.severity is not Severity.INFO and failure.title not in titles:
            found.append(_past(failure, at, watch_id))
    return tuple(found)


def _past(failure: Failure, at: datetime, watch_id: int) -> IncidentAlert:
    ended_at = datetime_from_ns(failure.last_ns) if failure.last_ns is not None else at
    evidence = Evidence(decisive_text(failure), failure.title, count=failure.count, first_at=at, last_at=ended_at)
    name = stable_id("tw", f"{watch_id}|past|{failure.fingerprint}|{at.isoformat()}")
    shown = IncidentAlert(name, "failure", failure.title, failure.severity, at, evidence)
    return shown.resolved(ended_at, Resolution.CLEARED)


def report_past(channel: str, job: Job, alerts: Sequence[IncidentAlert], downtime: Downtime, now: datetime) -> Plan:
    """Return an ended incident, for the message about the downtime; without alerts, it is about the end of the job."""
    incident = Incident(
        id=stable_id("inc", f"{channel}|{job.ref}|{downtime.group}|past"),
        channel=channel,
        job=job,
        opened_at=now,
        alerts=tuple(alerts),
        resolved_at=now,
        group=downtime.group,
    )
    root = Notification(DeliveryKind.ROOT, NotifyReason.RESOLVED, job, incident)
    return Plan(incident, (Delivery(f"{incident.id}:root", channel, root),))
