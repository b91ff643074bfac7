"""How soon a job is polled again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.jobs import JobState
from bot.watcher.intervals import PollIntervals, next_interval

INTERVALS = PollIntervals(running=timedelta(seconds=10), waiting=timedelta(seconds=60), longest=timedelta(minutes=10))


def interval(state: JobState = JobState.RUNNING, **changes: object) -> float:
    settings: dict[str, object] = {"fails": 0, "retry_after": None, "jitter": 0.5} | changes
    return next_interval(INTERVALS, state, **settings).total_seconds()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "seconds"), [(JobState.RUNNING, 10), (JobState.QUEUED, 60), (JobState.UNKNOWN, 60), (JobState.FAILED, 10)]
)
def test_waiting_jobs_are_polled_less_often(state: JobState, seconds: float) -> None:
    assert interval(state) == seconds


def test_failing_polls_back_off_up_to_the_maximum() -> None:
    waits = [interval(fails=fails) for fails in range(1, 12)]

    assert waits == sorted(waits)
    assert waits[0] >= 10 * 0.5
    assert waits[-1] <= 600


@pytest.mark.parametrize(("asked_s", "waited_s"), [(5, 10), (45, 45), (3600, 60)])
def test_retry_after_is_obeyed_up_to_a_minute(asked_s: float, waited_s: float) -> None:
    """The limiter waits for the rest, but a job that is not polled cannot be reported as unreachable."""
    assert interval(retry_after=timedelta(seconds=asked_s)) == waited_s


def test_jitter_spreads_polls_by_a_tenth() -> None:
    assert (interval(jitter=0.0), interval(jitter=1.0)) == (9.0, 11.0)
