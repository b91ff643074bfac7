"""Reminders of pages that nobody has acknowledged, planned from the stored incident and the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.alerts import Evidence, Incident, IncidentAlert, Resolution, Severity
from bot.domain.job_matching import Matcher
from bot.domain.jobs import JobState
from bot.domain.notify import DueIncident, NotifySettings, QuietHours, RemindersSent
from bot.domain.ownership import Acknowledgement, Closing
from bot.domain.subscriptions import Silence
from bot.rules.reminders import MAX_REMINDERS, plan_reminder
from tests.unit.rules.observing import MINUTE, REF, START, job

HOUR = timedelta(hours=1)
PAGE = IncidentAlert("tw-1", "failure", "GPU out of memory", Severity.PAGE, START, Evidence("out of memory"))
FAILED = replace(job(), state=JobState.FAILED)
ENDED = Incident("inc-1", "C1", FAILED, START, (replace(PAGE, resolution=Resolution.JOB_ENDED),), START)
LIVE = Incident("inc-1", "C1", job(), START, (PAGE,))


NONE = RemindersSent()


def due(incident: Incident = ENDED, sent: RemindersSent = NONE, **changes: object) -> DueIncident:
    return replace(DueIncident(1, incident, sent, START), **changes)  # type: ignore[arg-type]


def reminders(start: DueIncident, until: datetime, tick: timedelta = MINUTE) -> list[datetime]:
    """The times of all reminders when the plan is made whenever it is due, at ticks of the clock."""
    now, next_at, sent, times = START, START, start.sent, list[datetime]()
    while now <= until and next_at is not None:
        if now >= next_at:
            plan = plan_reminder(replace(start, sent=sent), now)
            assert plan.next_at is None or plan.next_at > now
            times += [now] if plan.delivery else []
            sent, next_at = plan.sent, plan.next_at  # type: ignore[assignment]
        now += tick
    return times


@pytest.mark.parametrize("incident", [ENDED, LIVE], ids=["ended", "live"])
def test_reminders_follow_after_half_an_hour_and_then_doubling_with_an_end(incident: Incident) -> None:
    hours = [(at - START) / HOUR for at in reminders(due(incident), START + 100 * HOUR)]

    assert hours == [0.5, 1.5, 3.5, 7.5, 15.5, 23.5]


def test_the_last_reminder_is_marked() -> None:
    before = RemindersSent(MAX_REMINDERS - 1, START + 15 * HOUR)

    plan = plan_reminder(due(sent=before), START + 24 * HOUR)

    assert plan.next_at is None
    assert plan.delivery is not None
    assert plan.delivery.notification.reminder is not None
    assert plan.delivery.notification.reminder.next_at is None
    assert plan_reminder(due(sent=plan.sent), START + 99 * HOUR).delivery is None


@pytest.mark.parametrize(
    "incident",
    [
        replace(ENDED, acknowledgement=Acknowledgement("U1", START)),
        replace(ENDED, closing=Closing("U1", START)),
        replace(ENDED, job=replace(FAILED, state=JobState.SUCCEEDED)),
        replace(LIVE, alerts=(replace(PAGE, severity=Severity.WARN),)),
        replace(LIVE, alerts=(replace(PAGE, resolution=Resolution.CLEARED, resolved_at=START),), resolved_at=START),
    ],
    ids=["acknowledged", "closed", "succeeded", "warning", "recovered"],
)
def test_no_reminder_when_nobody_is_needed(incident: Incident) -> None:
    plan = plan_reminder(due(incident), START + HOUR)

    assert (plan.delivery, plan.next_at) == (None, None)


def test_reminders_can_be_switched_off_and_start_later() -> None:
    assert reminders(due(settings=NotifySettings(reminders=False)), START + 9 * HOUR) == []
    late = due(settings=NotifySettings(first_reminder=2 * HOUR))
    assert reminders(late, START + 7 * HOUR) == [START + 2 * HOUR, START + 6 * HOUR]


def test_a_process_that_was_down_sends_one_reminder_and_goes_on() -> None:
    plan = plan_reminder(due(), START + 10 * HOUR)

    assert plan.delivery is not None
    assert (plan.sent.count, plan.next_at) == (1, START + 11 * HOUR)


def test_equal_plans_have_one_key_in_every_process() -> None:
    first, second = plan_reminder(due(), START + 30 * MINUTE), plan_reminder(due(), START + 31 * MINUTE)

    assert first.delivery is not None
    assert second.delivery is not None
    assert first.delivery.dedupe_key == second.delivery.dedupe_key


def test_a_new_page_starts_over() -> None:
    later = replace(PAGE, id="tw-2", fired_at=START + 5 * HOUR)
    both = replace(LIVE, alerts=(PAGE, later))

    plan = plan_reminder(due(both, RemindersSent(3, START + 4 * HOUR)), START + 5 * HOUR + 30 * MINUTE)

    assert plan.delivery is not None
    assert plan.sent.count == 1


def test_a_silence_postpones_reminders_to_its_end() -> None:
    mute = Silence(7, "C1", (Matcher("job", str(REF)),), "U1", START, START + 2 * HOUR)
    other = replace(mute, matchers=(Matcher("rule", "hang"),))

    assert plan_reminder(due(silences=(mute,)), START + HOUR).next_at == START + 2 * HOUR
    assert plan_reminder(due(silences=(mute,)), START + HOUR).delivery is None
    assert plan_reminder(due(silences=(mute,)), START + 2 * HOUR).delivery is not None
    assert plan_reminder(due(silences=(other,)), START + HOUR).delivery is not None


def test_quiet_hours_postpone_reminders_unless_pages_break_through() -> None:
    minute = START.hour * 60 + START.minute
    quiet = QuietHours((minute + 20) % 1440, (minute + 200) % 1440)

    times = reminders(due(settings=NotifySettings(quiet=quiet)), START + 5 * HOUR)

    assert times == [START + 200 * MINUTE, START + 260 * MINUTE]
    loud = NotifySettings(quiet=quiet, quiet_pages=False)
    assert reminders(due(settings=loud), START + HOUR) == [START + 30 * MINUTE]
