"""`logs` in Slack: a page, the surroundings of a moment, or everything in a file."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.commands.handlers.job_lifetime import clip_to_lifetime
from bot.commands.handlers.log_file import read_with_file
from bot.commands.handlers.logs import read_page
from bot.commands.handlers.logs_around import read_around
from bot.commands.handlers.recent_jobs import RecentJobs
from bot.commands.handlers.shared_pages import SharedPages, SharingSource
from bot.commands.subcommands.logs import CutReason, LogsAnswer, LogsCommand
from bot.domain.jobs import Job, JobRef
from bot.domain.lifetimes import LATE_LINES
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor

_STATUS_WAIT_S = 0.5
"""How long the answer waits for the job's status, which is requested together with the log."""
_MORE = frozenset({CutReason.NEWER, CutReason.NEWER_UNREAD})


@dataclass(frozen=True, slots=True)
class SharedReads:
    """What the commands of a process request together."""

    jobs: RecentJobs = field(default_factory=RecentJobs)
    pages: SharedPages = field(default_factory=SharedPages)


async def read_logs(
    provider: Provider,
    job: JobRef,
    command: LogsCommand,
    redactor: Redactor,
    now: datetime,
    shared: SharedReads | None = None,
) -> LogsAnswer:
    """Read the lines that the command asks for. A log that is complete has no newer page.

    `shared` has what other commands request.

    Raises:
        UsageError: the pattern is invalid, or the window starts in the future.
        ProviderError: nothing could be read.
    """
    asked, shared = replace(command, ref=str(job)), shared or SharedReads()
    status = asyncio.ensure_future(shared.jobs.find(provider, job))
    try:
        command, notes = await clip_to_lifetime(provider, job, command, now, status)
        answer = await _read(provider, shared.pages, job, command, redactor, now)
        answer = replace(answer, notes=notes, asked=asked)
        if answer.newer is None or command.before_ns is not None or any(cut.reason in _MORE for cut in answer.cuts):
            return answer
        await asyncio.wait({status}, timeout=_STATUS_WAIT_S)
        found = status.result() if status.done() else None
        return replace(answer, newer=None) if found is not None and _is_complete(found, now) else answer
    finally:
        status.cancel()


async def _read(
    provider: Provider, pages: SharedPages, job: JobRef, command: LogsCommand, redactor: Redactor, now: datetime
) -> LogsAnswer:
    if command.needs_file:
        return await read_with_file(provider, job, command, redactor, now)
    source = SharingSource(provider, pages)
    if command.around_ns is not None:
        return await read_around(source, job, command, redactor, now)
    return await read_page(source, job, command, redactor, now)


def _is_complete(job: Job, now: datetime) -> bool:
    """Whether all lines of an ended job have had time to arrive."""
    return job.state.is_terminal and job.ended_at is not None and now - job.ended_at > LATE_LINES
