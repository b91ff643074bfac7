"""What each channel is told, worked out from the incident it was last shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import (
    Alert,
    AlertState,
    Change,
    Delivery,
    DeliveryKind,
    Evidence,
    Incident,
    NotifyReason,
    Resolution,
    Severity,
    Transition,
    alert_id,
)
from bot.domain.subscriptions import Matcher, RuleSettings, Silence, Subscription
from bot.rules.evaluate import EvaluatedAlert
from bot.rules.routing import Plan, end_incident, plan
from tests.unit.rules.observing import MINUTE, REF, START, job

SUBSCRIPTION = Subscription(1, "C1", REF, "U1", START)
FIRED = Transition(Change.FIRED, START, Evidence("errors"), notify=True)


def firing(
    rule: str = "log_errors", *, severity: Severity = Severity.WARN, key: str = "", summary: str = "errors"
) -> Alert:
    return Alert(rule, key, AlertState.FIRING, 1, START, START, START, severity, Evidence(summary))


def now(alert: Alert, transition: Transition | None = None) -> EvaluatedAlert:
    return EvaluatedAlert(alert, transition, id=alert_id(1, REF, alert))


def kinds(deliveries: tuple[Delivery, ...]) -> list[tuple[DeliveryKind, NotifyReason]]:
    return [(one.notification.kind, one.notification.reason) for one in deliveries]


def told(alerts: list[EvaluatedAlert], incident: Incident | None = None, *, minute: int = 0, **changes: object) -> Plan:
    subscription = replace(SUBSCRIPTION, **changes)  # type: ignore[arg-type]
    return plan(subscription, alerts, incident, [], job(), START + minute * MINUTE)


def test_a_first_alert_opens_a_root_and_its_thread() -> None:
    result = told([now(firing(), FIRED)])

    assert [(DeliveryKind.ROOT, NotifyReason.FIRST), (DeliveryKind.REPLY, NotifyReason.FIRST)] == kinds(
        result.deliveries
    )
    assert result.incident is not None
    assert result.incident.id.startswith("inc-")


def test_a_root_that_tells_all_gets_no_reply_that_repeats_it() -> None:
    result = told([now(firing("job_failed", severity=Severity.PAGE), FIRED)])

    assert kinds(result.deliveries) == [(DeliveryKind.ROOT, NotifyReason.FIRST)]


def test_nothing_new_tells_nothing() -> None:
    incident = told([now(firing(), FIRED)]).incident

    assert () == told([now(firing())], incident, minute=1).deliveries


def test_a_second_alert_edits_the_root_and_replies() -> None:
    incident = told([now(firing(), FIRED)]).incident

    result = told([now(firing()), now(firing("low_gpu_utilization"), FIRED)], incident, minute=1)

    assert [(DeliveryKind.EDIT, NotifyReason.CHANGED), (DeliveryKind.REPLY, NotifyReason.FIRST)] == kinds(
        result.deliveries
    )
    assert not result.deliveries[1].notification.broadcast


def shown_in_channel(result: Plan) -> bool:
    return any(one.notification.kind is DeliveryKind.ROOT or one.notification.broadcast for one in result.deliveries)


FAILED = firing("job_failed", severity=Severity.PAGE)


@pytest.mark.parametrize(("minute", "shown"), [(5, True), (0, False)])
def test_something_worse_is_shown_in_the_channel_too_unless_the_root_is_still_in_view(minute: int, shown: bool) -> None:
    incident = told([now(firing(), FIRED)]).incident

    assert shown_in_channel(told([now(firing()), now(FAILED, FIRED)], incident, minute=minute)) is shown


def test_every_page_is_shown_in_the_channel_also_when_another_stands_since_hours() -> None:
    loss = firing("loss", severity=Severity.PAGE)
    incident = told([now(loss, FIRED)]).incident

    assert shown_in_channel(told([now(loss), now(FAILED, FIRED)], incident, minute=480))


def test_what_is_resolved_does_not_make_new_trouble_quiet() -> None:
    idle = firing("low_gpu_utilization")
    memory = firing("host_memory_pressure", severity=Severity.INFO)
    incident = told([now(memory, FIRED), now(idle, FIRED)]).incident
    over = now(replace(idle, state=AlertState.INACTIVE), Transition(Change.RESOLVED, START))
    incident = told([now(memory), over], incident, minute=5).incident

    assert shown_in_channel(told([now(memory), now(firing(), FIRED)], incident, minute=60))


def test_an_alert_that_gets_worse_is_shown_in_the_channel() -> None:
    unhealthy = firing("job_failed")
    incident = told([now(unhealthy, FIRED)]).incident
    worse = replace(unhealthy, severity=Severity.PAGE, evidence=Evidence("failed"))

    assert shown_in_channel(told([now(worse, Transition(Change.UPDATED, START))], incident, minute=300))


def test_new_evidence_edits_and_news_replies() -> None:
    incident = told([now(firing(), FIRED)]).incident
    more = firing(summary="more errors")

    quiet = told([now(more, Transition(Change.UPDATED, START))], incident, minute=1)
    loud = told([now(more, Transition(Change.UPDATED, START, notify=True))], incident, minute=1)

    assert [(DeliveryKind.EDIT, NotifyReason.CHANGED)] == kinds(quiet.deliveries)
    assert [(DeliveryKind.EDIT, NotifyReason.CHANGED), (DeliveryKind.REPLY, NotifyReason.CHANGED)] == kinds(
        loud.deliveries
    )


def test_resolving_the_last_alert_closes_the_incident_by_editing_its_root() -> None:
    incident = told([now(firing(), FIRED)]).incident
    over = replace(firing(), state=AlertState.INACTIVE)
    resolved = Transition(Change.RESOLVED, START + MINUTE, resolution=Resolution.CLEARED)

    result = told([now(over, resolved)], incident, minute=1)

    assert [(DeliveryKind.EDIT, NotifyReason.RESOLVED), (DeliveryKind.REPLY, NotifyReason.RESOLVED)] == kinds(
        result.deliveries
    )
    assert result.incident is not None
    assert result.incident.resolved_at == START + MINUTE


def test_a_channel_that_subscribes_while_it_fires_is_told() -> None:
    assert [DeliveryKind.ROOT, DeliveryKind.REPLY] == [
        one.notification.kind for one in told([now(firing())], None, minute=30).deliveries
    ]


def test_a_silence_suppresses_visibly_and_its_end_tells() -> None:
    silence = Silence(7, "C1", (Matcher("rule", "log_errors"),), "U1", START, START + timedelta(hours=1))

    muted = plan(SUBSCRIPTION, [now(firing(), FIRED)], None, [silence], job(), START)
    after = plan(SUBSCRIPTION, [now(firing())], None, [silence], job(), START + timedelta(hours=1))

    assert ["silence 7"] == [one.suppressed_by for one in muted.deliveries]
    assert muted.incident is None
    assert DeliveryKind.ROOT is after.deliveries[0].notification.kind


def test_a_silence_keeps_the_thread_quiet_and_the_root_true() -> None:
    incident = told([now(firing(), FIRED)]).incident
    silence = Silence(7, "C1", (), "U1", START, START + timedelta(hours=1))
    more = now(firing(summary="more errors"), Transition(Change.UPDATED, START, notify=True))

    result = plan(SUBSCRIPTION, [more], incident, [silence], job(), START + MINUTE)

    assert kinds(result.deliveries) == [(DeliveryKind.EDIT, NotifyReason.CHANGED)]


def test_a_later_incident_of_the_same_firing_has_a_root_of_its_own() -> None:
    """A channel that left and came back while it fires."""
    first, again = told([now(firing(), FIRED)]), told([now(firing())], None, minute=30)

    assert first.incident is not None
    assert again.incident is not None
    assert first.incident.id != again.incident.id


def test_a_severity_below_the_subscriptions_is_suppressed() -> None:
    result = told([now(firing(), FIRED)], settings=RuleSettings(min_severity=Severity.PAGE))

    assert ["severity below page"] == [one.suppressed_by for one in result.deliveries]


def test_a_rule_that_is_off_tells_nothing_and_ends_what_it_told() -> None:
    incident = told([now(firing(), FIRED)]).incident

    result = told([now(firing())], incident, minute=1, settings=RuleSettings(off=("log_errors",)))

    assert result.incident is not None
    assert Resolution.UNSUBSCRIBED is result.incident.alerts[0].resolution


def test_a_channel_hears_only_of_its_own_parameters() -> None:
    other = firing("low_gpu_utilization", key="for=60.0")

    assert () == told([now(other, FIRED)]).deliveries


def test_the_same_decision_gives_the_same_keys() -> None:
    first, again = told([now(firing(), FIRED)]), told([now(firing(), FIRED)])

    assert [one.dedupe_key for one in first.deliveries] == [one.dedupe_key for one in again.deliveries]


def test_an_acknowledged_alert_is_not_repeated() -> None:
    incident = told([now(firing(), FIRED)]).incident
    assert incident is not None
    held = replace(incident, alerts=tuple(replace(one, acknowledged_by="U2") for one in incident.alerts))
    repeat = Transition(Change.REPEATED, START)

    assert () == told([now(firing(), repeat)], held, minute=1).deliveries
    assert 2 == len(told([now(firing(), repeat)], incident, minute=1).deliveries)


def test_the_end_of_a_job_closes_its_incident_and_keeps_its_failure_red() -> None:
    incident = told([now(firing("job_failed", severity=Severity.PAGE), FIRED), now(firing(), FIRED)]).incident
    assert incident is not None

    result = end_incident(incident, job(), START + MINUTE, "The job ended.")

    assert result.incident is not None
    assert {"job_failed": None, "log_errors": Resolution.JOB_ENDED} == {
        one.rule: one.resolution for one in result.incident.alerts
    }
    assert [DeliveryKind.EDIT, DeliveryKind.REPLY] == [one.notification.kind for one in result.deliveries]
