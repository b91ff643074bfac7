"""What a channel that follows a run is sent, poll by poll."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.domain.alerts import Evidence, Incident, IncidentAlert, Receipt, Severity
from bot.domain.job_matching import Matcher
from bot.domain.jobs import Job, JobState, Resources
from bot.domain.progress import Checkpoint, RunProgress
from bot.domain.runs import RunReport, RunStatistics, RunThread
from bot.domain.subscriptions import Silence, Subscription
from bot.rules.run_statistics import observe_run
from bot.rules.run_updates import FollowedRun, plan_runs
from bot.rules.settings import parse_settings
from tests.unit.rules.observing import MINUTE, REF, START

NEW = Job(REF, JobState.QUEUED, "PENDING", name="llama", created_at=START, resources=Resources(gpu_count=8))


@dataclass
class Channel:
    """One channel that follows a run, poll after poll."""

    words: tuple[str, ...] = ("notify=lifecycle",)
    threads: tuple[RunThread, ...] = ()
    seen: RunStatistics | None = None
    incidents: tuple[Incident, ...] = ()
    silences: tuple[Silence, ...] = ()
    roots: dict[str, Receipt] = field(default_factory=dict)
    now: datetime = START
    keys: list[str] = field(default_factory=list)
    reports: list[RunReport] = field(default_factory=list)
    broadcast: list[bool] = field(default_factory=list)

    def poll(self, state: JobState, progress: RunProgress | None = None, *, ended: bool = False) -> list[str]:
        """Poll a minute later; return the events of replies, and `root` or `edit`."""
        self.now += MINUTE
        job = replace(
            NEW, state=state, progress=progress, utilization=0.9, ended_at=self.now if state.is_terminal else None
        )
        first = self.seen is None
        self.seen = observe_run(self.seen or RunStatistics(), job, self.now, is_first=first)
        run = FollowedRun(1, job, self.seen, self.now, edit_every=2 * MINUTE, has_ended=ended, roots=self.roots)
        subscription = Subscription(7, "C1", REF, "U1", START, parse_settings(self.words))
        following = (subscription,) if self.words else ()
        self.threads, sent = plan_runs(run, following, self.threads, self.incidents, self.silences)
        self.keys += [one.dedupe_key for one in sent]
        reports = [one.notification.run for one in sent]
        self.reports += [one for one in reports if one is not None]
        self.broadcast = [one.notification.broadcast for one in sent]
        return [
            str(one.event) if one is not None and one.event else str(delivery.notification.kind)
            for one, delivery in zip(reports, sent, strict=True)
        ]


def at_step(step: int, total: int | None = 1000, saved: int | None = None) -> RunProgress:
    checkpoint = None if saved is None else Checkpoint(saved)
    return RunProgress(step=step, total_steps=total, loss=2.0 - step / 1000, step_s=1.0, checkpoint=checkpoint)


def failure(fired_at: datetime, *, resolved: bool = False) -> Incident:
    alert = IncidentAlert("tw-1", "failure", "Loss became NaN", Severity.PAGE, fired_at, Evidence("NaN"))
    job = replace(NEW, state=JobState.FAILED)
    return Incident("inc-1", "C1", job, fired_at, (alert,), resolved_at=fired_at if resolved else None)


def test_each_event_is_announced_once_in_order() -> None:
    channel = Channel(("notify=all", "queued=2m", "time_limit=8m"))
    running = JobState.RUNNING

    assert channel.poll(JobState.QUEUED) == ["root"]
    assert channel.poll(JobState.QUEUED) == ["waiting"]
    assert channel.poll(JobState.STARTING) == ["edit"]
    assert channel.poll(running) == ["edit", "started"]
    assert channel.poll(running, at_step(1)) == ["first step"]
    assert channel.poll(running, at_step(260, saved=250)) == ["edit", "checkpoint", "milestone"]
    assert channel.poll(running, at_step(300, saved=250)) == []
    assert channel.poll(running, at_step(800, saved=500)) == ["edit", "checkpoint", "milestone"]
    assert channel.poll(running, at_step(900, saved=500)) == []
    assert channel.poll(running, at_step(950, saved=500)) == ["edit"]
    assert channel.poll(running, at_step(990, saved=500)) == []
    assert channel.poll(running, at_step(990, saved=500)) == ["edit", "time limit"]
    assert channel.poll(JobState.SUCCEEDED, at_step(1000)) == ["edit"]
    assert channel.poll(JobState.SUCCEEDED, at_step(1000), ended=True) == ["edit", "ended"]
    assert len(channel.keys) == len(set(channel.keys))
    assert channel.broadcast == [False, True]


def test_a_repeated_decision_has_the_same_keys() -> None:
    first, again = Channel(), Channel()
    for one in (first, again):
        one.poll(JobState.QUEUED)
        one.poll(JobState.RUNNING, at_step(500))
    assert first.keys == again.keys


def test_what_happened_before_the_subscription_is_shown_without_replies() -> None:
    channel = Channel()
    assert channel.poll(JobState.RUNNING, at_step(600)) == ["root"]
    assert channel.poll(JobState.RUNNING, at_step(601)) == []
    assert channel.poll(JobState.RUNNING, at_step(760)) == ["edit", "milestone"]


@pytest.mark.parametrize(("age", "expected"), [(timedelta(minutes=5), True), (timedelta(days=3), False)])
def test_the_first_step_of_an_old_run_is_not_announced_when_the_log_is_read_late(
    age: timedelta, expected: bool
) -> None:
    channel = Channel(now=START + age)
    assert channel.poll(JobState.RUNNING) == ["root"]
    assert ("first step" in channel.poll(JobState.RUNNING, at_step(60))) is expected


def test_a_run_that_is_found_at_its_end_has_one_message_and_a_summary() -> None:
    channel = Channel()
    assert channel.poll(JobState.SUCCEEDED, at_step(1000), ended=True) == ["root", "ended"]


@pytest.mark.parametrize(
    ("words", "total", "steps", "expected"),
    [
        (("milestones=100",), None, (50, 99, 100, 450, 451, 500), [100, 400, 500]),
        ((), 1000, (249, 250, 499, 760, 1000), [250, 760]),
        ((), 1000, (10, 1000), []),
        ((), None, (1, 500, 10_000), []),
    ],
)
def test_milestones(words: tuple[str, ...], total: int | None, steps: tuple[int, ...], expected: list[int]) -> None:
    channel = Channel(("notify=lifecycle", *words))
    channel.poll(JobState.RUNNING)
    announced = [step for step in steps if "milestone" in channel.poll(JobState.RUNNING, at_step(step, total))]
    assert [step // 100 * 100 if words else step for step in announced] == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [((), ("milestones=100",), [500, 600, 710]), (("milestones=100",), (), [500, 760])],
)
def test_milestones_after_a_change_of_their_unit(
    before: tuple[str, ...], after: tuple[str, ...], expected: list[int]
) -> None:
    channel, announced = Channel(("notify=lifecycle", *before)), list[int]()
    channel.poll(JobState.RUNNING, at_step(490))
    for step in (500, 510, 590, 600, 610, 710, 760):
        if step == (590 if before else 510):
            channel.words = ("notify=lifecycle", *after)
        announced += [step] if "milestone" in channel.poll(JobState.RUNNING, at_step(step)) else []
    assert announced == expected


def test_a_run_that_starts_again_does_not_wait_since_its_creation() -> None:
    channel = Channel()
    channel.now += timedelta(days=3)
    assert channel.poll(JobState.RUNNING, at_step(5)) == ["root"]
    assert channel.poll(JobState.STARTING, at_step(5)) == ["edit"]
    channel.now += timedelta(hours=1)
    assert "waiting" not in channel.poll(JobState.QUEUED, at_step(5))
    assert channel.seen is not None
    assert channel.seen.queued_at is None


def test_a_failure_that_has_its_own_alert_is_not_announced_again() -> None:
    channel = Channel()
    channel.poll(JobState.RUNNING, at_step(500))
    channel.incidents = (failure(channel.now),)
    assert channel.poll(JobState.FAILED, at_step(500)) == ["edit"]
    channel.roots = {"inc-1": Receipt("C1", "1.5")}
    assert channel.poll(JobState.FAILED, at_step(500), ended=True) == ["edit", "ended"]
    assert channel.broadcast == [False, False]
    assert [(one.title, one.ts) for one in channel.reports[-1].problems] == [("Loss became NaN", "1.5")]


def test_an_alert_that_was_forgotten_since_is_still_in_the_summary() -> None:
    channel = Channel()
    channel.poll(JobState.RUNNING, at_step(500))
    channel.incidents = (replace(failure(channel.now, resolved=True), job=NEW),)
    channel.poll(JobState.RUNNING, at_step(501))
    channel.incidents = ()
    channel.poll(JobState.SUCCEEDED, at_step(1000), ended=True)
    assert [one.title for one in channel.reports[-1].problems] == ["Loss became NaN"]


def test_a_silence_of_the_job_keeps_the_summary_in_the_thread() -> None:
    channel = Channel()
    channel.poll(JobState.RUNNING, at_step(500))
    until = START + timedelta(days=1)
    of_rule = Silence(1, "C1", (Matcher("rule", "hang"),), "U1", START, until)
    for silences, expected in (((of_rule,), True), ((replace(of_rule, matchers=()),), False)):
        again = replace(channel, silences=silences)
        again.poll(JobState.SUCCEEDED, at_step(1000), ended=True)
        assert again.broadcast == [False, expected]


@pytest.mark.parametrize("words", [("notify=failures",), ()])
def test_a_channel_that_stops_following_gets_a_last_edit(words: tuple[str, ...]) -> None:
    channel = Channel()
    channel.poll(JobState.RUNNING, at_step(500))
    channel.words = words
    assert channel.poll(JobState.RUNNING, at_step(501)) == ["edit"]
    assert channel.reports[-1].is_left
    assert channel.poll(JobState.RUNNING, at_step(502)) == []


def test_a_channel_that_follows_a_run_again_gets_an_edit() -> None:
    """Nothing else changes while it waits, and what happened meanwhile is not announced late."""
    channel = Channel()
    assert ["root"] == channel.poll(JobState.QUEUED)
    channel.words = ("notify=failures",)
    assert ["edit"] == channel.poll(JobState.QUEUED)
    assert [] == channel.poll(JobState.QUEUED)
    channel.words = ("notify=lifecycle",)
    assert ["edit"] == channel.poll(JobState.QUEUED)
    assert [False, True, False] == [one.is_left for one in channel.reports]
    assert [] == channel.poll(JobState.QUEUED)
    channel.words = ("notify=failures",)
    channel.poll(JobState.RUNNING, at_step(500))
    channel.words = ("notify=lifecycle",)
    assert ["edit"] == channel.poll(JobState.RUNNING, at_step(501))


def test_the_incidents_of_a_long_run_are_bounded_and_counted() -> None:
    channel, count = Channel(), 500
    for number in range(count):
        ended = replace(failure(channel.now, resolved=True), id=f"inc-{number}", job=NEW)
        channel.incidents = (replace(failure(START), id="inc-first", job=NEW), ended)
        channel.poll(JobState.RUNNING, at_step(number + 1, None))
    (thread,), report = channel.threads, channel.reports[-1]
    assert len(thread.problems) <= 50
    assert count + 1 == len(thread.problems) + thread.dropped_problems
    assert "inc-first" == thread.problems[0].incident_id
    assert len(report.problems) + report.dropped_problems in (count, count + 1)


def test_the_message_of_a_long_run_is_edited_less_often() -> None:
    channel = Channel()
    channel.poll(JobState.RUNNING, at_step(1))
    for start, expected in ((timedelta(minutes=10), 15), (timedelta(hours=20), 5), (timedelta(days=9), 2)):
        channel.now = START + start
        edits = [channel.poll(JobState.RUNNING, at_step(100 + minute, None)) for minute in range(30)]
        assert edits.count(["edit"]) == expected


def test_numbers_of_the_summary() -> None:
    channel = Channel()
    channel.poll(JobState.QUEUED)
    channel.poll(JobState.RUNNING)
    channel.poll(JobState.RUNNING, at_step(100))
    channel.poll(JobState.RUNNING, replace(at_step(900), loss=float("nan")))
    channel.poll(JobState.RUNNING, replace(at_step(950), loss=1.5))
    channel.poll(JobState.SUCCEEDED, at_step(1000), ended=True)

    report = channel.reports[-1]
    assert report.duration == 4 * MINUTE
    assert report.gpu_hours == pytest.approx(8 * 4 / 60)
    assert report.statistics.best_loss == pytest.approx(1.0)
    assert report.statistics.mean_utilization == pytest.approx(0.9)
    assert report.steps_per_s == pytest.approx(900 / 180)
