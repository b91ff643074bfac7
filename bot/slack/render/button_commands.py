"""The commands that buttons stand for, as a person would type them. `bot.commands.parsing.parser` reads them back."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.durations import format_duration
from bot.domain.jobs import JobRef

_BEFORE = timedelta(minutes=5)
_AFTER = timedelta(minutes=1)


def logs_around(job: JobRef, first_at: datetime, last_at: datetime) -> str:
    """The log from a little before something began to a little after it was last seen."""
    return f"logs {job} --start {first_at - _BEFORE:%Y-%m-%dT%H:%M:%SZ} --end {last_at + _AFTER:%Y-%m-%dT%H:%M:%SZ}"


def silence(job: JobRef, span: timedelta) -> str:
    """No alerts of this job in this channel for a while."""
    return f"silence {format_duration(span).replace(' ', '')} {job}"


def unwatch(job: JobRef) -> str:
    """No more alerts of this job in this channel."""
    return f"unwatch {job}"


def end_silence(silence_id: int) -> str:
    """Hear again before the silence's time."""
    return f"silence end {silence_id}"
