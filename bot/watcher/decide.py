"""Decide what one poll means: evaluate the rules, plan each channel's messages, schedule the next poll. Pure.

`poll.py` observes the job before and saves the result after.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.run_facts import read_facts
from bot.domain.alerts import (
    AlertState,
    Delivery,
    DeliveryKind,
    Incident,
    IncidentAlert,
    Notification,
    NotifyReason,
    alert_id,
    stable_id,
)
from bot.domain.digests import is_of_platform
from bot.domain.downtime import Downtime
from bot.domain.durations import spoken_duration
from bot.domain.gaps import Part
from bot.domain.grouping import STANDARD, Grouping
from bot.domain.jobs import Job, JobState
from bot.domain.observations import Observation
from bot.domain.progress import RunProgress
from bot.domain.run_history import EndedRun, JudgedRun, RunFacts, RunHistory
from bot.domain.runs import RunStatistics, RunThread
from bot.domain.subscriptions import Subscription
from bot.domain.traces import Trace, add_sample, take_sample
from bot.domain.watches import ClaimedWatch, PollResult
from bot.rules.catching_up import past_failures, report_past, split_past
from bot.rules.evaluate import EvaluatedAlert, evaluate_rules, wanted_rules
from bot.rules.flapping import can_reopen
from bot.rules.incident_draft import Plan, PolledJob
from bot.rules.routing import end_incident, plan
from bot.rules.rule import dump_state, load_state
from bot.rules.run_history import failed_run, first_page, good_run, judge_with_history, with_judgement
from bot.rules.run_statistics import mean_utilization, observe_run
from bot.rules.run_updates import FollowedRun, plan_runs
from bot.watcher.intervals import PollIntervals, next_interval

GIVE_UP_DRAINING = timedelta(minutes=15)
"""How long after its end a job whose log cannot be read is still polled."""

_ENDINGS = {
    JobState.SUCCEEDED: "finished",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "was stopped",
    JobState.PREEMPTED: "was preempted",
}


@dataclass(frozen=True, slots=True)
class WatchState:
    """What the watcher keeps of a job between polls, besides the state of its log's diagnosis."""

    ended_at: datetime | None = None
    """When a poll first found that the job had ended."""
    metrics_at: datetime | None = None
    """When metrics were last read."""
    logs_at: datetime | None = None
    """When the log was last read to its end."""
    catches_up: bool = False
    """Whether the log of a downtime is not read to its end yet."""
    run: RunStatistics | None = None
    """Kept while a channel follows the run."""
    threads: tuple[RunThread, ...] = ()
    """What these channels were shown."""
    trace: Trace = ()
    """What the polls saw while the job ran, for charts."""
    facts: RunFacts = field(default_factory=RunFacts)
    """What the head of the log states about the run."""
    judged: JudgedRun | None = None
    """The verdict on its failure, given earlier runs; asked once for each failure."""


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """What decisions depend on besides the job."""

    drain: timedelta
    """How long after its end a job's log is still read for late lines."""
    intervals: PollIntervals = field(default_factory=PollIntervals)
    grouping: Grouping = STANDARD
    downtime: Downtime | None = None
    """The time before this process started, when none ran."""


