"""Listings: what a platform returned when it was asked for all its jobs."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.job_matching import KnownJob
from bot.domain.jobs import Job, JobRef, JobState

MAX_LISTED = 5_000
"""Jobs of one listing; older ones are not listed."""
LISTINGS_PER_POLL = 2.5
"""Listings in one poll interval: a killed process may waste one, and its claim has to expire."""
EVERY_JOB = "*"
"""In place of an id: a notification is about a platform."""


@dataclass(frozen=True, slots=True)
class ListingState:
    """What is known of the listings of one platform."""

    listed_at: datetime | None = None
    """When the last listing that succeeded began; None: none did yet."""
    jobs: int = 0
    """Number of jobs in it."""
    requests: int = 0
    """Number of requests that it took."""
    is_cut: bool = False
    """Whether the platform may have more jobs than were listed."""
    has_owners: bool = True
    """Whether the platform names who started a job."""
    fails: int = 0
    """Consecutive listings that failed since then."""
    failing_since: datetime | None = None
    problem: str = ""
    """Why the last one failed; redacted."""
    announced_in: tuple[str, ...] = ()
    """The channels that were notified that listings fail."""
    over_limit: tuple[int, ...] = ()
    """Ids of the patterns whose limit keeps out jobs of the platform."""


@dataclass(frozen=True, slots=True)
class ClaimedListing:
    """A platform to list, ours until the lease ends."""

    provider: str
    token: str
    state: ListingState
    has_patterns: bool
    """False: it is listed only for people who pick jobs."""


@dataclass(frozen=True, slots=True)
class ListingResult:
    """A listing to save."""

    claimed: ClaimedListing
    state: ListingState
    next_due_at: datetime
    jobs: tuple[KnownJob, ...] | None = None
    """None: the listing failed."""


@dataclass(frozen=True, slots=True)
class JoinedJobs:
    """The new jobs of one listing that a channel watches from now on, because they match its patterns."""

    patterns: tuple[str, ...]
    """As they are typed."""
    count: int
    first: tuple[KnownJob, ...]
    """The first few."""
    over_limit: tuple["OverLimit", ...] = ()


@dataclass(frozen=True, slots=True)
class OverLimit:
    """A pattern that has reached its limit."""

    pattern: str
    limit: int
    skipped: int
    """Number of matching jobs that are not watched."""


def about_platform(provider: str) -> Job:
    """Return what a notification names that is about no single job of a platform."""
    return Job(JobRef(provider, EVERY_JOB), JobState.UNKNOWN, "")
