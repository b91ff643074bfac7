"""Time ranges within the lifetime of a job."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.lifetimes import clip, clip_moment, lifetime_of

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
CREATED, ENDED = NOW - timedelta(hours=3), NOW - timedelta(hours=1)
RUNNING = Job(JobRef("mem", "a/b"), JobState.RUNNING, "RUNNING", created_at=CREATED)
OVER = replace(RUNNING, state=JobState.FAILED, ended_at=ENDED)
MINUTE = timedelta(minutes=1)
YEAR_1970, YEAR_2261 = 0, ns_from_datetime(datetime(2261, 1, 1, tzinfo=UTC))


def bounds(job: Job, start_ns: int | None, end_ns: int | None) -> tuple[datetime | None, datetime | None]:
    found = clip(start_ns, end_ns, lifetime_of(job, NOW))
    start, end = (None if one is None else datetime_from_ns(one) for one in (found.start_ns, found.end_ns))
    return start, end


@pytest.mark.parametrize(
    ("job", "start_ns", "end_ns", "expected"),
    [
        (RUNNING, YEAR_1970, None, (CREATED - MINUTE, None)),
        (RUNNING, None, YEAR_2261, (None, NOW + MINUTE)),
        (RUNNING, YEAR_1970, YEAR_2261, (CREATED - MINUTE, NOW + MINUTE)),
        (OVER, YEAR_1970, YEAR_2261, (CREATED - MINUTE, ENDED + 5 * MINUTE)),
        (OVER, ns_from_datetime(ENDED), ns_from_datetime(NOW), (ENDED, ENDED + 5 * MINUTE)),
        (RUNNING, None, None, (None, None)),
        (RUNNING, ns_from_datetime(NOW - MINUTE), None, (NOW - MINUTE, None)),
        # it is not known when the job was created
        (replace(RUNNING, created_at=None), YEAR_1970, YEAR_2261, (datetime(1970, 1, 1, tzinfo=UTC), NOW + MINUTE)),
        (replace(RUNNING, created_at=None, started_at=CREATED), YEAR_1970, None, (CREATED - MINUTE, None)),
        # the end comes from an earlier run, or one of the two times is wrong
        (replace(RUNNING, ended_at=ENDED), None, YEAR_2261, (None, NOW + MINUTE)),
        (replace(OVER, ended_at=CREATED - MINUTE), None, YEAR_2261, (None, NOW + MINUTE)),
        # the clock of the platform is ahead of ours
        (replace(RUNNING, created_at=NOW + MINUTE), YEAR_1970, None, (NOW - MINUTE, None)),
        (replace(RUNNING, updated_at=NOW + 9 * MINUTE), None, YEAR_2261, (None, NOW + 10 * MINUTE)),
    ],
)
def test_range_is_cut_to_the_lifetime(
    job: Job, start_ns: int | None, end_ns: int | None, expected: tuple[datetime | None, datetime | None]
) -> None:
    assert bounds(job, start_ns, end_ns) == expected


@pytest.mark.parametrize(
    ("job", "start_ns", "end_ns", "notes"),
    [
        (RUNNING, ns_from_datetime(CREATED), ns_from_datetime(NOW), ()),
        (RUNNING, ns_from_datetime(CREATED), YEAR_2261, ("The time range was cut to now.",)),
        (RUNNING, 0, None, ("The time range was cut to the job's lifetime: created 2026-11-29 09:00 UTC.",)),
        (
            OVER,
            0,
            YEAR_2261,
            (
                "The time range was cut to the job's lifetime: created 2026-11-29 09:00 UTC to "
                "ended 2026-11-29 11:00 UTC.",
            ),
        ),
    ],
)
def test_note_says_what_was_cut(job: Job, start_ns: int | None, end_ns: int | None, notes: tuple[str, ...]) -> None:
    assert clip(start_ns, end_ns, lifetime_of(job, NOW)).notes == notes


@pytest.mark.parametrize(
    ("start_ns", "end_ns"), [(0, 10**18), (None, 10**18), (YEAR_2261, YEAR_2261), (YEAR_2261 - 10**9, YEAR_2261)]
)
def test_range_outside_the_lifetime_becomes_empty(start_ns: int | None, end_ns: int | None) -> None:
    found = clip(start_ns, end_ns, lifetime_of(OVER, NOW))
    assert found.start_ns is not None
    assert found.end_ns is not None
    assert found.start_ns > found.end_ns
    assert found.notes


def test_moment_is_moved_into_the_lifetime() -> None:
    lifetime = lifetime_of(OVER, NOW)
    inside = ns_from_datetime(ENDED)
    assert [clip_moment(one, lifetime) for one in (0, inside, YEAR_2261)] == [
        lifetime.first_ns,
        inside,
        lifetime.last_ns,
    ]