def decide(
    watch: ClaimedWatch,
    observation: Observation,
    diagnosis: Diagnosis | None,
    log_state: Mapping[str, object] | None,
    settings: DecisionSettings,
    *,
    jitter: float,
    history: RunHistory | None = None,
) -> PollResult:
    """Decide what one poll of a job means, given the job as stored.

    The observation is redacted, because all of it may be stored and sent. The diagnosis includes its lines; None when
    the log cannot be read. `log_state` is what the diagnosis needs at the next poll. `jitter` is a random number from 0
    to 1. `history` has the earlier runs if `run_to_compare` returned this one.
    """
    now = observation.at
    job = observation.job or watch.last_job or Job(watch.job, JobState.UNKNOWN, "")
    before = load_state(watch.memory, WatchState)
    downtime = _downtime_of(watch, before, settings.downtime, now)
    progress = diagnosis.progress if diagnosis and diagnosis.progress.is_known else None
    state = _next_state(before, observation, job, downtime, progress)
    state, diagnosis = _compare(state, job, diagnosis, history, now)
    wanted = wanted_rules(one.settings for one in watch.subscriptions)
    alerts = evaluate_rules(watch.alerts, wanted, observation, diagnosis, state.trace)
    past: tuple[IncidentAlert, ...] = ()
    if downtime is not None:
        alerts, past = split_past(_with_ids(alerts, watch), wanted, now)
        past += past_failures(diagnosis, alerts, downtime, watch.id)
    is_log_read = not observation.more and not any(gap.is_outage for gap in observation.gaps if gap.part is Part.LOGS)
    has_ended = state.ended_at is not None and now - state.ended_at >= (
        settings.drain if is_log_read else max(settings.drain, GIVE_UP_DRAINING)
    )
    grouping = settings.grouping
    if has_ended:  # nothing can fire again
        grouping = replace(grouping, group_interval=timedelta(0), calm_after=timedelta(0))
    last = last_message(job, is_log_read=is_log_read) if has_ended else None
    polled = PolledJob(job, now, progress, grouping, downtime, past, observation.queue)
    plans = _plans(watch, alerts, polled, last)
    job = _measured(watch, job, observation, progress)
    state, updates = _follow(watch, state, job, polled, plans, settings, has_ended=has_ended)
    fails = watch.fails + 1 if observation.is_empty else 0
    wait = next_interval(settings.intervals, job.state, fails=fails, retry_after=observation.retry_after, jitter=jitter)
    known = {incident.id: incident for incident in watch.incidents}
    incidents = [one.incident for one in plans if one.incident is not None]
    return PollResult(
        watch_id=watch.id,
        token=watch.token,
        next_due_at=now if observation.more and not observation.is_empty else now + wait,
        fails=fails,
        cursor=observation.cursor,
        last_job=job,
        seen_at=watch.seen_at if observation.is_empty else now,
        memory={**dump_state(state), "log": log_state},
        alerts=tuple(one.alert for one in alerts if one.changed),
        incidents=tuple(one for one in incidents if known.get(one.id) != one),
        deliveries=(*(delivery for one in plans for delivery in one.deliveries), *updates),
        unsubscribe=has_ended or not watch.subscriptions,
        ended_run=_ended_run(before, state, job, diagnosis, now, has_ended=has_ended),
    )


def run_to_compare(watch: ClaimedWatch, observation: Observation, diagnosis: Diagnosis | None) -> EndedRun | None:
    """Return the run if it has a failure that was not compared with earlier runs yet."""
    page, job = first_page(diagnosis), observation.job or watch.last_job
    if page is None or job is None:
        return None
    judged = load_state(watch.memory, WatchState).judged
    is_known = judged is not None and judged.fingerprint == page.fingerprint
    return None if is_known else failed_run(job, page, RunFacts(), observation.at)


def _compare(
    state: WatchState, job: Job, diagnosis: Diagnosis | None, history: RunHistory | None, now: datetime
) -> tuple[WatchState, Diagnosis | None]:
    """The state and the diagnosis with the verdict that considers earlier runs."""
    page = first_page(diagnosis)
    if diagnosis is None or page is None:
        return state, diagnosis
    if history is not None:
        run = failed_run(job, page, state.facts, now)
        state = replace(state, judged=judge_with_history(page, run, history))
    return state, with_judgement(diagnosis, state.judged)


def _ended_run(
    before: WatchState, state: WatchState, job: Job, diagnosis: Diagnosis | None, now: datetime, *, has_ended: bool
) -> EndedRun | None:
    """The run as later ones are compared with it: when it first fails, and when it has succeeded."""
    page = first_page(diagnosis)
    if page is not None and state.judged is not None and state.judged != before.judged:
        return failed_run(job, page, state.facts, now)
    return good_run(job, state.facts, now) if has_ended and job.state is JobState.SUCCEEDED else None


