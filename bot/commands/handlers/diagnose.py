"""`diagnose`: a job's whole log read as a file would be, and what it means. How it is read is in `bot.diagnosis`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.commands.handlers.log_stream import build_query, stream_lines
from bot.commands.parsing.formatting import format_command
from bot.commands.redaction import redact_lines
from bot.commands.subcommands.jobs import DiagnoseCommand, DiagnosisAnswer
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.window import Window
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.gaps import Gap, Part, gap_of
from bot.domain.jobs import JobRef, JobState
from bot.domain.logs import LogLine, Order
from bot.errors import ProviderError
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_job

SLICE = 1000
"""Lines read before others get their turn: some milliseconds."""


async def diagnose(
    provider: Provider, ref: JobRef, command: DiagnoseCommand, reader: PageScanner, redactor: Redactor, now: datetime
) -> DiagnosisAnswer:
    """What the log means, in constant memory whatever its length.

    A platform that fails on the way leaves a gap in the answer.

    Raises:
        ProviderError: the job, or the log's first page, cannot be read.
    """
    job = redact_job(await provider.get_job(ref), redactor)
    query = build_query(job.ref, LogsCommand(command.ref, window=command.window), now)
    end_ns = query.end_ns if query.end_ns is not None else ns_from_datetime(now)
    diagnoser, read, redacted, gaps = Diagnoser(reader), 0, 0, list[Gap]()
    logs = LogsCommand(str(job.ref), window=command.window, limit=None, take=Order.ASC, show=Order.ASC)
    try:
        async with contextlib.aclosing(stream_lines(provider, job.ref, logs, now)) as batches:
            async for batch in batches:
                lines, hidden = await redact_lines(redactor, batch.lines)
                await _feed_politely(diagnoser, lines)
                redacted += hidden
                read += batch.read
                gaps += batch.gaps
    except ProviderError as problem:
        if not read:
            raise
        gaps.append(gap_of(problem, Part.LOGS))
    running = job.state is JobState.RUNNING and query.end_ns is None and not gaps
    window = Window(None, query.start_ns, end_ns)
    return DiagnosisAnswer(
        job=job,
        diagnosis=diagnoser.report(end_ns, running=running),
        start=None if query.start_ns is None else datetime_from_ns(query.start_ns),
        end=datetime_from_ns(end_ns),
        read=read,
        redacted=redacted,
        gaps=tuple(gaps),
        pinned=format_command(replace(command, ref=str(job.ref), window=window)),
    )


async def _feed_politely(diagnoser: Diagnoser, lines: Sequence[LogLine]) -> None:
    """Feed lines in slices, so that nobody else waits for long."""
    for start in range(0, len(lines), SLICE):
        batch = lines[start : start + SLICE]
        diagnoser.feed_many((one.message, one.rank, one.replica, one.timestamp_ns) for one in batch)
        await asyncio.sleep(0)
