"""Health checks: their results, and what counts as healthy in the terminal and in App Home."""

import enum
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.jobs import JobRef

POLL_LOOP = "poll"
DELIVERY_LOOP = "deliver"
PURGE_LOOP = "purge"
REMINDER_LOOP = "remind"
CLOCK_LOOP = "clock"
DIGEST_LOOP = "digest"
BOARD_LOOP = "boards"
HOME_LOOP = "home"
LISTING_LOOP = "list"
"""The background loops, by the names of their heartbeats."""

CANARY_JOB = JobRef("trainwatch", "canary")
"""The job of the synthetic incidents."""

HEARTBEAT_STALE = timedelta(minutes=2)
"""A loop with an older heartbeat is dead or stuck; loops beat every few seconds."""

ON_TIME = timedelta(seconds=30)
"""Polls and messages that have waited less than this are on time."""


class Fixer(enum.StrEnum):
    """Who can fix a problem."""

    ANYONE = "anyone here"
    INSTALLER = "whoever installed the Slack app"
    OPERATOR = "whoever runs trainwatch"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check."""

    subject: str
    """What was checked: `Slack bot token`, `Database schema`, `baseten`."""
    ok: bool
    found: str
    """What was found: `team Acme, bot @trainwatch`, or what is wrong."""
    remedy: str | None = None
    """How to fix it; None when there is nothing to fix. Something that is ok may still be improved."""
    fixer: Fixer = Fixer.OPERATOR
