"""Jobs join the patterns that they match, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import text

from bot.domain.alerts import Notification
from bot.domain.job_matching import KnownJob, parse_matchers
from bot.domain.jobs import JobRef, JobState
from bot.domain.listings import JoinedJobs, ListingResult, ListingState
from bot.domain.subscriptions import PatternSubscription, RuleSettings
from bot.store.codec import from_json
from bot.store.engine import Database
from bot.store.patterns import AddedPattern
from bot.store.store import Store, open_store
from tests.integration.store.building import LEASE, claim_one, result

QUIET = RuleSettings(off=("log_errors",))


def known(id: str, state: JobState = JobState.RUNNING, owner: str | None = None) -> KnownJob:
    return KnownJob(JobRef("baseten", id), f"llama-{id}", state, owner)


async def watch(
    store: Store,
    now: datetime,
    *words: str,
    jobs: Sequence[KnownJob] = (),
    channel: str = "C1",
    settings: RuleSettings = QUIET,
    exclude: Sequence[str] = (),
    announce: bool = True,
    limit: int = 100,
) -> AddedPattern:
    wanted = PatternSubscription(
        0, channel, parse_matchers(words, exclude), "U1", now, settings, "T1", announce=announce, limit=limit
    )
    return await store.patterns.add(wanted, jobs, now)


async def save(store: Store, now: datetime, *jobs: KnownJob, is_cut: bool = False) -> int | None:
    provider = jobs[0].ref.provider if jobs else "baseten"
    (claimed,) = await store.listings.claim_due([provider], now, lease=LEASE)
    state = replace(claimed.state, listed_at=now, jobs=len(jobs), is_cut=is_cut)
    return await store.listings.save(ListingResult(claimed, state, now, jobs), now)


async def watched(store: Store, channel: str = "C1") -> set[str]:
    return {one.subscription.job.id for one in await store.subscriptions.list(channel)}


async def announced(database_url: str) -> list[JoinedJobs]:
    database = Database(database_url)
    async with database.read() as connection:
        found = await connection.scalars(text("SELECT notification FROM deliveries ORDER BY id"))
        notifications = [from_json(one, Notification) for one in found]
    await database.aclose()
    return [one.joined for one in notifications if one.joined is not None]


async def test_running_jobs_are_watched_at_once_and_new_ones_with_the_next_listing(
    store: Store, database_url: str, now: datetime
) -> None:
    listed = [known("p/run"), known("p/failed", JobState.FAILED), known("p/idle", JobState.IDLE), known("q/run")]
    added = await watch(store, now, "baseten:p/*", jobs=listed)

    assert (added.is_new, added.joined, added.pattern.watched) == (True, 1, 1)
    assert await watched(store) == {"p/run"}
    assert await announced(database_url) == []

    new = [known(f"p/new{number}", JobState.QUEUED) for number in range(7)]
    assert await save(store, now, *listed, *new) == 7

    assert await watched(store) == {"p/run", *(job.ref.id for job in new)}
    (message,) = await announced(database_url)
    assert (message.patterns, message.count, len(message.first)) == (("baseten:p/*",), 7, 5)
    assert all(one.subscription.settings == QUIET for one in await store.subscriptions.list("C1"))
    assert len(await store.watches.claim_due(now, lease=LEASE)) == 8


async def test_a_job_joins_once_so_unwatching_lasts_and_ended_jobs_do_not_return(store: Store, now: datetime) -> None:
    await watch(store, now, "baseten:*", jobs=[known("p/a"), known("p/b")])

    await store.subscriptions.remove("C1", JobRef("baseten", "p/a"))
    for claimed in await store.watches.claim_due(now, lease=LEASE):
        await store.watches.settle([result(claimed, now, unsubscribe=True)], now)
    assert await save(store, now, known("p/a"), known("p/b")) == 0

    assert await watched(store) == set()


async def test_an_explicit_watch_wins_and_two_patterns_make_one_subscription(store: Store, now: datetime) -> None:
    await store.subscriptions.add("C1", "T1", JobRef("baseten", "p/mine"), "U9", RuleSettings(), now)
    await watch(store, now, "baseten:p/*", settings=QUIET)
    await watch(store, now, "name~llama", settings=RuleSettings(off=("hang",)))
    await watch(store, now, "baseten:*", channel="C2")

    assert await save(store, now, known("p/mine"), known("p/both"), known("q/named")) == 2 + 3

    mine = {one.subscription.job.id: one.subscription for one in await store.subscriptions.list("C1")}
    assert {id: one.settings.off for id, one in mine.items()} == {
        "p/mine": (),
        "p/both": ("log_errors",),
        "q/named": ("hang",),
    }
    assert mine["p/mine"].pattern is None
    again, is_new = await store.subscriptions.add("C1", "T1", JobRef("baseten", "p/both"), "U9", RuleSettings(), now)
    assert (is_new, again.pattern, again.created_by) == (False, None, "U1")


async def test_a_pattern_that_ends_hands_its_jobs_to_another(store: Store, now: datetime) -> None:
    first = (await watch(store, now, "baseten:*")).pattern
    second = (await watch(store, now, "baseten:p/*", settings=RuleSettings())).pattern
    await save(store, now, known("p/both"), known("q/first"))

    assert await store.patterns.hand_over(first) == 1
    assert await store.patterns.jobs_of(first.id) == (JobRef("baseten", "q/first"),)
    assert await store.patterns.remove(first.id)

    (left,) = await store.patterns.list("C1")
    assert (left.id, left.watched) == (second.id, 1)


async def test_new_settings_of_a_pattern_hold_for_its_jobs(store: Store, now: datetime) -> None:
    before = await watch(store, now, "baseten:*", jobs=[known("p/a")])
    claimed = await claim_one(store, now)

    after = await watch(store, now, "baseten:*", settings=RuleSettings(), announce=False, limit=7)

    assert (after.is_new, after.pattern.id) == (False, before.pattern.id)
    assert (after.pattern.limit, after.pattern.announce) == (7, False)
    assert (await claim_one(store, now)).subscriptions[0].settings == RuleSettings()
    assert await store.watches.settle([result(claimed, now)], now) == frozenset()


async def test_a_limit_is_kept_announced_once_and_fills_up_again(
    store: Store, database_url: str, now: datetime
) -> None:
    await watch(store, now, "baseten:*", limit=2)
    jobs = [known(f"p/{number}") for number in range(5)]

    assert [await save(store, now, *jobs) for _ in range(3)] == [2, 0, 0]
    await store.subscriptions.remove("C1", JobRef("baseten", "p/0"))
    assert await save(store, now, *jobs) == 1

    (pattern,) = await store.patterns.list("C1")
    assert (pattern.watched, pattern.skipped) == (2, 2)
    found_all = await announced(database_url)
    assert [(one.count, [over.skipped for over in one.over_limit]) for one in found_all] == [(2, [3]), (1, [])]


async def test_a_limit_over_several_platforms_is_announced_once(store: Store, database_url: str, now: datetime) -> None:
    await watch(store, now, "name~llama", limit=2)
    jobs = [known(f"p/{number}") for number in range(4)]
    other = KnownJob(JobRef("fireworks", "acme/1"), "qwen", JobState.RUNNING)

    for _ in range(3):
        await save(store, now, *jobs)
        await save(store, now, other)
    await store.subscriptions.remove("C1", JobRef("baseten", "p/0"))
    await save(store, now, other)
    await save(store, now, *jobs)

    (pattern,) = await store.patterns.list("C1")
    assert (pattern.watched, pattern.skipped) == (2, 1)
    found_all = await announced(database_url)
    assert [(one.count, [over.skipped for over in one.over_limit]) for one in found_all] == [(2, [2]), (1, [])]


async def test_two_processes_save_listings_and_the_same_pattern_at_once(
    store: Store, database_url: str, now: datetime
) -> None:
    other = await open_store(database_url)
    for number in range(5):
        await asyncio.gather(*(watch(one, now, f"name~{number}", limit=1) for one in (store, other)))
        jobs = [known(f"p/{at}{number}") for at in range(number + 2)]
        tuned = [replace(job, ref=JobRef("fireworks", job.ref.id)) for job in jobs]
        await asyncio.gather(save(store, now, *jobs), save(other, now, *tuned))
    await other.aclose()

    assert [one.watched for one in await store.patterns.list("C1")] == [1] * 5


async def test_owners_names_and_exclusions(store: Store, now: datetime) -> None:
    await watch(store, now, "owner=Ada@Acme.example", "name~LLAMA", exclude=["baseten:p/test-*", "owner=ben"])
    jobs = [
        known("p/a", owner="ada@acme.example"),
        known("p/local", owner="Ada"),
        known("p/test-1", owner="ada"),
        known("p/bens", owner="ben"),
        known("p/nobody"),
    ]

    assert await save(store, now, *jobs) == 2
    assert await watched(store) == {"p/a", "p/local"}


async def test_a_lost_claim_writes_nothing(store: Store, now: datetime) -> None:
    await watch(store, now, "baseten:*")
    (slow,) = await store.listings.claim_due(["baseten"], now, lease=LEASE)
    assert await store.listings.claim_due(["baseten"], now, lease=LEASE) == []
    later = now + LEASE
    (fast,) = await store.listings.claim_due(["baseten"], later, lease=LEASE)

    assert await store.listings.save(ListingResult(slow, ListingState(), later, (known("p/a"),)), later) is None
    assert await watched(store) == set()
    assert await store.listings.save(ListingResult(fast, ListingState(), later, (known("p/a"),)), later) == 1


async def test_a_complete_listing_forgets_jobs_that_are_gone(store: Store, now: datetime) -> None:
    await watch(store, now, "baseten:*")
    await save(store, now, known("p/a"), known("p/b"))
    await save(store, now, known("p/a"), is_cut=True)
    assert len(await store.known_jobs.search("")) == 2

    await save(store, now, known("p/a"))
    assert [job.ref.id for job in await store.known_jobs.search("")] == ["p/a"]


async def test_five_hundred_new_jobs_are_one_message(store: Store, database_url: str, now: datetime) -> None:
    await watch(store, now, "baseten:*", limit=1000)
    await watch(store, now, "name~llama", limit=1000)

    assert await save(store, now, *(known(f"p/{number}") for number in range(500))) == 500

    (message,) = await announced(database_url)
    assert message.count == 500


async def test_channels_are_notified_when_jobs_cannot_be_listed_and_when_they_can_again(
    store: Store, database_url: str, now: datetime
) -> None:
    await watch(store, now, "baseten:*")
    await watch(store, now, "owner=ada", channel="C2")
    failing = ListingState(fails=3, failing_since=now, problem="HTTP 503.")
    for minutes, jobs in ((5, None), (10, None), (15, None), (20, ()), (25, ())):
        at = now + timedelta(minutes=minutes)
        (claimed,) = await store.listings.claim_due(["baseten"], at, lease=LEASE)
        state = failing if jobs is None else ListingState()
        await store.listings.save(ListingResult(claimed, state, at, jobs), at)

    database = Database(database_url)
    async with database.read() as connection:
        found = (await connection.execute(text("SELECT channel, notification FROM deliveries ORDER BY id"))).all()
    await database.aclose()
    found_all = [(channel, from_json(one, Notification).text) for channel, one in found]
    failed = "The jobs of baseten could not be listed for 10 min: HTTP 503. New jobs are not watched."
    back = "baseten lists its jobs again. Jobs that started meanwhile are watched if they match."
    assert found_all == [("C1", failed), ("C2", failed), ("C1", back), ("C2", back)]


async def test_platforms_are_listed_while_people_pick_jobs(store: Store, now: datetime) -> None:
    assert await store.listings.claim_due(["baseten"], now, lease=LEASE) == []

    await store.listings.want(["baseten"], now)
    (claimed,) = await store.listings.claim_due(["baseten", "fireworks"], now, lease=LEASE)
    assert (claimed.provider, claimed.has_patterns) == ("baseten", False)
    await store.listings.save(ListingResult(claimed, ListingState(jobs=0), now, ()), now)

    assert await store.listings.claim_due(["baseten"], now + timedelta(hours=1), lease=LEASE) == []


async def test_a_pattern_needs_no_memory_of_jobs_that_are_gone(store: Store, now: datetime) -> None:
    await watch(store, now, "baseten:*", jobs=[known("p/gone"), known("p/stays")])
    await store.known_jobs.save([known("p/stays")], now + timedelta(days=40))

    assert await store.patterns.purge(now + timedelta(days=31)) == 1
