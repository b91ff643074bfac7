"""The index of listed jobs, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef, JobState
from bot.store.known_jobs import KEEP_JOBS_FOR
from bot.store.store import Store

HOUR = timedelta(hours=1)


def known(
    id: str,
    now: datetime,
    state: JobState = JobState.RUNNING,
    age: int = 1,
    *,
    name: str | None = "llama",
    owner: str | None = "Ada@acme.example",
) -> KnownJob:
    return KnownJob(JobRef("baseten", id), name, state, owner, created_at=now - age * HOUR)


def ids(jobs: tuple[KnownJob, ...]) -> list[str]:
    return [job.ref.id for job in jobs]


async def test_running_jobs_come_first_and_then_the_newest(store: Store, now: datetime) -> None:
    states = [JobState.FAILED, JobState.QUEUED, JobState.RUNNING, JobState.UNHEALTHY, JobState.SUCCEEDED]
    jobs = [known(f"p/{state}", now, state, age) for age, state in enumerate(states)]

    assert await store.known_jobs.save(jobs, now) == 5

    assert ids(await store.known_jobs.search("")) == [
        "p/running",
        "p/unhealthy",
        "p/queued",
        "p/failed",
        "p/succeeded",
    ]
    (found,) = await store.known_jobs.search("", limit=1)
    assert found == replace(jobs[2], seen_at=now)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("LLAMA", ["p/a", "p/b%_"]),
        ("p/a", ["p/a"]),
        ("llama ada@", ["p/a", "p/b%_"]),
        ("baseten:p b%_", ["p/b%_"]),
        ("%", ["p/b%_"]),
        ("llama nothing", []),
        ("\0\ud800", []),
    ],
)
async def test_every_word_must_occur(store: Store, now: datetime, text: str, found: list[str]) -> None:
    await store.known_jobs.save([known("p/a", now), known("p/b%_", now, age=2)], now)

    assert ids(await store.known_jobs.search(text)) == found


async def test_a_job_is_found_by_its_reference(store: Store, now: datetime) -> None:
    await store.known_jobs.save([known("p/a:b", now)], now)

    assert (await store.known_jobs.find("baseten:p/a:b")) == replace(known("p/a:b", now), seen_at=now)
    assert await store.known_jobs.find("fireworks:p/a:b") is None


async def test_only_what_changed_is_written_and_seen_hourly(store: Store, now: datetime) -> None:
    jobs = [known("p/a", now), known("p/b", now)]
    await store.known_jobs.save(jobs, now)

    assert await store.known_jobs.save(jobs, now + timedelta(minutes=1)) == 0
    assert await store.known_jobs.save([known("p/a", now, JobState.FAILED), jobs[1]], now + timedelta(minutes=2)) == 1
    assert await store.known_jobs.save(jobs[1:], now + HOUR) == 1

    found = {job.ref.id: job for job in await store.known_jobs.search("")}
    assert (found["p/a"].state, found["p/b"].seen_at) == (JobState.FAILED, now + HOUR)


async def test_old_jobs_are_purged_and_not_saved_again(store: Store, now: datetime) -> None:
    later = now + KEEP_JOBS_FOR + HOUR
    ended, running, lost = known("p/ended", now, JobState.FAILED), known("p/running", now), known("p/lost", now)
    await store.known_jobs.save([ended, running, lost], now)
    await store.known_jobs.save([running], later)

    assert await store.purge_expired(later) == 2
    assert await store.known_jobs.save([ended, running], later) == 0

    assert ids(await store.known_jobs.search("")) == ["p/running"]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(id=st.text(min_size=1), name=st.none() | st.text(), owner=st.none() | st.text())
async def test_any_text_is_stored_and_is_unchanged_the_next_time(
    store: Store, now: datetime, id: str, name: str | None, owner: str | None
) -> None:
    job = known(id, now, name=name, owner=owner)
    await store.known_jobs.save([job], now)

    assert await store.known_jobs.save([job], now) == 0