def _downtime_of(watch: ClaimedWatch, state: WatchState, downtime: Downtime | None, now: datetime) -> Downtime | None:
    """The downtime, at the polls that read for the first time what happened during it."""
    if downtime is None or not (state.catches_up or downtime.is_first_poll(watch.seen_at, now)):
        return None
    return downtime


def _next_state(
    before: WatchState, observation: Observation, job: Job, downtime: Downtime | None, progress: RunProgress | None
) -> WatchState:
    now = observation.at
    # A job that ended long before the end of a downtime has no late lines.
    found_at = job.ended_at or now if downtime is not None else now
    is_log_unread = observation.more or observation.log_error is not None
    return replace(
        before,
        ended_at=min(before.ended_at or found_at, now) if job.state.is_terminal else None,
        metrics_at=before.metrics_at if observation.metrics_error else now,
        logs_at=before.logs_at if is_log_unread else now,
        catches_up=downtime is not None and (observation.more or observation.is_empty),
        trace=_traced(before.trace, observation, job, progress),
        facts=read_facts(before.facts, (line.message for line in observation.lines)),
    )


def _traced(trace: Trace, observation: Observation, job: Job, progress: RunProgress | None) -> Trace:
    """The trace with what this poll saw of a running job."""
    if job.state is not JobState.RUNNING or observation.is_empty:
        return trace
    return add_sample(trace, take_sample(observation.at.timestamp(), progress, observation.series))


def _measured(watch: ClaimedWatch, job: Job, observation: Observation, progress: RunProgress | None) -> Job:
    """The job with its progress and utilization; what this poll could not read is as of the last one."""
    used, last = mean_utilization(observation.series), watch.last_job
    if last is not None and job.state is last.state:
        progress, used = progress or last.progress, last.utilization if used is None else used
    return replace(job, progress=progress, utilization=used)


def _follow(
    watch: ClaimedWatch,
    state: WatchState,
    job: Job,
    polled: PolledJob,
    plans: Sequence[Plan],
    settings: DecisionSettings,
    *,
    has_ended: bool,
) -> tuple[WatchState, tuple[Delivery, ...]]:
    """Plan the messages of the channels that follow the run."""
    if not state.threads and not any(one.settings.run.follows_run for one in watch.subscriptions):
        return state, ()
    now = polled.at
    seen = observe_run(state.run or RunStatistics(), job, now, is_first=state.run is None)
    run = FollowedRun(
        watch.id,
        job,
        seen,
        now,
        edit_every=4 * settings.intervals.running,
        has_ended=has_ended,
        is_catching_up=polled.downtime is not None,
        roots=watch.roots,
        queue=polled.queue,
        trace=state.trace,
    )
    current = {one.id: one for one in watch.incidents}
    current |= {one.incident.id: one.incident for one in plans if one.incident is not None}
    threads, deliveries = plan_runs(run, watch.subscriptions, state.threads, [*current.values()], watch.silences)
    return replace(state, run=seen if threads else None, threads=threads), deliveries


def _plans(watch: ClaimedWatch, alerts: Sequence[EvaluatedAlert], polled: PolledJob, last: str | None) -> list[Plan]:
    """The plans of each subscribed channel, and of channels that left with an incident still open.

    That the platform cannot be read has a separate incident, because it is shown for all jobs together. `last` is the
    last message of a job that has ended.
    """
    named = _with_ids(alerts, watch)
    plans = []
    for one in watch.subscriptions:
        silences = [silence for silence in watch.silences if silence.channel == one.channel]
        incidents = sorted((found for found in watch.incidents if found.channel == one.channel), key=_relevance)
        for lane in _lanes(named, incidents):
            current = plan(one, lane.alerts, lane.incident, silences, polled)
            is_open = current.incident is not None and current.incident.resolved_at is None
            closing = "" if last is None or _ends_silently(one, polled.job) else last
            plans.append(current if last is None else _end(one.channel, current, watch.id, polled, lane, closing))
            if polled.downtime is not None and lane.is_of_job and not is_open and (polled.past or last):
                plans.append(report_past(one.channel, polled.job, polled.past, polled.downtime, polled.at))
    subscribed = {one.channel for one in watch.subscriptions}
    text = "This channel no longer watches the job."
    left = [
        end_incident(one, polled.job, polled.at, text, polled.progress)
        for one in watch.incidents
        if one.channel not in subscribed and one.resolved_at is None
    ]
    return plans + left


