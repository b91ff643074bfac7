"""`logs` in Slack: a page, the surroundings of a moment, or everything in a file."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from bot.commands.handlers.log_file import read_with_file
from bot.commands.handlers.logs import read_page
from bot.commands.handlers.logs_around import read_around
from bot.commands.subcommands.logs import CutReason, LogsAnswer, LogsCommand
from bot.domain.jobs import JobRef
from bot.errors import ProviderError
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor

_STATUS_WAIT_S = 0.5
"""How long the answer waits for the job's status, which is requested together with the log."""
_LATE_LINES = timedelta(minutes=5)
"""How long after the end of a job lines of its log may arrive."""
_MORE = frozenset({CutReason.NEWER, CutReason.NEWER_UNREAD})


async def read_logs(
    provider: Provider, job: JobRef, command: LogsCommand, redactor: Redactor, now: datetime
) -> LogsAnswer:
    """Read the lines that the command asks for. A log that is complete has no newer page.

    Raises:
        UsageError: the pattern is invalid, or the window starts in the future.
        ProviderError: nothing could be read.
    """
    is_complete = asyncio.ensure_future(_is_complete(provider, job, now))
    try:
        answer = await _read(provider, job, command, redactor, now)
        if answer.newer is None or command.before_ns is not None or any(cut.reason in _MORE for cut in answer.cuts):
            return answer
        await asyncio.wait({is_complete}, timeout=_STATUS_WAIT_S)
        return replace(answer, newer=None) if is_complete.done() and is_complete.result() else answer
    finally:
        is_complete.cancel()


async def _read(provider: Provider, job: JobRef, command: LogsCommand, redactor: Redactor, now: datetime) -> LogsAnswer:
    if command.needs_file:
        return await read_with_file(provider, job, command, redactor, now)
    if command.around_ns is not None:
        return await read_around(provider, job, command, redactor, now)
    return await read_page(provider, job, command, redactor, now)


async def _is_complete(provider: Provider, job: JobRef, now: datetime) -> bool:
    """Whether all lines of an ended job have had time to arrive; False if that is not known."""
    try:
        found = await provider.get_job(job)
    except ProviderError:
        return False
    return found.state.is_terminal and found.ended_at is not None and now - found.ended_at > _LATE_LINES
