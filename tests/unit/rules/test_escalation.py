"""Whom an alert reaches next when nobody acknowledges it, planned from the stored incident and the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import DeliveryKind, Incident, Receipt, Severity
from bot.domain.job_matching import Matcher
from bot.domain.notify import DueIncident, EscalationStep, MentionTarget, NotifySettings, QuietHours, RemindersSent
from bot.domain.ownership import Acknowledgement, Closing
from bot.domain.subscriptions import Silence
from bot.rules.escalation import EscalationPlan, plan_escalation
from bot.rules.reminders import plan_notices
from tests.unit.rules.observing import MINUTE, REF, START
from tests.unit.rules.test_reminders import ENDED, HOUR, LIVE, PAGE

CHAIN = (
    EscalationStep(15 * MINUTE, MentionTarget("S0ONCALL")),
    EscalationStep(30 * MINUTE, MentionTarget("U0ADA")),
    EscalationStep(HOUR, MentionTarget("C0WARROOM")),
)
SETTINGS = NotifySettings(escalation={Severity.PAGE: CHAIN})
ROOT = Receipt("C1", "1.0")


def due(incident: Incident = ENDED, **changes: object) -> DueIncident:
    start = DueIncident(1, incident, RemindersSent(), START, SETTINGS, root=ROOT)
    return replace(start, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("incident", [ENDED, LIVE], ids=["ended", "live"])
@pytest.mark.parametrize(
    ("waited", "channel", "target", "next_after"),
    [
        (0 * MINUTE, None, None, 15 * MINUTE),
        (14 * MINUTE, None, None, 15 * MINUTE),
        (15 * MINUTE, "C1", "S0ONCALL", 30 * MINUTE),
        (29 * MINUTE, "C1", "S0ONCALL", 30 * MINUTE),
        (31 * MINUTE, "C1", "U0ADA", HOUR),
        (HOUR, "C0WARROOM", "C0WARROOM", None),
        (30 * HOUR, "C0WARROOM", "C0WARROOM", None),
    ],
)
def test_each_step_is_due_a_while_after_the_alert_fired(
    incident: Incident, waited: timedelta, channel: str | None, target: str | None, next_after: timedelta | None
) -> None:
    plan = plan_escalation(due(incident), START + waited)

    assert plan.next_at == (None if next_after is None else START + next_after)
    assert (plan.delivery is None) == (target is None)
    if plan.delivery is not None:
        step = plan.delivery.notification.escalation
        assert step is not None
        assert (plan.delivery.channel, step.target, step.since) == (channel, target, START)


def test_a_step_has_one_key_however_often_it_is_planned() -> None:
    plans = [plan_escalation(due(), START + 15 * MINUTE + wait * MINUTE) for wait in range(3)]

    assert 1 == len({plan.delivery.dedupe_key for plan in plans if plan.delivery})


def test_people_are_mentioned_in_the_thread_and_another_channel_gets_a_link() -> None:
    reply = plan_escalation(due(), START + 15 * MINUTE).delivery
    elsewhere = plan_escalation(due(), START + HOUR).delivery

    assert reply is not None
    assert elsewhere is not None
    assert (reply.notification.kind, reply.notification.broadcast) == (DeliveryKind.REPLY, True)
    assert (elsewhere.notification.kind, elsewhere.notification.thread) == (DeliveryKind.DIRECT, ROOT)


@pytest.mark.parametrize(
    "incident",
    [
        replace(LIVE, acknowledgement=Acknowledgement("U1", START)),
        replace(ENDED, closing=Closing("U1", START)),
        replace(LIVE, resolved_at=START, alerts=(replace(PAGE, resolved_at=START),)),
        replace(LIVE, alerts=(replace(PAGE, severity=Severity.WARN),)),
    ],
    ids=["acknowledged", "closed", "resolved", "another severity"],
)
def test_an_alert_that_needs_nobody_is_not_escalated(incident: Incident) -> None:
    assert plan_escalation(due(incident), START + 10 * HOUR) == EscalationPlan()


def test_quiet_hours_and_silences_postpone_a_step() -> None:
    quiet = replace(SETTINGS, quiet=QuietHours(0, 1439))
    mute = Silence(7, "C1", (Matcher("job", str(REF)),), "U1", START, START + 2 * HOUR)

    night = plan_escalation(due(settings=quiet), START + 20 * MINUTE)
    silenced = plan_escalation(due(silences=(mute,)), START + 20 * MINUTE)

    assert night.delivery is None
    assert night.next_at is not None
    assert night.next_at > START + HOUR
    assert silenced == EscalationPlan(None, START + 2 * HOUR)


def test_pages_that_break_through_quiet_hours_are_escalated() -> None:
    quiet = replace(SETTINGS, quiet=QuietHours(0, 1439), quiet_pages=False)

    assert plan_escalation(due(settings=quiet), START + 20 * MINUTE).delivery is not None


def test_reminders_and_escalation_are_planned_together() -> None:
    early, late = plan_notices(due(), START + 15 * MINUTE), plan_notices(due(), START + 31 * MINUTE)

    assert (early.delivery, early.next_at) == (None, START + 30 * MINUTE)
    assert early.escalation is not None
    assert None not in (late.delivery, late.escalation)
