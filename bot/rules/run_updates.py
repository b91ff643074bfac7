"""Plan the messages about a run: one root message in each channel that follows it, and a reply for each event. Pure.

The root message is edited in place: at once when the state or a problem changes, and now and then for the numbers. An
event has a fixed key, so the outbox takes it once, however often it is decided.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.alerts import Delivery, DeliveryKind, Incident, Notification, NotifyReason, Receipt, stable_id
from bot.domain.jobs import Job, JobState
from bot.domain.observations import LOG_LOOKBACK
from bot.domain.progress import RunProgress
from bot.domain.runs import QueuePosition, RunEventKind, RunProblem, RunReport, RunStatistics, RunThread
from bot.domain.subscriptions import NotifyLevel, RunSettings, Silence, Subscription, covers
from bot.domain.trace_charts import loss_chart, throughput_chart
from bot.domain.traces import Trace
from bot.rules.change_keys import change_key
from bot.rules.lead import is_active, lead_alert

_WAITING = RunEventKind.WAITING
QUARTERS = (75, 50, 25)
"""Percent of all steps."""
_MOST_PROBLEMS = 50
"""Incidents of a run that are remembered by name; of more, the oldest that ended are only counted."""
_ALL = 100
"""Not announced: the end of the run is."""
_EDITS_OF_RUN, _SELDOM = 200, timedelta(minutes=15)
"""The message of a run that took long so far is edited once in a 200th of that time, at least every 15 minutes."""
_NEAR_SHARE, _NEAR_MOST = 10, timedelta(minutes=30)
"""A time limit is near when a tenth of it is left, at most half an hour."""


@dataclass(frozen=True, slots=True)
class FollowedRun:
    """A run as of one poll, for all channels that follow it."""

    watch_id: int
    job: Job
    """With its progress."""
    statistics: RunStatistics
    now: datetime
    edit_every: timedelta
    """The shortest time between two edits that only update numbers."""
    has_ended: bool = False
    """Whether it ended and its log is read to the end."""
    is_catching_up: bool = False
    """Whether another message says what happened during a downtime."""
    roots: Mapping[str, Receipt] | None = None
    """The root messages of incidents, by id, as far as they are posted."""
    queue: QueuePosition | None = None
    """Why it waits, if that was asked at this poll."""
    trace: Trace = ()
    """For the chart of its summary."""


def plan_runs(
    run: FollowedRun,
    subscriptions: Sequence[Subscription],
    before: Sequence[RunThread],
    incidents: Sequence[Incident],
    silences: Sequence[Silence],
) -> tuple[tuple[RunThread, ...], tuple[Delivery, ...]]:
    """Return what each channel has been shown of the run after this poll, and the messages to send.

    A channel that no longer follows the run gets a last edit, and another one if it follows it again.
    """
    following = [one for one in subscriptions if one.settings.run.follows_run]
    known = {one.subscription_id: one for one in before}
    threads: list[RunThread] = []
    deliveries: list[Delivery] = []
    for subscription in following:
        mine = [one for one in incidents if one.channel == subscription.channel]
        thread = known.get(subscription.id)
        draft = _Draft(run, subscription.settings.run, subscription, thread, mine)
        draft.is_muted = _is_muted(silences, subscription.channel, run)
        threads.append(draft.plan())
        deliveries += draft.deliveries
    left = [one for one in before if one.subscription_id not in {one.id for one in following}]
    deliveries += [_leave(run, one) for one in left if not one.is_left]
    subscribed = {one.id for one in subscriptions}
    threads += [replace(one, is_left=True) for one in left if one.subscription_id in subscribed]
    return tuple(threads), tuple(deliveries)


def needs_queue(
    job: Job | None,
    seen: RunStatistics | None,
    threads: Sequence[RunThread],
    subscriptions: Sequence[Subscription],
    now: datetime,
) -> bool:
    """Whether the next poll should ask why the run waits, because a channel is to be notified that it does."""
    if job is None or job.state is not JobState.QUEUED or seen is None or seen.queued_at is None:
        return False
    if seen.started_at is not None:
        return False
    waited, notified = now - seen.queued_at, {one.subscription_id for one in threads if _WAITING in one.done}
    wanted = (one for one in subscriptions if one.settings.run.follows_run and one.id not in notified)
    return any(waited >= one.settings.run.queued_after for one in wanted)


def _is_muted(silences: Sequence[Silence], channel: str, run: FollowedRun) -> bool:
    """Whether a silence mutes everything about the job."""
    labels = {"provider": run.job.ref.provider, "job": str(run.job.ref), "name": run.job.name or ""}
    return any(one.channel == channel and covers(one, labels, run.now) for one in silences)


def run_id(watch_id: int, subscription_id: int) -> str:
    """Return the id of a run's message in a channel; neither number is ever used again."""
    return stable_id("run", f"{watch_id}|{subscription_id}")


