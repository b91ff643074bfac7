"""The commands that buttons carry, as a person would type them. `bot.commands.parsing.parser` reads them."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.durations import format_duration
from bot.domain.jobs import JobRef

_BEFORE = timedelta(minutes=5)
_AFTER = timedelta(minutes=1)


def logs_around(job: JobRef, first_at: datetime, last_at: datetime) -> str:
    """Show the log from five minutes before the first time to a minute after the last."""
    return f"logs {job} --start {first_at - _BEFORE:%Y-%m-%dT%H:%M:%SZ} --end {last_at + _AFTER:%Y-%m-%dT%H:%M:%SZ}"


def silence_job(job: JobRef, duration: timedelta) -> str:
    """Silence the job's alerts in this channel for a while."""
    return f"silence {format_duration(duration).replace(' ', '')} {job}"


def unwatch_job(job: JobRef) -> str:
    """Stop sending the job's alerts to this channel."""
    return f"unwatch {job}"


def end_silence(silence_id: int) -> str:
    """End a silence early."""
    return f"silence end {silence_id}"
