"""Alerts that follow from a failure are reported with it, not for themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import (
    Change,
    DeliveryKind,
    Evidence,
    NotifyReason,
    Severity,
    Transition,
)
from bot.domain.job_matching import Matcher
from bot.domain.subscriptions import Silence
from bot.rules.incident_draft import PolledJob
from bot.rules.routing import plan
from tests.unit.rules.observing import MINUTE, START, job
from tests.unit.rules.planning import (
    FAILED,
    FIRED,
    OOM,
    SUBSCRIPTION,
    evaluated,
    firing,
    kinds,
    over,
    plan_for,
    replies,
)


def test_a_failure_is_reported_once_with_what_follows_from_it() -> None:
    memory = evaluated(firing("gpu_memory_pressure"), FIRED)
    first = plan_for([memory])
    second = plan_for([memory, evaluated(OOM, FIRED), evaluated(firing(), FIRED)], first.incident, minute=1)
    alerts = [memory, evaluated(OOM), evaluated(firing(summary="more"), Transition(Change.UPDATED, START, notify=True))]
    third = plan_for([*alerts, evaluated(FAILED, FIRED)], second.incident, minute=2)

    assert [replies(one) for one in (first, second, third)] == [["gpu_memory_pressure"], ["failure"], []]
    assert third.incident is not None
    cause = next(one for one in third.incident.alerts if one.rule == "failure")
    assert {one.rule: one.caused_by for one in third.incident.alerts} == {
        "gpu_memory_pressure": None,
        "failure": None,
        "log_errors": cause.id,
        "job_failed": cause.id,
    }


@pytest.mark.parametrize("minutes", [-3, 6])
def test_errors_long_before_or_after_a_failure_are_reported_separately(minutes: int) -> None:
    incident = plan_for([evaluated(OOM, FIRED)]).incident
    errors = replace(firing(), evidence=Evidence("errors", first_at=START + minutes * MINUTE))

    assert replies(plan_for([evaluated(OOM), evaluated(errors, FIRED)], incident, minute=7)) == ["log_errors"]


def test_new_errors_long_after_a_failure_are_reported_separately() -> None:
    incident = plan_for([evaluated(OOM, FIRED), evaluated(firing(), FIRED)]).incident
    errors = replace(firing(), evidence=Evidence("errors", first_at=START, last_at=START + 9 * MINUTE))
    updated = evaluated(errors, Transition(Change.UPDATED, START, notify=True))

    assert replies(plan_for([evaluated(OOM), updated], incident, minute=9)) == ["log_errors"]


def test_a_warning_explains_nothing() -> None:
    warning = firing("failure", severity=Severity.WARN)
    incident = plan_for([evaluated(warning, FIRED)]).incident

    assert replies(plan_for([evaluated(warning), evaluated(firing(), FIRED)], incident, minute=1)) == ["log_errors"]


@pytest.mark.parametrize(("minute", "replied"), [(20, []), (120, ["log_errors"])])
def test_a_failure_that_repeats_for_hours_does_not_explain_new_errors(minute: int, replied: list[str]) -> None:
    at = START + minute * MINUTE
    repeated = replace(OOM, evidence=Evidence("out of memory", first_at=START, last_at=at))
    incident = plan_for([evaluated(repeated, FIRED)]).incident
    errors = replace(firing(), evidence=Evidence("errors", first_at=at, last_at=at))

    assert replies(plan_for([evaluated(repeated), evaluated(errors, FIRED)], incident, minute=minute)) == replied


def test_a_silenced_cause_does_not_silence_what_follows_from_it() -> None:
    incident = plan_for([evaluated(OOM, FIRED)]).incident
    silence = Silence(1, "C1", (Matcher("rule", "failure"),), "U1", START, START + timedelta(hours=1), "known")

    result = plan(
        SUBSCRIPTION, [evaluated(OOM), evaluated(FAILED, FIRED)], incident, [silence], PolledJob(job(), START + MINUTE)
    )

    assert replies(result) == ["job_failed"]


def test_a_consequence_that_becomes_the_worst_alert_is_reported() -> None:
    unhealthy = firing("job_failed")
    incident = plan_for([evaluated(firing("loss")), evaluated(unhealthy, FIRED)]).incident
    worse = Transition(Change.UPDATED, START, notify=False)
    loss = firing("loss", severity=Severity.PAGE)

    alone = plan_for([evaluated(firing("loss")), evaluated(FAILED, worse)], incident, minute=1)
    explained = plan_for([evaluated(loss, worse), evaluated(FAILED, worse)], incident, minute=1)

    assert (replies(alone), alone.deliveries[1].notification.mention) == (["job_failed"], Severity.PAGE)
    assert replies(explained) == ["loss"]


def test_what_outlasts_its_cause_is_reported_separately() -> None:
    hang, low = firing("hang", severity=Severity.PAGE), firing("low_gpu_utilization")
    incident = plan_for([evaluated(hang, FIRED), evaluated(low, FIRED)]).incident
    later = plan_for([over(hang), evaluated(low)], incident, minute=9)

    announced = plan_for([over(hang), evaluated(low)], later.incident, minute=10)

    assert replies(later) == ["low_gpu_utilization"]
    assert replies(announced) == ["hang"]
    assert replies(plan_for([over(hang), evaluated(low)], announced.incident, minute=11)) == []


def test_a_consequence_clears_in_the_root_only() -> None:
    incident = plan_for([evaluated(OOM, FIRED), evaluated(firing(), FIRED)]).incident

    assert kinds(plan_for([evaluated(OOM), over(firing())], incident, minute=9).deliveries) == [
        (DeliveryKind.EDIT, NotifyReason.CHANGED)
    ]
