"""Planning each channel's messages from the incident it was last shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import (
    AlertState,
    Change,
    DeliveryKind,
    Evidence,
    NotifyReason,
    Resolution,
    Severity,
    Transition,
)
from bot.domain.job_matching import Matcher
from bot.domain.jobs import JobState
from bot.domain.ownership import Acknowledgement, Closing, Muting
from bot.domain.progress import RunProgress
from bot.domain.subscriptions import RuleSettings, Silence
from bot.rules.evaluate import EvaluatedAlert
from bot.rules.incident_draft import PolledJob
from bot.rules.routing import end_incident, plan
from tests.unit.rules.observing import MINUTE, START, job
from tests.unit.rules.planning import (
    FAILED,
    FIRED,
    SUBSCRIPTION,
    evaluated,
    firing,
    kinds,
    plan_for,
    shown_in_channel,
)


def test_a_first_alert_opens_a_root_and_its_thread() -> None:
    result = plan_for([evaluated(firing(), FIRED)])

    assert [(DeliveryKind.ROOT, NotifyReason.FIRST), (DeliveryKind.REPLY, NotifyReason.FIRST)] == kinds(
        result.deliveries
    )
    assert result.incident is not None
    assert result.incident.id.startswith("inc-")


def test_a_root_with_all_evidence_gets_no_reply() -> None:
    result = plan_for([evaluated(firing("job_failed", severity=Severity.PAGE), FIRED)])

    assert kinds(result.deliveries) == [(DeliveryKind.ROOT, NotifyReason.FIRST)]


def test_two_changes_at_the_same_time_have_different_keys() -> None:
    """Two polls can have the same time after a clock was set; the outbox ignores a key that it has."""
    first = plan_for([evaluated(firing(), FIRED)])
    second, third = (
        plan_for([evaluated(firing(summary=text), Transition(Change.UPDATED, START, notify=True))], first.incident)
        for text in ("two errors", "three errors")
    )
    assert len({one.dedupe_key for result in (first, second, third) for one in result.deliveries}) == 6


def test_unchanged_alerts_cause_no_delivery() -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident

    assert () == plan_for([evaluated(firing())], incident, minute=1).deliveries


def test_a_second_alert_edits_the_root_and_replies() -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident

    result = plan_for([evaluated(firing()), evaluated(firing("low_gpu_utilization"), FIRED)], incident, minute=1)

    assert [(DeliveryKind.EDIT, NotifyReason.CHANGED), (DeliveryKind.REPLY, NotifyReason.FIRST)] == kinds(
        result.deliveries
    )
    assert not result.deliveries[1].notification.broadcast


@pytest.mark.parametrize(("minute", "shown"), [(5, True), (0, False)])
def test_a_worse_alert_is_broadcast_unless_the_root_is_still_visible(minute: int, shown: bool) -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident

    assert shown_in_channel(plan_for([evaluated(firing()), evaluated(FAILED, FIRED)], incident, minute=minute)) is shown


def test_every_page_is_broadcast_even_beside_an_old_one() -> None:
    loss = firing("loss", severity=Severity.PAGE)
    incident = plan_for([evaluated(loss, FIRED)]).incident

    failed = replace(FAILED, fired_at=START + 480 * MINUTE)

    assert shown_in_channel(plan_for([evaluated(loss), evaluated(failed, FIRED)], incident, minute=480))


def test_a_resolved_alert_does_not_prevent_a_broadcast() -> None:
    idle = firing("low_gpu_utilization")
    memory = firing("host_memory_pressure", severity=Severity.INFO)
    incident = plan_for([evaluated(memory, FIRED), evaluated(idle, FIRED)]).incident
    over = evaluated(replace(idle, state=AlertState.INACTIVE), Transition(Change.RESOLVED, START))
    incident = plan_for([evaluated(memory), over], incident, minute=5).incident

    assert shown_in_channel(plan_for([evaluated(memory), evaluated(firing(), FIRED)], incident, minute=60))


def test_an_alert_that_gets_worse_is_broadcast() -> None:
    unhealthy = firing("job_failed")
    incident = plan_for([evaluated(unhealthy, FIRED)]).incident
    worse = replace(unhealthy, severity=Severity.PAGE, evidence=Evidence("failed"))

    assert shown_in_channel(plan_for([evaluated(worse, Transition(Change.UPDATED, START))], incident, minute=300))


def test_new_evidence_edits_the_root_and_replies_only_if_it_notifies() -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident
    more = firing(summary="more errors")

    quiet = plan_for([evaluated(more, Transition(Change.UPDATED, START))], incident, minute=1)
    loud = plan_for([evaluated(more, Transition(Change.UPDATED, START, notify=True))], incident, minute=1)

    assert [(DeliveryKind.EDIT, NotifyReason.CHANGED)] == kinds(quiet.deliveries)
    assert [(DeliveryKind.EDIT, NotifyReason.CHANGED), (DeliveryKind.REPLY, NotifyReason.CHANGED)] == kinds(
        loud.deliveries
    )


def test_resolving_the_last_alert_closes_the_incident() -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident
    over = replace(firing(), state=AlertState.INACTIVE)
    resolved = Transition(Change.RESOLVED, START + MINUTE, resolution=Resolution.CLEARED)

    result = plan_for([evaluated(over, resolved)], incident, minute=1)

    assert [(DeliveryKind.EDIT, NotifyReason.RESOLVED)] == kinds(result.deliveries)
    assert result.incident is not None
    assert result.incident.resolved_at == START + MINUTE


def test_a_channel_that_subscribes_while_an_alert_fires_is_notified() -> None:
    assert [DeliveryKind.ROOT, DeliveryKind.REPLY] == [
        one.notification.kind for one in plan_for([evaluated(firing())], None, minute=30).deliveries
    ]


def test_a_silence_suppresses_and_its_end_notifies() -> None:
    silence = Silence(7, "C1", (Matcher("rule", "log_errors"),), "U1", START, START + timedelta(hours=1))

    muted = plan(SUBSCRIPTION, [evaluated(firing(), FIRED)], None, [silence], PolledJob(job(), START))
    after = plan(SUBSCRIPTION, [evaluated(firing())], None, [silence], PolledJob(job(), START + timedelta(hours=1)))

    assert ["silence 7"] == [one.suppressed_by for one in muted.deliveries]
    assert muted.incident is None
    assert DeliveryKind.ROOT is after.deliveries[0].notification.kind


def test_a_silence_allows_only_edits_of_the_root() -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident
    silence = Silence(7, "C1", (), "U1", START, START + timedelta(hours=1))
    more = evaluated(firing(summary="more errors"), Transition(Change.UPDATED, START, notify=True))

    result = plan(SUBSCRIPTION, [more], incident, [silence], PolledJob(job(), START + MINUTE))

    assert kinds(result.deliveries) == [(DeliveryKind.EDIT, NotifyReason.CHANGED)]


def test_an_incident_shows_its_silence_until_it_ends_or_another_alert_fires() -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident
    silence = Silence(7, "C1", (Matcher("rule", "log_errors"),), "U1", START, START + 60 * MINUTE)

    muted = plan(SUBSCRIPTION, [evaluated(firing())], incident, [silence], PolledJob(job(), START + MINUTE))
    same = plan(SUBSCRIPTION, [evaluated(firing())], muted.incident, [silence], PolledJob(job(), START + 2 * MINUTE))
    ended = plan(SUBSCRIPTION, [evaluated(firing())], muted.incident, [silence], PolledJob(job(), START + 60 * MINUTE))
    idle = evaluated(firing("low_gpu_utilization"), FIRED)
    worse = plan(
        SUBSCRIPTION, [evaluated(firing()), idle], muted.incident, [silence], PolledJob(job(), START + 3 * MINUTE)
    )

    assert muted.incident is not None
    assert muted.incident.muted == Muting("U1", START + 60 * MINUTE, 7)
    assert kinds(muted.deliveries) == [(DeliveryKind.EDIT, NotifyReason.CHANGED)]
    assert same.deliveries == ()
    assert [one.incident.muted if one.incident else 0 for one in (ended, worse)] == [None, None]
    assert kinds(ended.deliveries) == [(DeliveryKind.EDIT, NotifyReason.CHANGED)]


def test_a_later_incident_of_the_same_firing_has_a_new_root() -> None:
    """When a channel leaves and returns while the alert fires."""
    first, again = plan_for([evaluated(firing(), FIRED)]), plan_for([evaluated(firing())], None, minute=30)

    assert first.incident is not None
    assert again.incident is not None
    assert first.incident.id != again.incident.id


def test_a_severity_below_the_subscriptions_is_suppressed() -> None:
    result = plan_for([evaluated(firing(), FIRED)], settings=RuleSettings(min_severity=Severity.PAGE))

    assert ["severity below page"] == [one.suppressed_by for one in result.deliveries]


def test_switching_a_rule_off_resolves_its_alert() -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident

    result = plan_for([evaluated(firing())], incident, minute=1, settings=RuleSettings(off=("log_errors",)))

    assert result.incident is not None
    assert Resolution.UNSUBSCRIBED is result.incident.alerts[0].resolution


def test_a_channel_is_notified_only_for_its_own_parameters() -> None:
    other = firing("low_gpu_utilization", key="for=60.0")

    assert () == plan_for([evaluated(other, FIRED)]).deliveries


def test_equal_decisions_have_equal_dedupe_keys() -> None:
    first, again = plan_for([evaluated(firing(), FIRED)]), plan_for([evaluated(firing(), FIRED)])

    assert [one.dedupe_key for one in first.deliveries] == [one.dedupe_key for one in again.deliveries]


def test_a_poll_keeps_who_acknowledged_and_closed_an_incident() -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident
    assert incident is not None
    held = replace(incident, acknowledgement=Acknowledgement("U2", START), closing=Closing("U2", START))

    after = plan_for([evaluated(firing(summary="more errors"))], held, minute=1).incident

    assert after is not None
    assert after.alerts[0].evidence.summary == "more errors"
    assert (after.acknowledgement, after.closing) == (held.acknowledgement, held.closing)


@pytest.mark.parametrize("severity", [Severity.PAGE, Severity.WARN])
def test_a_new_page_reopens_a_closed_incident(severity: Severity) -> None:
    incident = plan_for([evaluated(firing(), FIRED)]).incident
    assert incident is not None
    closed = replace(incident, acknowledgement=Acknowledgement("U2", START), closing=Closing("U2", START))

    both = [evaluated(firing()), evaluated(firing("failure", severity=severity), FIRED)]
    after = plan_for(both, closed, minute=1).incident

    assert after is not None
    assert after.id == closed.id
    assert after.is_open == (severity is Severity.PAGE)
    assert after.acknowledgement == (None if after.is_open else closed.acknowledgement)


def test_the_root_and_what_is_worse_mention_people() -> None:
    first = plan_for([evaluated(firing(), FIRED)])
    worse = plan_for([evaluated(firing()), evaluated(firing("failure", severity=Severity.PAGE), FIRED)], first.incident)
    pages = [evaluated(firing("failure", severity=Severity.PAGE)), evaluated(firing()), *_failed()]
    again = plan_for(pages, worse.incident, minute=1)

    assert [one.notification.mention for one in first.deliveries] == [Severity.WARN, None]
    assert [one.notification.mention for one in worse.deliveries] == [None, Severity.PAGE]
    assert {one.notification.mention for one in again.deliveries} == {None}


def _failed() -> list[EvaluatedAlert]:
    return [evaluated(firing("job_failed", severity=Severity.PAGE), FIRED)]


@pytest.mark.parametrize(
    ("severity", "state", "resolution", "is_failure"),
    [
        (Severity.PAGE, JobState.FAILED, Resolution.JOB_ENDED, True),
        (Severity.PAGE, JobState.FAILED, None, True),
        (Severity.PAGE, JobState.PREEMPTED, None, True),
        (Severity.PAGE, JobState.FAILED, Resolution.CLEARED, False),
        (Severity.PAGE, JobState.SUCCEEDED, Resolution.JOB_ENDED, False),
        (Severity.PAGE, JobState.CANCELLED, Resolution.JOB_ENDED, False),
        (Severity.WARN, JobState.FAILED, Resolution.JOB_ENDED, False),
    ],
)
def test_a_failure_stays_open_after_its_job_until_a_person_closes_it(
    severity: Severity, state: JobState, resolution: Resolution | None, is_failure: bool
) -> None:
    incident = plan_for([evaluated(firing(severity=severity), FIRED)]).incident
    assert incident is not None
    alert = replace(incident.alerts[0], resolved_at=START if resolution else None, resolution=resolution)
    ended = replace(incident, alerts=(alert,), job=replace(job(), state=state), resolved_at=START)

    assert (ended.is_failure, ended.is_open) == (is_failure, is_failure)
    assert not replace(ended, closing=Closing("U1", START)).is_open


def test_the_end_of_a_job_closes_its_incident_and_keeps_its_failure_unresolved() -> None:
    incident = plan_for(
        [evaluated(firing("job_failed", severity=Severity.PAGE), FIRED), evaluated(firing(), FIRED)]
    ).incident
    assert incident is not None

    result = end_incident(incident, job(), START + MINUTE, "The job ended.")

    assert result.incident is not None
    assert {"job_failed": None, "log_errors": Resolution.JOB_ENDED} == {
        one.rule: one.resolution for one in result.incident.alerts
    }
    assert [DeliveryKind.EDIT, DeliveryKind.REPLY] == [one.notification.kind for one in result.deliveries]


def test_the_end_of_a_job_drops_predictions() -> None:
    filling = replace(firing("gpu_memory_pressure"), evidence=Evidence("GPU 3 is filling up.", expected_at=START))
    opened = plan_for([evaluated(filling, FIRED)]).incident
    assert opened is not None

    ended = end_incident(opened, job(), START + MINUTE, "The job ended.").incident
    assert ended is not None
    assert [START, None] == [one.alerts[0].evidence.expected_at for one in (opened, ended)]


def test_an_incident_keeps_the_newest_progress_of_the_run() -> None:
    progress = RunProgress(step=2683, total_steps=50_000)
    opened = plan(SUBSCRIPTION, [evaluated(firing(), FIRED)], None, [], PolledJob(job(), START, progress)).incident
    assert opened is not None
    assert opened.progress == progress

    unread = end_incident(opened, job(), START + MINUTE, "The job ended.").incident
    ended = end_incident(opened, job(), START + MINUTE, "The job ended.", RunProgress(step=2700)).incident
    assert unread is not None
    assert unread.progress == progress
    assert ended is not None
    assert ended.progress == RunProgress(step=2700)
