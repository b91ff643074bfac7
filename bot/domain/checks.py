"""One thing `trainwatch check` looked at: what is wrong with it and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check."""

    subject: str
    """What was looked at: `Slack bot token`, `Database schema`, `baseten`."""
    ok: bool
    found: str
    """What is so: `team Acme, bot @trainwatch`, or what is wrong."""
    remedy: str | None = None
    """What to do about it; None when it is fine."""
