"""Planning the messages of a digest, without a database or a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.alerts import (
    Delivery,
    DeliveryKind,
    Evidence,
    Incident,
    IncidentAlert,
    NotifyReason,
    Receipt,
    Resolution,
    Severity,
)
from bot.domain.digest_plans import DigestPlan, StoredDigest
from bot.domain.digests import DigestState
from bot.domain.grouping import Grouping
from bot.domain.jobs import JobRef
from bot.domain.notify import EscalationStep, MentionTarget, NotifySettings
from bot.domain.ownership import Acknowledgement
from bot.rules.digest import plan_digest
from tests.unit.rules.observing import MINUTE, START, job

ROOT, EDIT, REPLY = DeliveryKind.ROOT, DeliveryKind.EDIT, DeliveryKind.REPLY
SECOND = timedelta(seconds=1)
STORM = StoredDigest("dig-1", "C1", "", START, START, None, DigestState(), has_root=False)


def incident(number: int, severity: Severity = Severity.PAGE, fired_at: datetime = START) -> Incident:
    of = replace(job(), ref=JobRef("baseten", f"job{number}"), name=f"job{number}")
    alert = IncidentAlert(f"tw-{number}", "failure", "NCCL timeout", severity, fired_at, Evidence("timed out"))
    return Incident(f"inc-{number}", "C1", of, fired_at, (alert,))


def over(incident: Incident, at: datetime) -> Incident:
    alerts = tuple(one.resolved(at, Resolution.CLEARED) for one in incident.alerts)
    return replace(incident, alerts=alerts, resolved_at=at)


def plan(stored: StoredDigest, incidents: Sequence[Incident], at: datetime) -> tuple[DigestPlan, StoredDigest]:
    """Plan, and store the result as the database would after the messages were sent."""
    result = plan_digest(stored, incidents, NotifySettings(), Grouping(), at)
    has_root = stored.has_root or any(one.notification.kind is ROOT for one in result.deliveries)
    return result, replace(stored, state=result.state, closed_at=result.closed_at, has_root=has_root)


def kinds(deliveries: Sequence[Delivery]) -> list[tuple[DeliveryKind, NotifyReason]]:
    return [(one.notification.kind, one.notification.reason) for one in deliveries]


def test_a_digest_is_posted_once_and_edited_as_it_changes() -> None:
    members = [incident(number) for number in range(9)]
    first, stored = plan(STORM, members, START)
    same, stored = plan(stored, members, START + SECOND)
    more, stored = plan(replace(stored, joined_at=START + SECOND), [*members, incident(9)], START + 2 * SECOND)

    assert kinds(first.deliveries) == [(ROOT, NotifyReason.FIRST)]
    assert first.deliveries[0].notification.mention is Severity.PAGE
    assert same.deliveries == ()
    assert kinds(more.deliveries) == [(EDIT, NotifyReason.CHANGED)]


def test_every_job_is_listed_once_in_replies_of_twenty() -> None:
    members = [incident(number) for number in range(47)]
    full, stored = plan(STORM, members, START)
    rest, stored = plan(stored, members, START + 3 * SECOND)
    done, stored = plan(stored, members, START + 60 * SECOND)

    listed = [
        [one.incident_id for one in delivery.notification.digest.members]
        for delivery in (*full.deliveries, *rest.deliveries)
        if delivery.notification.kind is REPLY and delivery.notification.digest
    ]
    assert [len(one) for one in listed] == [20, 20, 7]
    assert sorted(name for names in listed for name in names) == sorted(one.id for one in members)
    assert done.deliveries == ()


def test_a_worse_incident_mentions_people_once() -> None:
    warnings = [incident(number, Severity.WARN) for number in range(9)]
    _, stored = plan(STORM, warnings, START)
    worse, stored = plan(stored, [*warnings, incident(9)], START + SECOND)
    again, stored = plan(stored, [*warnings, incident(9), incident(10)], START + 2 * SECOND)

    (reply,) = [one.notification for one in worse.deliveries if one.notification.kind is REPLY]
    assert (reply.broadcast, reply.mention) == (True, Severity.PAGE)
    assert [kind for kind, reason in kinds(again.deliveries) if reason is NotifyReason.CHANGED] == [EDIT]


def test_the_end_is_announced_once_and_so_is_a_return() -> None:
    members = [incident(number) for number in range(9)]
    stored = replace(STORM, key="platform:baseten")
    _, stored = plan(stored, members, START)
    ended = [over(one, START + MINUTE) for one in members]
    at_once, stored = plan(stored, ended, START + MINUTE)
    later, stored = plan(stored, ended, START + 2 * MINUTE)
    quiet, stored = plan(stored, ended, START + 3 * MINUTE)
    back, stored = plan(stored, [*ended, incident(20)], START + 4 * MINUTE)

    assert kinds(at_once.deliveries) == [(EDIT, NotifyReason.RESOLVED)]
    assert at_once.next_at is not None
    assert kinds(later.deliveries) == [(REPLY, NotifyReason.RESOLVED)]
    assert quiet.deliveries == ()
    assert kinds(back.deliveries) == [(EDIT, NotifyReason.CHANGED), (REPLY, NotifyReason.RETURNED)]


@pytest.mark.parametrize(("key", "hours", "is_closed"), [("", 1, True), ("disk:/a", 1, True), ("platform:x", 1, False)])
def test_a_digest_closes_without_new_incidents_unless_its_platform_is_down(
    key: str, hours: int, is_closed: bool
) -> None:
    members = [incident(number) for number in range(9)]
    result, _ = plan(replace(STORM, key=key), members, START + timedelta(hours=hours))

    assert (result.closed_at is not None) is is_closed


def test_an_incident_with_news_after_the_end_leaves_the_digest() -> None:
    members = [incident(number) for number in range(9)]
    _, stored = plan(STORM, members, START + 10 * MINUTE)
    later = IncidentAlert("tw-x", "hang", "No progress", Severity.PAGE, START + 20 * MINUTE, Evidence("stopped"))
    changed = replace(members[0], alerts=(*members[0].alerts, later))
    result, _ = plan(stored, [changed, *members[1:]], START + 20 * MINUTE)

    assert result.leaving == (changed,)


def test_reminders_stop_when_everything_is_acknowledged() -> None:
    members = [incident(number) for number in range(9)]
    _, stored = plan(STORM, members, START)
    reminded, stored = plan(stored, members, START + 31 * MINUTE)
    taken = [replace(one, acknowledgement=Acknowledgement("U1", START)) for one in members]
    quiet, _ = plan(stored, taken, START + 600 * MINUTE)

    assert (REPLY, NotifyReason.REMINDER) in kinds(reminded.deliveries)
    assert (REPLY, NotifyReason.REMINDER) not in kinds(quiet.deliveries)


def test_equal_plans_have_equal_keys() -> None:
    members = [incident(number) for number in range(25)]
    assert plan(STORM, members, START)[0] == plan(STORM, members, START)[0]


def test_the_escalation_chain_is_taken_once_for_all() -> None:
    members = [incident(number) for number in range(9)]
    steps = (EscalationStep(15 * MINUTE, MentionTarget("U2")), EscalationStep(60 * MINUTE, MentionTarget("C2")))
    settings = NotifySettings(escalation={Severity.PAGE: steps}, reminders=False)
    root = Receipt("C1", "1.0")
    stored = replace(STORM, state=DigestState(shown="x", severity_rank=3), has_root=True, root=root)
    sent = []
    for minute in (1, 16, 61):
        plan = plan_digest(stored, members, settings, Grouping(), START + minute * MINUTE)
        sent.append([one for one in plan.deliveries if one.notification.reason is NotifyReason.ESCALATED])

    assert [[(one.channel, one.notification.kind) for one in found] for found in sent] == [
        [],
        [("C1", REPLY)],
        [("C2", DeliveryKind.DIRECT)],
    ]
    assert all(one.notification.digest for found in sent for one in found)
    assert sent[2][0].notification.thread == root  # so that the other channel has a link


def test_a_digest_closes_after_the_clock_was_set_back() -> None:
    members = [incident(number) for number in range(9)]
    result, stored = plan(STORM, members, START - timedelta(hours=2))
    again, _ = plan(stored, members, START - timedelta(hours=2))

    assert result.closed_at == stored.joined_at
    assert (again.leaving, again.closed_at) == ((), stored.joined_at)


def test_a_storm_that_goes_on_does_not_postpone_its_reminder() -> None:
    members: list[Incident] = []
    reminded, stored = list[int](), STORM
    for minute in range(0, 100, 4):
        now = START + minute * MINUTE
        members.append(incident(minute, fired_at=now))
        result, stored = plan(replace(stored, joined_at=now), members, now)
        reminded += [minute for _, reason in kinds(result.deliveries) if reason is NotifyReason.REMINDER]

    assert reminded == [32, 68]


def taken(incident: Incident) -> Incident:
    return replace(incident, acknowledgement=Acknowledgement("U1", START))


def mentions(result: DigestPlan) -> list[Severity]:
    return [one.notification.mention for one in result.deliveries if one.notification.mention is not None]


def test_a_page_that_joins_mentions_people_at_once_if_no_other_waits() -> None:
    members = [incident(number) for number in range(9)]
    _, stored = plan(STORM, members, START)
    members = [*map(taken, members), incident(9, fired_at=START + 2 * SECOND)]
    joined, stored = plan(replace(stored, joined_at=START + 2 * SECOND), members, START + 3 * SECOND)
    again, stored = plan(stored, members, START + 4 * SECOND)
    assert mentions(joined) == [Severity.PAGE]
    assert mentions(again) == []


def test_pages_that_join_while_others_wait_mention_people_every_five_minutes() -> None:
    members = [incident(number) for number in range(9)]
    _, stored = plan(STORM, members, START)
    mentioned = []
    for number in range(1, 60):
        at = START + number * 10 * SECOND
        members = [*members, incident(8 + number, fired_at=at)]
        result, stored = plan(replace(stored, joined_at=at), members, at)
        mentioned += [at for _ in mentions(result)]
    assert mentioned == [START + 5 * MINUTE]


def test_a_page_of_an_earlier_version_mentions_nobody_again() -> None:
    members = [incident(number) for number in range(9)]
    _, stored = plan(STORM, members, START)
    stored = replace(stored, state=replace(stored.state, paged=None, mentioned_at=None))
    assert mentions(plan(stored, [*members, incident(9)], START + 3 * SECOND)[0]) == []


def test_warnings_and_silenced_pages_that_join_mention_nobody() -> None:
    members = [incident(number) for number in range(9)]
    _, stored = plan(STORM, members, START)
    more = [*map(taken, members), incident(9, Severity.WARN), taken(incident(10))]
    assert mentions(plan(stored, more, START + 3 * SECOND)[0]) == []


def test_a_job_with_a_page_is_listed_sooner_in_a_storm_that_goes_on() -> None:
    def listed_after(severity: Severity) -> timedelta:
        members = [incident(number, Severity.WARN) for number in range(9)]
        _, stored = plan(STORM, members, START)
        _, stored = plan(stored, members, START + 3 * SECOND)
        members = [*members, incident(9, severity)]
        for second in range(4, 60):
            at = START + second * SECOND
            result, stored = plan(replace(stored, joined_at=at), members, at)
            if any(one.dedupe_key.endswith("list:inc-9") for one in result.deliveries):
                return at - START
        raise AssertionError

    assert listed_after(Severity.PAGE) < listed_after(Severity.WARN)
