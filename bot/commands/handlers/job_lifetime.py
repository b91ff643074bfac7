"""Cut the time range of a command to the lifetime of its job, so that a far time costs no requests."""

import asyncio
from dataclasses import replace
from datetime import datetime

from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.jobs import Job, JobRef
from bot.domain.lifetimes import Lifetime, clip, clip_moment, describe_cut, lifetime_of
from bot.errors import ProviderError
from bot.providers.base import Provider

_STATUS_WAIT_S = 5.0
"""How long a log waits for the status of its job. Without it, only the budget of the command limits the reading."""


async def find_job(provider: Provider, ref: JobRef) -> Job | None:
    """Return the job; None if the platform does not report it. The request for its log explains why."""
    try:
        return await provider.get_job(ref)
    except ProviderError:
        return None


async def clip_to_lifetime(
    provider: Provider,
    ref: JobRef,
    command: LogsCommand,
    now: datetime,
    status: asyncio.Future[Job | None] | None = None,
) -> tuple[LogsCommand, tuple[str, ...]]:
    """Return the command with its times within the job's lifetime, and notes on what that changed.

    A command without times needs no status: each platform begins and ends where its log does.

    Args:
        provider: the platform.
        ref: the job.
        command: the command as typed.
        now: the current time.
        status: `find_job`, if it is requested already.
    """
    if not has_times(command):
        return command, ()
    asked = status or asyncio.ensure_future(find_job(provider, ref))
    try:
        await asyncio.wait({asked}, timeout=_STATUS_WAIT_S)
        job = asked.result() if asked.done() else None
    finally:
        if status is None:
            asked.cancel()
    return (command, ()) if job is None else clip_command(command, job, now)


def has_times(command: LogsCommand) -> bool:
    """Whether the command names a time."""
    return command.window != Window() or any(
        at is not None for at in (command.before_ns, command.after_ns, command.around_ns)
    )


def clip_command(command: LogsCommand, job: Job, now: datetime) -> tuple[LogsCommand, tuple[str, ...]]:
    """As `clip_to_lifetime`, for a job whose status is known."""
    lifetime = lifetime_of(job, now)
    window, notes = clip_window(command.window, lifetime, now)
    before_ns, after_ns, around_ns = command.before_ns, command.after_ns, command.around_ns
    # Pages before the lifetime stay reachable: a button leads there only if the log goes on.
    before_ns = None if before_ns is None else min(before_ns, lifetime.last_ns + 1)
    after_ns = None if after_ns is None else max(after_ns, (lifetime.first_ns or 0) - 1)
    around_ns = None if around_ns is None else clip_moment(around_ns, lifetime)
    is_cut_before = after_ns != command.after_ns or (around_ns or 0) > (command.around_ns or 0)
    is_cut_after = before_ns != command.before_ns or (around_ns or 0) < (command.around_ns or 0)
    notes = notes or describe_cut(lifetime, before=is_cut_before, after=is_cut_after)
    clipped = replace(command, window=window, before_ns=before_ns, after_ns=after_ns, around_ns=around_ns)
    return clipped, notes


def clip_window(window: Window, lifetime: Lifetime, now: datetime) -> tuple[Window, tuple[str, ...]]:
    """Return the window within the lifetime, and notes on what that changed."""
    found = clip(window.begin_ns(now), window.end_ns, lifetime)
    return (Window(None, found.start_ns, found.end_ns) if found.notes else window), found.notes