def _ends_silently(subscription: Subscription, job: Job) -> bool:
    """Whether a job's end gets no note: the run's summary is its last message, or only a pattern chose the job."""
    is_of_pattern = subscription.pattern is not None and not job.state.is_failure
    return subscription.settings.run.follows_run or is_of_pattern


def _with_ids(alerts: Sequence[EvaluatedAlert], watch: ClaimedWatch) -> list[EvaluatedAlert]:
    """The alerts, those that fire with their ids."""
    return [
        replace(one, id=alert_id(watch.id, watch.job, one.alert)) if one.alert.state is AlertState.FIRING else one
        for one in alerts
    ]


@dataclass(frozen=True, slots=True)
class _Lane:
    """Alerts that share an incident."""

    alerts: Sequence[EvaluatedAlert]
    incident: Incident | None
    is_of_job: bool = True
    """False: the platform cannot be read."""


def _lanes(alerts: Sequence[EvaluatedAlert], incidents: Sequence[Incident]) -> Iterator[_Lane]:
    """The alerts about the job; and, if there are any, those about its platform."""
    of_job = next((one for one in reversed(incidents) if not is_of_platform(one.group)), None)
    of_platform = next((one for one in reversed(incidents) if is_of_platform(one.group)), None)
    shown = {one.id for one in of_job.alerts if one.resolved_at is None} if of_job else set()
    outages = [one for one in alerts if _is_outage(one, of_platform) and one.id not in shown]
    if not outages and of_platform is None:
        yield _Lane(alerts, of_job)
        return
    yield _Lane([one for one in alerts if one not in outages], of_job)
    yield _Lane(outages, of_platform, is_of_job=False)


def _is_outage(evaluated: EvaluatedAlert, incident: Incident | None) -> bool:
    """Whether an alert is about the platform; once it is in its incident, it stays there until it resolves."""
    alert = evaluated.alert
    is_shown = incident is not None and any(one.rule == alert.rule for one in incident.alerts)
    return is_shown or (alert.evidence is not None and is_of_platform(alert.evidence.group))


def _relevance(incident: Incident) -> tuple[bool, bool, float]:
    """Order a channel's incidents: the last one is updated. An open one, the oldest; else the newest to reopen."""
    opened_s = incident.opened_at.timestamp()
    is_open = incident.resolved_at is None
    return is_open, can_reopen(incident), -opened_s if is_open else opened_s


def _end(channel: str, current: Plan, watch_id: int, polled: PolledJob, lane: _Lane, text: str) -> Plan:
    """Add the last message about a job, if any: in the incident's thread, or as a note when no incident is open."""
    incident, job = current.incident, polled.job
    if incident is not None and incident.resolved_at is None:
        ended = end_incident(incident, job, polled.at, text, polled.progress)
        return Plan(ended.incident, (*current.deliveries, *ended.deliveries))
    if not text or not lane.is_of_job or polled.downtime is not None:
        return current
    key = stable_id("note", f"{channel}|{job.ref}|{watch_id}|end")
    note = Delivery(key, channel, Notification(DeliveryKind.NOTE, NotifyReason.NOTE, job, text=text))
    return Plan(incident, (*current.deliveries, note))


def last_message(job: Job, *, is_log_read: bool) -> str:
    """The last message about a job."""
    name = job.name or str(job.ref)
    began, ended = job.started_at or job.created_at, job.ended_at or job.updated_at
    took = f" after {spoken_duration(ended - began)}" if began and ended and ended > began else ""
    unread = "" if is_log_read else " Its last log lines could not be read."
    reason = f": {job.error.rstrip('.')}" if job.error and job.state.is_failure else ""
    return f"{name} {_ENDINGS.get(job.state, 'ended')}{took}{reason}. This channel no longer watches it.{unread}"
