"""Alerts that fire again: one thread, one root message, and few replies."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.alerts import Alert, AlertState, DeliveryKind, Evidence, Incident, NotifyReason, Severity, alert_id
from bot.domain.grouping import Grouping
from bot.domain.ownership import Acknowledgement, Closing
from bot.domain.subscriptions import RuleSettings, Subscription
from bot.rules.evaluate import EvaluatedAlert
from bot.rules.incident_draft import Plan, PolledJob
from bot.rules.routing import plan
from tests.unit.rules.observing import REF, START, job

SUBSCRIPTION = Subscription(1, "C1", REF, "U1", START)
PAGE, WARN = Severity.PAGE, Severity.WARN
ROOT, EDIT, REPLY = DeliveryKind.ROOT, DeliveryKind.EDIT, DeliveryKind.REPLY


class Channel:
    """One channel whose alerts fire and end at given times."""

    def __init__(self, grouping: Grouping | None = None) -> None:
        self.grouping = grouping or Grouping()
        self.incidents: list[Incident] = []
        self.posted: list[tuple[DeliveryKind, NotifyReason]] = []
        self.mentions: list[Severity | None] = []
        self.alerts: dict[str, Alert] = {}

    @property
    def incident(self) -> Incident | None:
        return self.incidents[-1] if self.incidents else None

    def poll(
        self,
        at_s: float,
        *firing: str,
        severity: Severity = WARN,
        title: str | None = None,
        settings: RuleSettings | None = None,
    ) -> Plan:
        """Poll `at_s` seconds after the start, while these rules find something."""
        now = START + timedelta(seconds=at_s)
        for rule in {*firing, *self.alerts}:
            before = self.alerts.get(rule, Alert(rule, ""))
            self.alerts[rule] = _step(before, now, severity, title) if rule in firing else _ended(before)
        evaluated = [EvaluatedAlert(one, id=alert_id(1, REF, one)) for one in self.alerts.values()]
        subscription = replace(SUBSCRIPTION, settings=settings or RuleSettings())
        result = plan(subscription, evaluated, self.incident, [], PolledJob(job(), now, grouping=self.grouping))
        if result.incident is not None:
            known = [one for one in self.incidents if one.id != result.incident.id]
            self.incidents = [*known, result.incident]
        sent = [one.notification for one in result.deliveries]
        self.posted += [(one.kind, one.reason) for one in sent if one.kind is not EDIT]
        self.mentions += [one.mention for one in sent if one.kind is not EDIT]
        return result

    def change(self, **changes: object) -> None:
        assert self.incident is not None
        self.incidents[-1] = replace(self.incident, **changes)  # type: ignore[arg-type]


def _step(before: Alert, now: datetime, severity: Severity, title: str | None) -> Alert:
    if before.state is AlertState.FIRING:
        return replace(before, severity=severity)
    evidence = Evidence("it broke", title=title, first_at=now)
    return replace(
        before, state=AlertState.FIRING, episode=before.episode + 1, fired_at=now, severity=severity, evidence=evidence
    )


def _ended(before: Alert) -> Alert:
    return replace(before, state=AlertState.INACTIVE)


@pytest.mark.parametrize("rule", ["job_failed", "log_errors", "low_gpu_utilization", "hang"])
@pytest.mark.parametrize("severity", [PAGE, WARN])
def test_a_state_that_flaps_every_six_seconds_is_posted_and_then_counted(rule: str, severity: Severity) -> None:
    channel = Channel()
    for second in range(0, 120, 3):
        channel.poll(second, *([rule] if second % 12 < 6 else []), severity=severity)

    first = [(ROOT, NotifyReason.FIRST)] + ([] if rule == "job_failed" else [(REPLY, NotifyReason.FIRST)])
    assert channel.posted == [*first, (REPLY, NotifyReason.FLAPPING)]
    assert channel.incident is not None
    assert channel.incident.alerts[0].history is not None
    assert channel.incident.alerts[0].history.count == 10
    assert len(channel.incident.alerts) == 1


@pytest.mark.parametrize("is_firing", [True, False])
def test_one_reply_says_that_a_flapping_alert_is_stable(is_firing: bool) -> None:
    channel = Channel()
    for second in range(0, 60, 6):
        channel.poll(second, *(["job_failed"] if second % 12 == 0 else []))
    calm = ["job_failed"] if is_firing else []
    for minute in (2, 20, 22, 30, 60):
        channel.poll(minute * 60, *calm)

    assert channel.posted[1:] == [(REPLY, NotifyReason.FLAPPING), (REPLY, NotifyReason.STABLE)]


def test_an_end_is_announced_once_it_has_lasted() -> None:
    channel = Channel()
    for second in (0, 10, 40, 69, 70, 100):
        channel.poll(second, *(["job_failed"] if second == 0 else []))

    assert channel.posted == [(ROOT, NotifyReason.FIRST), (REPLY, NotifyReason.RESOLVED)]


def test_an_alert_that_returns_after_its_end_was_announced_opens_its_thread_again() -> None:
    channel = Channel()
    channel.poll(0, "job_failed", severity=PAGE)
    channel.change(acknowledgement=Acknowledgement("U1", START))
    channel.poll(60)
    channel.poll(200)
    returned = channel.poll(900, "job_failed", severity=PAGE)

    assert channel.posted[1:] == [(REPLY, NotifyReason.RESOLVED), (REPLY, NotifyReason.RETURNED)]
    assert channel.mentions[-1] is PAGE
    assert returned.deliveries[-1].notification.broadcast
    assert len(channel.incidents) == 1
    assert returned.incident is not None
    assert (returned.incident.resolved_at, returned.incident.acknowledgement) == (None, None)


def test_a_quick_return_keeps_the_owner_and_posts_nothing() -> None:
    channel = Channel()
    channel.poll(0, "job_failed", severity=PAGE)
    channel.change(acknowledgement=Acknowledgement("U1", START))
    channel.poll(60)
    channel.poll(90, "job_failed", severity=PAGE)

    assert channel.posted == [(ROOT, NotifyReason.FIRST)]
    assert channel.incident is not None
    assert channel.incident.acknowledgement is not None


def test_an_alert_that_returns_much_later_is_a_new_incident() -> None:
    channel = Channel()
    channel.poll(0, "job_failed")
    channel.poll(60)
    channel.poll(200)
    channel.incidents.clear()  # the store returns incidents that ended within an hour
    channel.poll(3 * 3600, "job_failed")

    assert channel.posted[-1] == (ROOT, NotifyReason.FIRST)


def test_another_problem_of_the_same_job_is_a_new_incident() -> None:
    channel = Channel()
    channel.poll(0, "job_failed")
    channel.poll(60)
    channel.poll(200)
    channel.poll(300, "hang", severity=PAGE)

    assert channel.posted[2:] == [(ROOT, NotifyReason.FIRST), (REPLY, NotifyReason.FIRST)]
    assert len(channel.incidents) == 2


def test_another_failure_of_the_same_rule_is_a_new_incident() -> None:
    channel = Channel()
    channel.poll(0, "failure", severity=PAGE, title="GPU out of memory")
    channel.poll(60)
    channel.poll(200)
    channel.poll(300, "failure", severity=PAGE, title="NCCL timeout")

    assert len(channel.incidents) == 2
    assert channel.mentions[-2] is PAGE


def test_a_page_that_returns_as_a_page_from_a_warning_notifies_at_once() -> None:
    channel = Channel()
    channel.poll(0, "job_failed")
    channel.poll(6)
    channel.poll(12, "job_failed", severity=PAGE)

    assert channel.posted[1:] == [(REPLY, NotifyReason.RETURNED)]
    assert channel.mentions[-1] is PAGE


def test_a_flapping_alert_that_gets_worse_notifies_at_once() -> None:
    channel = Channel()
    for second in range(0, 60, 6):
        channel.poll(second, *(["job_failed"] if second % 12 == 0 else []))
    channel.poll(66, "job_failed", severity=PAGE)

    assert channel.posted[-1] == (REPLY, NotifyReason.RETURNED)
    assert channel.mentions[-1] is PAGE


def test_a_page_opens_an_incident_again_that_a_person_closed() -> None:
    channel = Channel()
    channel.poll(0, "job_failed", severity=PAGE)
    channel.change(closing=Closing("U1", START))
    channel.poll(6)
    channel.poll(12, "job_failed", severity=PAGE)

    assert channel.posted[1:] == [(REPLY, NotifyReason.RETURNED)]
    assert channel.incident is not None
    assert channel.incident.closing is None


def test_a_rule_that_is_switched_on_again_is_announced_as_new() -> None:
    channel = Channel()
    channel.poll(0, "job_failed")
    channel.poll(60, "job_failed", settings=RuleSettings(off=("job_failed",)))
    channel.poll(120, "job_failed")

    assert [kind for kind, _ in channel.posted] == [ROOT, REPLY, ROOT]


def test_consequences_stay_folded_when_their_cause_returns() -> None:
    channel = Channel()
    channel.poll(0, "failure", "job_failed", severity=PAGE, title="GPU out of memory")
    channel.poll(60)
    channel.poll(200)
    channel.poll(300, "failure", "job_failed", severity=PAGE, title="GPU out of memory")

    assert channel.incident is not None
    cause, consequence = sorted(channel.incident.alerts, key=lambda one: one.rule)
    assert (consequence.caused_by, cause.caused_by) == (cause.id, None)
    assert channel.posted[-1] == (REPLY, NotifyReason.RETURNED)
    assert [kind for kind, _ in channel.posted] == [ROOT, REPLY, REPLY, REPLY]


def test_an_alert_that_returns_within_an_open_incident_is_not_repeated() -> None:
    channel = Channel()
    for second in range(0, 120, 6):
        channel.poll(second, "low_gpu_utilization", *(["log_errors"] if second % 12 == 0 else []))

    assert channel.posted.count((REPLY, NotifyReason.FLAPPING)) == 1
    assert len(channel.posted) == 4


def test_slow_returns_are_not_flapping() -> None:
    channel = Channel()
    for minute in range(0, 240, 5):
        channel.poll(minute * 60, *(["job_failed"] if minute % 30 == 0 else []))

    assert (REPLY, NotifyReason.FLAPPING) not in channel.posted
