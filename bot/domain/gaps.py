"""Gaps: parts of an observation that could not be fetched, with the reason.

A gap is a value because "no error lines" and "the log could not be read" must stay distinct.
"""

import enum
from dataclasses import dataclass

from bot.errors import AuthFailed, BudgetExhausted, JobNotFound, NotSupported, ProtocolError, ProviderError, RateLimited


class Part(enum.StrEnum):
    """Parts of an Observation."""

    STATUS = "status"
    LOGS = "logs"
    METRICS = "metrics"


class GapReason(enum.StrEnum):
    """Why a part could not be fetched."""

    NOT_SUPPORTED = "not_supported"
    """The platform has no such data. This never causes an alert."""
    NOT_FOUND = "not_found"
    AUTH = "auth"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    PROTOCOL = "protocol"
    INTERNAL = "internal"
    """A bug of trainwatch."""
    UNREACHABLE_LINES = "unreachable_lines"
    """The platform's paging cannot return some lines, such as more than a page with the same millisecond."""
    STOPPED = "stopped"
    """The command used up its budget, or a person stopped it."""
    MISTIMED_LINES = "mistimed_lines"
    """Lines have a time outside the range that they were requested for. They may be shown with another line's time."""
    INVALID_SAMPLES = "invalid_samples"
    """Samples of a metric cannot be true or came in another unit. The other samples are complete."""


_PARTIAL = (GapReason.UNREACHABLE_LINES, GapReason.MISTIMED_LINES)
_NO_OUTAGE = frozenset((*_PARTIAL, GapReason.NOT_SUPPORTED, GapReason.STOPPED, GapReason.INVALID_SAMPLES))
_REASONS = (
    (NotSupported, GapReason.NOT_SUPPORTED),
    (JobNotFound, GapReason.NOT_FOUND),
    (AuthFailed, GapReason.AUTH),
    (RateLimited, GapReason.RATE_LIMITED),
    (ProtocolError, GapReason.PROTOCOL),
    (BudgetExhausted, GapReason.STOPPED),
)


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of an Observation that could not be fetched."""

    part: Part
    reason: GapReason
    public: str
    """One sentence that is safe to show to anyone."""
    lines: int | None = None
    """Number of missing lines, if known."""
    samples: int | None = None
    """Number of samples that cannot be true."""
    start_ns: int | None = None
    end_ns: int | None = None

    @property
    def is_of_platform(self) -> bool:
        """Whether the reason concerns the platform, and so all its jobs."""
        return self.reason in (GapReason.UNAVAILABLE, GapReason.RATE_LIMITED, GapReason.AUTH)

    @property
    def is_outage(self) -> bool:
        """Whether the platform offers this part and failed to give it."""
        return self.reason not in _NO_OUTAGE

    @property
    def is_partial(self) -> bool:
        """Whether it concerns some lines of a log that was read."""
        return self.reason in _PARTIAL


def gap_of(problem: ProviderError, part: Part) -> Gap:
    """Return the gap that a provider error causes."""
    reason = next((reason for kind, reason in _REASONS if isinstance(problem, kind)), GapReason.UNAVAILABLE)
    return Gap(part, reason, problem.public)
