"""Cut a time range to the time in which a job can have logged and measured. Pure.

A range that reaches far beyond costs requests for years in which nothing can be. A note says what was cut.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.durations import ns_from_datetime
from bot.domain.jobs import Job

_BEFORE_CREATION = timedelta(minutes=1)
_CLOCK_SKEW = timedelta(minutes=1)
"""How far the clock of a platform may be ahead of ours."""
_LARGEST_SKEW = timedelta(days=1)
"""The same, when the job's last change shows it."""
LATE_LINES = timedelta(minutes=5)
"""How long after the end of a job lines of its log may arrive."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a job can have logged, in nanoseconds since the epoch."""

    first_ns: int | None
    """None: it is not known when the job was created."""
    last_ns: int
    created_at: datetime | None = None
    ended_at: datetime | None = None
    """None: the job may still log."""


@dataclass(frozen=True, slots=True)
class ClippedRange:
    """A time range within a lifetime; both bounds are inclusive, and None is open."""

    start_ns: int | None
    end_ns: int | None
    notes: tuple[str, ...] = ()
    """What was cut, in a sentence."""


def lifetime_of(job: Job, now: datetime) -> Lifetime:
    """Return the lifetime of a job that a platform has just reported."""
    known = [at for at in (job.created_at, job.started_at) if at is not None]
    created_at = min(known, default=None)
    ended_at = job.ended_at if job.state.is_terminal else None
    if ended_at is not None and created_at is not None and ended_at < created_at:
        ended_at = None  # One of the two is wrong, so the end is not known.
    latest = now if job.updated_at is None else max(now, min(job.updated_at, now + _LARGEST_SKEW))
    last = latest + _CLOCK_SKEW if ended_at is None else min(ended_at + LATE_LINES, latest + _CLOCK_SKEW)
    first = None if created_at is None else min(created_at, now) - _BEFORE_CREATION
    first_ns = None if first is None else max(0, ns_from_datetime(first))
    return Lifetime(first_ns, max(ns_from_datetime(last), first_ns or 0), created_at, ended_at)


def clip(start_ns: int | None, end_ns: int | None, lifetime: Lifetime) -> ClippedRange:
    """Cut a range to a lifetime. Open bounds stay open; a range outside becomes empty: it starts after its end."""
    first_ns, last_ns = lifetime.first_ns, lifetime.last_ns
    bounds = [bound for bound in (start_ns, end_ns) if bound is not None]
    is_cut_before = first_ns is not None and bool(bounds) and min(bounds) < first_ns
    is_cut_after = end_ns is not None and end_ns > last_ns
    notes = describe_cut(lifetime, before=is_cut_before, after=is_cut_after)
    if is_cut_before and first_ns is not None:
        start_ns = max(start_ns or 0, first_ns)
    return ClippedRange(start_ns, last_ns if is_cut_after else end_ns, notes)


def clip_moment(at_ns: int, lifetime: Lifetime) -> int:
    """Return the moment of a lifetime that is nearest to a time."""
    return max(min(at_ns, lifetime.last_ns), lifetime.first_ns or 0)


def describe_cut(lifetime: Lifetime, *, before: bool, after: bool) -> tuple[str, ...]:
    """Say at which ends a range was cut, and why; nothing when it was not."""
    bounds = []
    if before and lifetime.created_at is not None:
        bounds.append(f"created {lifetime.created_at:%Y-%m-%d %H:%M} UTC")
    if after:
        ended_at = lifetime.ended_at
        bounds.append("now" if ended_at is None else f"ended {ended_at:%Y-%m-%d %H:%M} UTC")
    if not bounds:
        return ()
    if bounds == ["now"]:
        return ("The time range was cut to now.",)
    return (f"The time range was cut to the job's lifetime: {' to '.join(bounds)}.",)
