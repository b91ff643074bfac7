"""How soon to look at a job again: often while it runs, seldom while it waits, backing off while it fails. Pure.

An upper bound on requests is kept elsewhere, by each provider's limiter (`bot.providers.http.client`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.jobs import JobState


@dataclass(frozen=True, slots=True)
class PollIntervals:
    """Poll intervals. `jitter` shares below are of the interval."""

    running: timedelta = timedelta(seconds=15)
    waiting: timedelta = timedelta(seconds=60)
    """For jobs that are queued, starting, idle or of unknown state."""
    longest: timedelta = timedelta(minutes=10)
    """The longest backoff while a platform does not answer."""
    quiet_factor: float = 2.0
    """A running job that said nothing for `quiet_polls` is looked at this much more seldom."""
    quiet_polls: int = 20
    longest_asked: timedelta = timedelta(minutes=1)
    """The longest wait that a platform may ask for here: what is not looked at cannot be said to be out of sight.
    The platform is not asked the sooner for it: its own limiter obeys the whole (`bot.providers.http.retry`)."""


def next_interval(
    pace: PollIntervals,
    state: JobState,
    *,
    fails: int,
    quiet_polls: int,
    retry_after: timedelta | None,
    jitter: float,
) -> timedelta:
    """Time until the next poll.

    Args:
        pace: the configured intervals.
        state: the job's.
        fails: polls in a row that saw nothing of the job.
        quiet_polls: polls in a row without a new line.
        retry_after: what the platform asked for, obeyed when longer, up to `longest_asked`.
        jitter: a random number from 0 to 1; spreads the polls over ±10 %, failing ones over half to whole.
    """
    interval = pace.running if state in (JobState.RUNNING, JobState.UNHEALTHY) or state.is_terminal else pace.waiting
    if fails:
        backoff = min(pace.longest, interval * 2 ** min(fails - 1, 16))
        interval = max(backoff * (0.5 + 0.5 * jitter), min(interval, pace.running))
    else:
        if quiet_polls >= pace.quiet_polls and not state.is_terminal:
            interval *= pace.quiet_factor
        interval *= 0.9 + 0.2 * jitter
    return interval if retry_after is None else max(interval, min(retry_after, pace.longest_asked))
