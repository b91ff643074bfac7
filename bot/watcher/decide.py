"""What one look means: conditions → lifecycle → what each channel is told. Pure; the clock is a parameter.

`poll.py` fetches before and saves after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.diagnosis.findings import Diagnosis
from bot.domain.alerts import (
    Alert,
    AlertState,
    Delivery,
    DeliveryKind,
    Incident,
    Memory,
    Notification,
    NotifyReason,
    alert_name,
    stable_id,
)
from bot.domain.durations import format_duration
from bot.domain.gaps import GapReason, Part
from bot.domain.jobs import Job, JobState
from bot.domain.observations import Observation
from bot.domain.subscriptions import Subscription
from bot.domain.watches import ClaimedWatch
from bot.rules.evaluate import judge, wanted_rules
from bot.rules.routing import AlertNow, Plan, end_incident, plan

GIVE_UP_DRAINING = timedelta(minutes=15)
"""A job that ended is let go after this long even when its log cannot be read."""

_ENDED = {
    JobState.SUCCEEDED: "finished",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "was stopped",
    JobState.PREEMPTED: "was preempted",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What a look came to."""

    job: Job
    memory: Memory
    alerts: tuple[Alert, ...]
    """Those that changed; one that never held and remembers nothing is not worth a row."""
    incidents: tuple[Incident, ...]
    """Those that changed."""
    deliveries: tuple[Delivery, ...]
    over: bool
    """The job ended and its last word was said."""


def decide(
    watch: ClaimedWatch,
    observation: Observation,
    diagnosis: Diagnosis | None,
    *,
    now: datetime,
    more: bool,
    drain: timedelta,
) -> Decision:
    """Judge one look.

    Args:
        watch: the job with its alerts, incidents, subscriptions and silences as stored.
        observation: what was seen, without secrets: all of it may be stored and told.
        diagnosis: what the log read so far means, this look's lines included; None when it cannot be read.
        now: the time of the poll.
        more: whether log lines are left unread.
        drain: how long after a job's end its log is still read for late lines.
    """
    job = observation.job or watch.last_job or Job(watch.job, JobState.UNKNOWN, "")
    ended_at = _ended_at(watch.memory, job, now)
    judged = judge(watch.alerts, wanted_rules(one.settings for one in watch.subscriptions), observation, diagnosis, now)
    alerts = [AlertNow(_name(watch, one.alert), one.alert, one.transition) for one in judged]
    plans = {one.channel: _plan(watch, one, alerts, job, now) for one in watch.subscriptions}
    plans |= _orphans(watch, plans, job, now)
    waited = now - ended_at if ended_at else timedelta(0)
    readable = not more and not _log_is_hidden(observation)
    over = ended_at is not None and waited >= drain and (readable or waited >= GIVE_UP_DRAINING)
    if over:
        plans = {
            channel: _last_word(channel, one, job, watch, now, complete=readable) for channel, one in plans.items()
        }
    before = {incident.id: incident for incident in watch.incidents}
    return Decision(
        job=job,
        memory={"ended_at": ended_at.isoformat()} if ended_at else {},
        alerts=tuple(one.alert for one in judged if one.changed),
        incidents=tuple(
            one.incident for one in plans.values() if one.incident and before.get(one.incident.id) != one.incident
        ),
        deliveries=tuple(delivery for one in plans.values() for delivery in one.deliveries),
        over=over or not watch.subscriptions,
    )


def _name(watch: ClaimedWatch, alert: Alert) -> str:
    return alert_name(watch.id, watch.job, alert) if alert.state is AlertState.FIRING else ""


def _plan(watch: ClaimedWatch, subscription: Subscription, alerts: Sequence[AlertNow], job: Job, now: datetime) -> Plan:
    incident = next((one for one in watch.incidents if one.channel == subscription.channel), None)
    silences = [one for one in watch.silences if one.channel == subscription.channel]
    return plan(subscription, alerts, incident, silences, job, now)


def _orphans(watch: ClaimedWatch, plans: Mapping[str, Plan], job: Job, now: datetime) -> dict[str, Plan]:
    """Close what is open in channels that no longer watch the job."""
    text = "This channel no longer watches the job."
    return {one.channel: end_incident(one, job, now, text) for one in watch.incidents if one.channel not in plans}


def _last_word(channel: str, current: Plan, job: Job, watch: ClaimedWatch, now: datetime, *, complete: bool) -> Plan:
    text = last_word(job, complete=complete)
    incident = current.incident
    if incident is not None and incident.resolved_at is None:
        ended = end_incident(incident, job, now, text)
        return Plan(ended.incident, (*current.deliveries, *ended.deliveries))
    key = stable_id("note", f"{channel}|{job.ref}|{watch.id}|end")
    note = Delivery(key, channel, Notification(DeliveryKind.NOTE, NotifyReason.NOTE, job, text=text))
    return Plan(incident, (*current.deliveries, note))


def last_word(job: Job, *, complete: bool) -> str:
    """What is said when a job is let go."""
    name = job.name or str(job.ref)
    began, ended = job.started_at or job.created_at, job.ended_at or job.updated_at
    took = f" after {format_duration(ended - began)}" if began and ended and ended > began else ""
    unread = "" if complete else " Its last log lines could not be read."
    return f"{name} {_ENDED.get(job.state, 'ended')}{took}. This channel no longer watches it.{unread}"


def _ended_at(memory: Memory, job: Job, now: datetime) -> datetime | None:
    if not job.state.is_terminal:
        return None
    stored = memory.get("ended_at")
    return datetime.fromisoformat(stored) if isinstance(stored, str) else now


def _log_is_hidden(observation: Observation) -> bool:
    return any(
        gap.part is Part.LOGS and gap.reason not in (GapReason.NOT_SUPPORTED, GapReason.UNREACHABLE_LINES)
        for gap in observation.gaps
    )