def _leave(run: FollowedRun, thread: RunThread) -> Delivery:
    name = run_id(run.watch_id, thread.subscription_id)
    report = RunReport(name, thread.channel, run.job, run.statistics, run.now, thread.problems, is_left=True)
    report = replace(report, dropped_problems=thread.dropped_problems)
    return _delivery(f"{name}:left:{change_key(run.now, report)}", DeliveryKind.EDIT, report)


def _delivery(key: str, kind: DeliveryKind, report: RunReport, *, broadcast: bool = False) -> Delivery:
    notification = Notification(kind, NotifyReason.RUN, report.job, broadcast=broadcast, run=report)
    return Delivery(key, report.channel, notification)


class _Draft:
    """The messages about a run in one channel while they are planned."""

    def __init__(
        self,
        run: FollowedRun,
        settings: RunSettings,
        subscription: Subscription,
        thread: RunThread | None,
        incidents: Sequence[Incident],
    ) -> None:
        self._run, self._settings, self._is_new = run, settings, thread is None
        self._before = thread or RunThread(subscription.id, subscription.channel)
        problems = _problems(self._before.problems, incidents, run.roots or {})
        kept = _limit_problems(problems, {one.id for one in incidents})
        self._report = RunReport(
            id=run_id(run.watch_id, subscription.id),
            channel=subscription.channel,
            job=run.job,
            statistics=run.statistics,
            at=run.now,
            problems=kept,
            dropped_problems=self._before.dropped_problems + len(problems) - len(kept),
            time_limit=settings.time_limit,
            queue=run.queue,
        )
        self.deliveries: list[Delivery] = []
        self.is_muted = False

    def plan(self) -> RunThread:
        """Plan the root message, or its edit, and the replies."""
        report, is_back = self._report, self._before.is_left
        known = replace(self._before, problems=report.problems, dropped_problems=report.dropped_problems)
        thread = self._in_unit(replace(known, is_left=False, state="") if is_back else known)
        happened = list(self._happened(thread))
        thread = self._show(thread)
        if self._is_new or is_back:
            happened = [one for one in happened if one is RunEventKind.ENDED]
        for event in happened:
            self._reply(event)
        return self._mark(thread)

    def _in_unit(self, thread: RunThread) -> RunThread:
        """After a change from percent to steps, or back, milestones begin after the one that is reached."""
        progress, steps = self._run.job.progress, self._settings.milestone_steps
        if progress is None or thread.milestone_steps == steps:
            return thread
        return replace(thread, milestone=_milestone(progress, self._settings), milestone_steps=steps)

    def _happened(self, thread: RunThread) -> Iterator[RunEventKind]:
        """What is new to the channel, in the order in which it happens."""
        for event in self._single_events():
            if event not in thread.done:
                yield event
        if self._run.job.state.is_terminal:
            return
        progress = self._run.job.progress
        if self._settings.notify is NotifyLevel.ALL and _checkpoint_name(progress) not in ("", thread.checkpoint):
            yield RunEventKind.CHECKPOINT
        reached = 0 if progress is None else _milestone(progress, self._settings)
        if reached > thread.milestone and (self._settings.milestone_steps or reached < _ALL):
            yield RunEventKind.MILESTONE

    def _single_events(self) -> Iterator[RunEventKind]:
        """The events that happen once and have happened until now; of a run that has ended only its end."""
        seen, now, job = self._run.statistics, self._run.now, self._run.job
        if job.state.is_terminal:
            if self._run.has_ended:
                yield RunEventKind.ENDED
            return
        is_waiting = job.state.is_pending and seen.started_at is None
        if is_waiting and seen.queued_at and now - seen.queued_at >= self._settings.queued_after:
            yield RunEventKind.WAITING
        if seen.started_at is not None:
            yield RunEventKind.STARTED
        if seen.first_step_at is not None:
            yield RunEventKind.FIRST_STEP
        deadline, limit = self._report.deadline, self._settings.time_limit
        if deadline is not None and limit is not None and now >= deadline - min(limit / _NEAR_SHARE, _NEAR_MOST):
            yield RunEventKind.TIME_LIMIT

    def _show(self, thread: RunThread) -> RunThread:
        """Post the root message, or edit it if it is outdated."""
        now, state, numbers = self._run.now, self._state(), self._numbers()
        shown = replace(thread, state=state, numbers=numbers, edited_at=now)
        if self._is_new:
            self.deliveries.append(_delivery(f"{self._report.id}:root", DeliveryKind.ROOT, self._report))
            return shown
        edited_at = thread.edited_at
        is_due = edited_at is None or edited_at > now or now - edited_at >= self._edit_every()
        if state != thread.state or (is_due and numbers != thread.numbers):
            key = f"{self._report.id}:edit:{change_key(now, self._report)}"
            self.deliveries.append(_delivery(key, DeliveryKind.EDIT, self._report))
            return shown
        return thread

    def _edit_every(self) -> timedelta:
        """The time between two edits that only update numbers: longer for a long run, whose numbers change less."""
        share = (self._report.duration or timedelta(0)) / _EDITS_OF_RUN
        return max(self._run.edit_every, min(share, _SELDOM))

    def _state(self) -> str:
        job = self._run.job
        problems = "|".join(f"{one.incident_id} {one.title} {one.is_firing} {one.ts}" for one in self._report.problems)
        return stable_id("st", f"{job.state}|{job.vendor_status}|{job.name}|{self._run.has_ended}|{problems}")

    def _numbers(self) -> str:
        progress, used = self._run.job.progress, self._run.job.utilization
        if progress is None:
            return f"{used}"
        return f"{progress.step}|{progress.total_steps}|{progress.epoch}|{progress.loss}|{used}"

    def _reply(self, event: RunEventKind) -> None:
        key = f"{self._report.id}:{event}"
        if event is RunEventKind.CHECKPOINT:
            key += f":{_checkpoint_name(self._run.job.progress)}"
        elif event is RunEventKind.MILESTONE and self._run.job.progress is not None:
            key += f":{_milestone(self._run.job.progress, self._settings)}"
        trace = self._run.trace if event is RunEventKind.ENDED else ()
        report = replace(self._report, event=event, chart=loss_chart(trace) or throughput_chart(trace))
        broadcast = event is RunEventKind.ENDED and self._is_news()
        self.deliveries.append(_delivery(key, DeliveryKind.REPLY, report, broadcast=broadcast))

    def _is_news(self) -> bool:
        """Whether the channel learns of the end by the summary, and not by an incident or a downtime's message."""
        is_known = self._run.job.state.is_failure and any(one.is_firing for one in self._report.problems)
        return not (is_known or self.is_muted or self._run.is_catching_up)

    def _mark(self, thread: RunThread) -> RunThread:
        """Remember everything that has happened, announced or not."""
        progress = self._run.job.progress
        done = dict.fromkeys((*thread.done, *self._single_events()))
        started_at = self._run.statistics.started_at
        if self._is_new and started_at is not None and self._run.now - started_at > LOG_LOOKBACK:
            done[RunEventKind.FIRST_STEP] = None  # before the part of the log that is read
        milestone = 0 if progress is None else _milestone(progress, self._settings)
        return replace(
            thread,
            done=tuple(done),
            milestone=max(thread.milestone, milestone),
            checkpoint=_checkpoint_name(progress) or thread.checkpoint,
        )


