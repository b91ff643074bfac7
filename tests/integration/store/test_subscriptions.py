"""Subscriptions of channels to jobs."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bot.domain.alerts import Severity
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import RuleSettings
from bot.store.store import Store
from tests.integration.store.building import JOB, LEASE, claim_one, incident, job, result, watch_job

SETTINGS = RuleSettings(
    parameters={"low_gpu_utilization": {"below": 0.25, "for": 600, "strict": True, "node": "a"}},
    off=("error_lines",),
    min_severity=Severity.PAGE,
)


async def test_a_new_subscription_keeps_author_date_and_settings(store: Store, now: datetime) -> None:
    subscription, is_new = await store.subscriptions.add("C1", "T1", JOB, "U1", SETTINGS, now)

    assert is_new
    assert (subscription.channel, subscription.team, subscription.job) == ("C1", "T1", JOB)
    assert (subscription.created_by, subscription.created_at) == ("U1", now)
    assert subscription.settings == SETTINGS
    assert await store.subscriptions.for_job(JOB) == (subscription,)


async def test_subscribing_again_changes_the_settings_and_keeps_the_id(store: Store, now: datetime) -> None:
    first, _ = await store.subscriptions.add("C1", "T1", JOB, "U1", RuleSettings(), now)
    later = now + timedelta(hours=1)

    second, is_new = await store.subscriptions.add("C1", "T1", JOB, "U2", SETTINGS, later)

    assert not is_new
    assert (second.id, second.created_by, second.created_at) == (first.id, "U1", now)
    assert second.settings == SETTINGS
    assert await store.subscriptions.for_job(JOB) == (second,)


async def test_two_channels_share_one_watch(store: Store, now: datetime) -> None:
    await watch_job(store, now, channel="C1")
    await watch_job(store, now, channel="C2")

    watch = await claim_one(store, now)

    assert [subscription.channel for subscription in watch.subscriptions] == ["C1", "C2"]


async def test_subscribing_makes_the_job_due_at_once(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    watch = await claim_one(store, now)
    await store.watches.settle([result(watch, now + timedelta(hours=1))], now)

    await watch_job(store, now + timedelta(minutes=1), channel="C2")

    assert (await claim_one(store, now + timedelta(minutes=1))).id == watch.id


async def test_listed_subscriptions_have_the_last_state_and_the_firing_alerts(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    await watch_job(store, now, ref=JobRef("fireworks", "acc/1"))
    await watch_job(store, now, ref=JobRef("fireworks", "acc/2"), channel="C2")
    watches = await store.watches.claim_due(now, lease=LEASE)
    seen = next(watch for watch in watches if watch.job == JOB)
    open_one = incident(now)
    elsewhere = incident(now, id="inc-2", channel="C2")
    over = incident(now, id="inc-3", resolved=True)
    await store.watches.settle(
        [result(seen, now, last_job=job(), seen_at=now, incidents=[open_one, elsewhere, over])], now
    )

    listed = await store.subscriptions.list("C1")

    assert [(one.subscription.job, one.job, one.seen_at, one.firing) for one in listed] == [
        (JOB, job(), now, 1),
        (JobRef("fireworks", "acc/1"), None, None, 0),
    ]


async def test_unsubscribing_returns_whether_there_was_a_subscription(store: Store, now: datetime) -> None:
    await watch_job(store, now)

    assert await store.subscriptions.remove("C2", JOB) is None
    assert await store.subscriptions.remove("C1", JOBX) is None
    removed = await store.subscriptions.remove("C1", JOB)
    assert removed is not None
    assert removed.job == JOB
    assert await store.subscriptions.remove("C1", JOB) is None
    assert await store.subscriptions.list("C1") == ()


JOBX = JobRef("baseten", "no/such")


async def test_after_the_last_subscription_one_more_poll_closes_open_incidents(store: Store, now: datetime) -> None:
    await watch_job(store, now)
    watch = await claim_one(store, now)
    await store.watches.settle([result(watch, now + timedelta(hours=1), seen_at=now, incidents=[incident(now)])], now)
    await store.subscriptions.remove("C1", JOB)

    last = await claim_one(store, now)
    await store.watches.settle([result(last, now)], now)

    assert (last.subscriptions, last.incidents) == ((), (incident(now),))
    assert await store.watches.claim_due(now + timedelta(days=1), lease=LEASE) == []


@pytest.mark.parametrize("act", ["subscribe", "change", "unsubscribe", "acknowledge"])
async def test_a_change_revokes_the_claim_of_a_running_poll(store: Store, now: datetime, act: str) -> None:
    await watch_job(store, now)
    first = await claim_one(store, now)
    await store.watches.settle([result(first, now, incidents=[incident(now)])], now)
    under_way = await claim_one(store, now)

    match act:
        case "subscribe":
            await watch_job(store, now, channel="C2")
        case "change":
            await store.subscriptions.add("C1", None, JOB, "U1", SETTINGS, now)
        case "unsubscribe":
            await store.subscriptions.remove("C1", JOB)
        case "acknowledge":
            await store.incidents.acknowledge("inc-1", "U1", now)

    assert await store.watches.settle([result(under_way, now, unsubscribe=True)], now) == frozenset()
    again = await claim_one(store, now)
    assert again.id == under_way.id
    assert await store.watches.settle([result(again, now)], now) == {again.id}


async def test_a_hostile_reference_is_stored_unchanged(store: Store, now: datetime) -> None:
    odd = JobRef("baseten", "a\0b\ud800 '; DROP TABLE watches; --")

    subscription, _ = await store.subscriptions.add("C1", None, odd, "U1", RuleSettings(), now)

    assert subscription.job.id == "a\ufffdb? '; DROP TABLE watches; --"
    assert await store.subscriptions.remove("C1", odd) is not None
