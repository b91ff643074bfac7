"""Claiming jobs and settling the results of their polls."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, event, text

from bot.domain.alerts import Alert, AlertState, Evidence, ExcerptLine, Incident, Severity
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import Level, LogCursor
from bot.domain.subscriptions import RuleSettings
from bot.store.engine import Database
from bot.store.store import Store
from bot.store.watches import UNSTORABLE_RETRY
from tests.integration.store.building import (
    JOB,
    LEASE,
    claim_one,
    delivery,
    incident,
    job,
    result,
    watch_job,
)

SOON = timedelta(seconds=15)
FIRING = Alert(
    rule="error_lines",
    parameters_key="min=3",
    state=AlertState.FIRING,
    episode=2,
    fired_at=datetime.fromisoformat("2026-03-13T10:00:00.000001+00:00"),
    severity=Severity.PAGE,
    evidence=Evidence("boom", lines=(ExcerptLine("boom", 1, rank=3, level=Level.ERROR),), facts=(("Rank", "3 of 8"),)),
    memory={"seen": ["a", 1, None], "deep": {"x": 1.5}},
)


async def test_a_claimed_job_cannot_be_claimed_again_before_the_lease_ends(store: Store, now: datetime) -> None:
    await watch_job(store, now)

    first = await claim_one(store, now)

    assert await store.watches.claim_due(now + LEASE - timedelta(seconds=1), lease=LEASE) == []
    assert (await claim_one(store, now + LEASE)).token != first.token


async def test_claims_are_limited_and_start_with_the_most_overdue(store: Store, now: datetime) -> None:
    refs = [JobRef("baseten", f"p/{number}") for number in range(5)]
    for age, ref in enumerate(refs):
        await watch_job(store, now - timedelta(minutes=age), ref=ref)

    first = await store.watches.claim_due(now, lease=LEASE, limit=3)
    rest = await store.watches.claim_due(now, lease=LEASE, limit=3)

    assert {watch.job for watch in first} == {refs[4], refs[3], refs[2]}
    assert {watch.job for watch in rest} == {refs[1], refs[0]}


async def test_jobs_not_due_are_not_claimed(store: Store, now: datetime) -> None:
    await watch_job(store, now + SOON)

    assert await store.watches.claim_due(now, lease=LEASE) == []
    assert await store.watches.overdue(now) == timedelta(0)
    assert await store.watches.overdue(now + 2 * SOON) == SOON


async def test_a_new_watch_is_empty(store: Store, now: datetime) -> None:
    await watch_job(store, now)

    watch = await claim_one(store, now)

    assert (watch.job, watch.fails, watch.created_at) == (JOB, 0, now)
    assert (watch.cursor, watch.last_job, watch.seen_at) == (None, None, None)
    assert (watch.memory, watch.alerts, watch.incidents, watch.silences) == ({}, (), (), ())


async def test_the_next_claim_has_everything_that_was_settled(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    watch = await claim_one(store, now)
    settled = replace(
        result(watch, now + SOON),
        fails=3,
        cursor=LogCursor(b"\x00\xff position"),
        last_job=job(state=JobState.UNHEALTHY),
        seen_at=now,
        memory={"removed_field": 4, "metrics_at": now.isoformat()},
        alerts=[FIRING, Alert("job_failed", "")],
        incidents=[incident(now)],
    )

    assert await store.watches.settle([settled], now) == {watch.id}
    again = await claim_one(store, now + SOON)

    assert (again.fails, again.cursor, again.last_job) == (3, settled.cursor, settled.last_job)
    assert (again.seen_at, again.memory) == (now, settled.memory)
    assert sorted(again.alerts, key=lambda alert: alert.rule) == [FIRING, Alert("job_failed", "")]
    assert again.incidents == (incident(now),)


async def test_alerts_and_incidents_missing_from_a_result_are_unchanged(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    watch = await claim_one(store, now)
    await store.watches.settle([result(watch, now, alerts=[FIRING], incidents=[incident(now)])], now)
    watch = await claim_one(store, now)
    changed = replace(FIRING, state=AlertState.INACTIVE, fired_at=None)
    await store.watches.settle([result(watch, now, alerts=[replace(changed, parameters_key="")])], now)

    watch = await claim_one(store, now)

    assert len(watch.alerts) == 2
    assert FIRING in watch.alerts
    assert watch.incidents == (incident(now),)


async def test_an_ended_incident_comes_with_its_job_while_it_may_open_again(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    watch = await claim_one(store, now)
    await store.watches.settle([result(watch, now, incidents=[incident(now)])], now)
    watch = await claim_one(store, now)
    await store.watches.settle([result(watch, now, incidents=[incident(now, resolved=True)])], now)

    (soon,) = await store.watches.claim_due(now, lease=timedelta(0), reopen_within=timedelta(minutes=1))
    (later,) = await store.watches.claim_due(
        now + timedelta(minutes=1), lease=timedelta(0), reopen_within=timedelta(minutes=1)
    )
    assert (soon.incidents, later.incidents) == ((incident(now, resolved=True),), ())
    assert await store.incidents.find("inc-1") == incident(now, resolved=True)


async def test_a_result_after_the_lease_is_not_written(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    zombie = await claim_one(store, now)
    successor = await claim_one(store, now + LEASE)
    late = result(
        zombie,
        now,
        fails=9,
        alerts=[FIRING],
        incidents=[incident(now)],
        deliveries=[delivery("late")],
        unsubscribe=True,
    )

    assert await store.watches.settle([late], now + LEASE) == frozenset()
    assert await store.watches.settle([result(successor, now)], now + LEASE) == {successor.id}

    watch = await claim_one(store, now + LEASE)
    assert (watch.fails, watch.alerts, watch.incidents) == (0, (), ())
    assert (await store.deliveries.backlog(now)).count == 0


async def test_a_poll_is_settled_once(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    watch = await claim_one(store, now)

    assert await store.watches.settle([result(watch, now)], now) == {watch.id}
    assert await store.watches.settle([result(watch, now)], now) == frozenset()


async def test_a_stale_claim_does_not_affect_the_batch(store: Store, now: datetime) -> None:
    await watch_job(store, now, ref=JobRef("baseten", "stale"))
    (stale,) = await store.watches.claim_due(now, lease=timedelta(0))
    await watch_job(store, now, ref=JobRef("baseten", "good"))
    good = next(one for one in await store.watches.claim_due(now, lease=LEASE) if one.job.id == "good")

    settled = await store.watches.settle([result(stale, now), result(good, now, deliveries=[delivery("news")])], now)

    assert settled == {good.id}
    assert (await store.deliveries.backlog(now)).count == 1


async def test_state_and_outbox_are_written_together_or_not_at_all(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    watch = await claim_one(store, now)
    bad = delivery("bad", channel=None)  # type: ignore[arg-type]
    broken = result(watch, now + SOON, fails=5, alerts=[FIRING], deliveries=[delivery("news"), bad])

    assert await store.watches.settle([broken], now) == frozenset()

    assert (await store.deliveries.backlog(now)).count == 0
    again = await claim_one(store, now + UNSTORABLE_RETRY)
    assert (again.fails, again.alerts) == (1, ())


def too_long() -> Alert:
    """PostgreSQL refuses its name in an index."""
    return replace(FIRING, parameters_key="ignore=" + secrets.token_urlsafe(6000))


def without_time_zone(now: datetime) -> Incident:
    """Refused before it reaches a database."""
    return replace(incident(now), opened_at=now.replace(tzinfo=None))


async def test_an_unstorable_result_does_not_affect_others(
    store: Store, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    refs = [JobRef("baseten", f"p/{number}") for number in range(4)]
    for ref in refs:
        await watch_job(store, now, ref=ref)
    watches = {watch.job: watch for watch in await store.watches.claim_due(now, lease=LEASE)}
    later = now + timedelta(hours=1)
    results = [result(watches[ref], later, deliveries=[delivery(str(ref))]) for ref in refs]
    results[1] = replace(results[1], incidents=[without_time_zone(now)])

    held = await store.watches.settle(results, now)

    assert held == {watches[ref].id for ref in (refs[0], refs[2], refs[3])}
    news = await store.deliveries.claim(now, lease=LEASE)
    assert [one.notification.text for one in news] == [str(refs[0]), str(refs[2]), str(refs[3])]
    assert [(one.message, vars(one)["watch"]) for one in caplog.records] == [
        ("poll result cannot be stored", watches[refs[1]].id)
    ]
    assert await store.watches.claim_due(now + UNSTORABLE_RETRY - timedelta(seconds=1), lease=LEASE) == []
    (again,) = await store.watches.claim_due(now + UNSTORABLE_RETRY, lease=LEASE)
    assert (again.job, again.fails, again.alerts) == (refs[1], 1, ())


async def test_an_alert_key_too_long_for_an_index_does_not_affect_others(store: Store, now: datetime) -> None:
    refs = [JobRef("baseten", "a"), JobRef("baseten", "b")]
    for ref in refs:
        await watch_job(store, now, ref=ref)
    good, bad = await store.watches.claim_due(now, lease=LEASE)

    held = await store.watches.settle([result(good, now, alerts=[FIRING]), result(bad, now, alerts=[too_long()])], now)

    assert good.id in held


async def test_a_finished_job_is_deleted_with_its_subscriptions(store: Store, now: datetime) -> None:
    await watch_job(store, now, channel="C1")
    await watch_job(store, now, channel="C2")
    watch = await claim_one(store, now)
    over = result(
        watch, now, unsubscribe=True, alerts=[FIRING], incidents=[incident(now)], deliveries=[delivery("last word")]
    )

    assert await store.watches.settle([over], now) == {watch.id}

    assert await store.subscriptions.for_job(JOB) == ()
    assert await store.watches.claim_due(now + timedelta(days=1), lease=LEASE) == []
    assert (await store.deliveries.backlog(now)).count == 1
    assert await store.incidents.find("inc-1") == incident(now)


async def test_a_job_watched_again_is_a_new_watch_with_new_dedupe_keys(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    first = await claim_one(store, now)
    await store.watches.settle([result(first, now, unsubscribe=True, deliveries=[delivery("fired")])], now)
    await watch_job(store, now)
    second = await claim_one(store, now)
    await store.watches.settle([result(second, now, deliveries=[delivery("fired"), delivery("fired")])], now)

    assert second.id > first.id
    assert (await store.deliveries.backlog(now)).count == 2


async def test_released_jobs_are_due_at_once(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    watch = await claim_one(store, now)

    await store.watches.release([watch], now)

    assert await store.watches.settle([result(watch, now)], now) == frozenset()
    assert (await claim_one(store, now)).id == watch.id


async def test_an_undecodable_row_does_not_affect_others(
    store: Store, database_url: str, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    await watch_job(store, now, ref=JobRef("baseten", "bad"))
    await watch_job(store, now, ref=JobRef("baseten", "good"))
    database = Database(database_url)
    async with database.write() as connection:
        await connection.execute(text("UPDATE watches SET last_job = '{\"state\": \"lost\"}' WHERE job_id = 'bad'"))
    await database.aclose()

    assert [watch.job.id for watch in await store.watches.claim_due(now, lease=LEASE)] == ["good"]
    assert [(one.message, vars(one)["job"]) for one in caplog.records] == [("watch cannot be read", "bad")]


async def test_a_batch_of_fifty_needs_as_many_queries_as_one_of_two(store: Store, now: datetime) -> None:
    for number in range(52):
        await store.subscriptions.add("C1", None, JobRef("baseten", f"p/{number}"), "U1", RuleSettings(), now)
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        two = await store.watches.claim_due(now, lease=LEASE, limit=2)
        for_two = len(statements)
        fifty = await store.watches.claim_due(now, lease=LEASE, limit=50)
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert (len(two), len(fifty)) == (2, 50)
    assert len(statements) == 2 * for_two
    assert all(len(watch.subscriptions) == 1 for watch in fifty)
