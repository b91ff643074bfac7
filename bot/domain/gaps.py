"""What could not be learned, and why: a value, never an exception and never an empty list.

"No error lines" and "we could not read the log" must not look alike.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from bot.errors import AuthFailed, JobNotFound, NotSupported, ProtocolError, ProviderError, RateLimited


class Part(enum.StrEnum):
    """The parts of an Observation."""

    STATUS = "status"
    LOGS = "logs"
    METRICS = "metrics"


class GapReason(enum.StrEnum):
    """Why something could not be learned."""

    NOT_SUPPORTED = "not_supported"
    """The platform has no such data: normal, never alerted."""
    NOT_FOUND = "not_found"
    AUTH = "auth"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    PROTOCOL = "protocol"
    UNREACHABLE_LINES = "unreachable_lines"
    """Lines exist that the platform's paging cannot give, such as one millisecond with more than a page."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of an Observation that could not be fetched, with the reason."""

    part: Part
    reason: GapReason
    public: str
    """One sentence safe to show."""
    lines: int | None = None
    """How many lines are known to be missing, when that is known."""
    start_ns: int | None = None
    end_ns: int | None = None


def gap_of(problem: ProviderError, part: Part) -> Gap:
    """The gap that an error leaves."""
    match problem:
        case NotSupported():
            reason = GapReason.NOT_SUPPORTED
        case JobNotFound():
            reason = GapReason.NOT_FOUND
        case AuthFailed():
            reason = GapReason.AUTH
        case RateLimited():
            reason = GapReason.RATE_LIMITED
        case ProtocolError():
            reason = GapReason.PROTOCOL
        case _:
            reason = GapReason.UNAVAILABLE
    return Gap(part, reason, problem.public)
