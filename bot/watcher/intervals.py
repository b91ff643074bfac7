"""How soon to poll a job again: often while it runs, seldom while it waits, backing off while it fails. Pure.

The total request rate is limited elsewhere, by each provider's limiter (`bot.providers.http`).
"""

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.jobs import JobState
from bot.domain.observations import POLL_INTERVAL


@dataclass(frozen=True, slots=True)
class PollIntervals:
    """Time between two polls of a job."""

    running: timedelta = POLL_INTERVAL
    waiting: timedelta = timedelta(seconds=60)
    """For jobs that are queued, starting, idle or in an unknown state."""
    longest: timedelta = timedelta(minutes=10)
    """The longest backoff while a platform does not answer."""
    longest_retry_after: timedelta = timedelta(minutes=1)
    """Limit on a platform's `Retry-After`: a job that is not polled cannot be reported as unreachable. The platform's
    limiter obeys the full wait, so it receives no request sooner (`bot.providers.http.retry`)."""


def next_interval(
    intervals: PollIntervals,
    state: JobState,
    *,
    fails: int,
    retry_after: timedelta | None,
    jitter: float,
) -> timedelta:
    """Compute the time until the next poll, after `fails` polls that read nothing.

    `retry_after` is what the platform asked for; it counts when longer, up to `longest_retry_after`. `jitter`, from 0
    to 1, spreads polls over ±10 %, failing ones over half to all of the backoff.
    """
    is_active = state in (JobState.RUNNING, JobState.UNHEALTHY) or state.is_terminal
    interval = intervals.running if is_active else intervals.waiting
    if fails:
        backoff = min(intervals.longest, interval * 2 ** min(fails - 1, 16))
        interval = max(backoff * (0.5 + 0.5 * jitter), min(interval, intervals.running))
    else:
        interval *= 0.9 + 0.2 * jitter
    return interval if retry_after is None else max(interval, min(retry_after, intervals.longest_retry_after))