def _milestone(progress: RunProgress, settings: RunSettings) -> int:
    """Return the last milestone that was reached: steps if the channel chose so, else percent; 0: none."""
    step, total = progress.step, progress.total_steps
    if step is None or step <= 0:
        return 0
    if settings.milestone_steps:
        return step // settings.milestone_steps * settings.milestone_steps
    if not total or progress.is_epoch_total:
        return 0
    return next((percent for percent in (_ALL, *QUARTERS) if step * 100 >= percent * total), 0)


def _checkpoint_name(progress: RunProgress | None) -> str:
    saved = progress.checkpoint if progress is not None else None
    return "" if saved is None else str(saved.step if saved.step is not None else saved.path or "")


def _problems(
    before: Sequence[RunProblem], incidents: Sequence[Incident], roots: Mapping[str, Receipt]
) -> tuple[RunProblem, ...]:
    """Return the known incidents of the run and the current ones, those that were known first."""
    found = {one.incident_id: one for one in before}
    for incident in incidents:
        lead = lead_alert(incident)
        if lead is not None:
            root, known = roots.get(incident.id), found.get(incident.id)
            found[incident.id] = RunProblem(
                incident_id=incident.id,
                title=lead.title,
                severity_rank=lead.severity.rank,
                is_firing=incident.is_open and is_active(incident.job, lead),
                ts=root.ts if root is not None else known.ts if known is not None else "",
            )
    return tuple(found.values())


def _limit_problems(problems: Sequence[RunProblem], current: Set[str]) -> tuple[RunProblem, ...]:
    """Drop the oldest that ended and cannot return, because they are not `current`, while there are too many."""
    excess = len(problems) - _MOST_PROBLEMS
    if excess <= 0:
        return tuple(problems)
    ended = [one.incident_id for one in problems if one.incident_id not in current]
    dropped = set(ended[:excess])
    return tuple(one for one in problems if one.incident_id not in dropped)
