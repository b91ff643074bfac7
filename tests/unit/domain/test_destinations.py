"""Which events follow from a message about an incident: one for each state, to those who want it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.alerts import Delivery, DeliveryKind, Incident, NotifyReason, Resolution, Severity
from bot.domain.checks import CANARY_JOB
from bot.domain.destinations import (
    IncidentState,
    Webhook,
    WebhookKind,
    event_thread,
    incident_state,
    plan_events,
    routes_of,
    routing_channel,
    webhook_name,
)
from bot.domain.grouping import Firings
from bot.domain.jobs import JobState
from bot.domain.ownership import Acknowledgement, Closing, Muting, Unwatching
from bot.domain.reminders import Escalation
from tests.unit.slack.factories import alert, at, failed, incident, job, notification

ENDED = alert().resolved(at(5), Resolution.CLEARED)
FLAPPING = replace(ENDED, history=Firings(4, at(0), is_flapping=True))
TAKEN = Acknowledgement("U1", at(2))
STATES: dict[str, tuple[Incident, IncidentState]] = {
    "firing": (incident(), IncidentState.FIRING),
    "acknowledged": (replace(incident(), acknowledgement=TAKEN), IncidentState.ACKNOWLEDGED),
    "one of two ended": (incident(ENDED, alert("tw-2")), IncidentState.FIRING),
    "all ended": (incident(ENDED), IncidentState.RESOLVED),
    "ended, acknowledged before": (replace(incident(ENDED), acknowledgement=TAKEN), IncidentState.RESOLVED),
    "ended, not announced yet": (incident(replace(ENDED, is_end_announced=False)), IncidentState.FIRING),
    "flapping": (incident(FLAPPING), IncidentState.FIRING),
    "a failed job": (incident(failed(), of=job(JobState.FAILED)), IncidentState.FIRING),
    "closed by a person": (replace(incident(), closing=Closing("U1", at(3))), IncidentState.RESOLVED),
    "nobody watches it": (replace(incident(), unwatched=Unwatching("U1", at(4), "")), IncidentState.RESOLVED),
}
ALL = {"ops": Severity.INFO}


def message(about: Incident, kind: DeliveryKind = DeliveryKind.EDIT) -> Delivery:
    return Delivery("key", about.channel, notification(kind, about))


@pytest.mark.parametrize("case", STATES)
def test_an_incident_has_a_state(case: str) -> None:
    about, expected = STATES[case]
    assert expected is incident_state(about)


def test_one_state_has_one_key_and_other_states_have_others() -> None:
    keys = [plan_events(message(about), ALL)[0].dedupe_key for about, _ in STATES.values()]
    same = {"ended, not announced yet": "firing", "ended, acknowledged before": "all ended"}
    assert len(keys) == len(set(keys)) + len(same)
    for one, other in same.items():
        assert keys[list(STATES).index(one)] == keys[list(STATES).index(other)]
    more = replace(incident(), alerts=(replace(alert(), evidence=replace(alert().evidence, count=99)),))
    assert plan_events(message(incident()), ALL)[0].dedupe_key == plan_events(message(more), ALL)[0].dedupe_key


def test_a_flapping_alert_is_one_event() -> None:
    def fired(count: int) -> Incident:
        return incident(replace(FLAPPING, history=Firings(count, at(0), is_flapping=True)))

    assert 1 == len({plan_events(message(fired(count)), ALL)[0].dedupe_key for count in range(4, 9)})


def test_an_alert_that_returns_is_another_event() -> None:
    returned = incident(replace(alert(), history=Firings(2, at(0))))
    assert plan_events(message(incident()), ALL)[0].dedupe_key != plan_events(message(returned), ALL)[0].dedupe_key


@pytest.mark.parametrize(
    "silent",
    [
        replace(message(incident()), suppressed_by="silence 1"),
        message(replace(incident(), muted=Muting("U1", at(60), 1))),
        message(incident(), DeliveryKind.DIRECT),
        message(incident(), DeliveryKind.NOTE),
        message(incident(of=replace(job(), ref=CANARY_JOB))),
    ],
)
def test_other_messages_cause_no_event(silent: Delivery) -> None:
    assert [] == plan_events(silent, ALL)


def test_the_worst_severity_decides_and_a_silence_does_not_hide_the_end() -> None:
    paged = incident(alert(severity=Severity.PAGE).resolved(at(1), Resolution.CLEARED), alert("tw-2"))
    routes = {"page": Severity.PAGE, "warn": Severity.WARN}
    assert ["webhook:page", "webhook:warn"] == [one.channel for one in plan_events(message(paged), routes)]
    assert ["webhook:warn"] == [one.channel for one in plan_events(message(incident()), routes)]
    muted_end = replace(incident(ENDED), muted=Muting("U1", at(60), 1))
    assert 1 == len(plan_events(message(muted_end), ALL))


@pytest.mark.parametrize("kind", [DeliveryKind.REPLY, DeliveryKind.DIRECT])
def test_each_step_of_an_escalation_is_one_event_after_that_of_the_state(kind: DeliveryKind) -> None:
    def escalated(number: int) -> list[Delivery]:
        step = Escalation(number, 2, "C0WARROOM", at(0), at(number))
        about = notification(kind, reason=NotifyReason.ESCALATED, escalation=step)
        return plan_events(Delivery("key", "C0WARROOM", about), ALL)

    state, first = escalated(1)
    assert plan_events(message(incident()), ALL)[0].dedupe_key == state.dedupe_key
    assert (None, 1) == (state.notification.escalation, getattr(first.notification.escalation, "number", None))
    assert escalated(1)[1].dedupe_key == first.dedupe_key != escalated(2)[1].dedupe_key
    assert incident().channel == routing_channel(Delivery("key", "C0WARROOM", first.notification))


def test_a_channel_overrides_what_a_webhook_gets() -> None:
    webhooks = [
        Webhook("always", WebhookKind.GENERIC, Severity.PAGE),
        Webhook("asked", WebhookKind.GENERIC),
        Webhook("other", WebhookKind.PAGERDUTY),
    ]
    assert {"always": Severity.PAGE} == routes_of(webhooks, {})
    assert {"asked": Severity.WARN} == routes_of(webhooks, {"always": None, "asked": Severity.WARN, "gone": None})


def test_threads_and_names() -> None:
    assert ("ops", None) == (webhook_name("webhook:ops"), webhook_name("C0RUNS"))
    assert event_thread("inc-1", "webhook:a") != event_thread("inc-1", "webhook:b")
