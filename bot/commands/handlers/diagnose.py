"""`diagnose`: what the log of a job means. `bot.diagnosis` reads it as it would read a file."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.commands.handlers.job_lifetime import clip_window
from bot.commands.handlers.log_stream import build_query, redact_lines, stream_lines
from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.jobs import DiagnoseCommand, DiagnosisAnswer
from bot.commands.subcommands.logs import LogsCommand
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.last_lines import LastLinesReader
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.gaps import Gap, Part, gap_of
from bot.domain.jobs import JobRef, JobState
from bot.domain.lifetimes import lifetime_of
from bot.domain.logs import LogLine
from bot.errors import BudgetExhausted, ProviderError
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps, redact_job

_SLICE_LINES = 1000
"""Lines to diagnose before yielding to the event loop; some milliseconds."""


async def diagnose(
    provider: Provider, ref: JobRef, command: DiagnoseCommand, scanner: PageScanner, redactor: Redactor, now: datetime
) -> DiagnosisAnswer:
    """Diagnose the log, in memory that does not grow with its length.

    Raises:
        UsageError: the window starts in the future.
        ProviderError: the job or the first page of the log cannot be read. A later failure is a gap in the answer.
    """
    job = redact_job(await provider.get_job(ref), redactor)
    window, notes = clip_window(command.window, lifetime_of(job, now), now)
    query = build_query(job.ref, LogsCommand(str(job.ref), window, limit=None), now)
    end_ns = query.end_ns if query.end_ns is not None else ns_from_datetime(now)
    diagnoser, last, read, redacted, gaps = Diagnoser(scanner), LastLinesReader(), 0, 0, list[Gap]()
    reached_ns = query.start_ns
    try:
        async with contextlib.aclosing(stream_lines(provider, query)) as batches:
            async for batch in batches:
                lines, hidden = await redact_lines(redactor, batch.lines)
                await _feed(diagnoser, last, lines)
                redacted += hidden
                read += batch.read
                gaps += batch.gaps
                reached_ns = batch.last_ns or batch.reached_ns or reached_ns
    except ProviderError as problem:
        is_stopped = isinstance(problem, BudgetExhausted)
        if not read and not is_stopped:
            raise
        gaps.append(gap_of(problem, Part.LOGS))
        if is_stopped:
            rest = replace(command, ref=str(job.ref), window=Window(None, reached_ns, end_ns))
            notes = (*notes, f"To read on, use `{format_command(rest)}`.")
    running = job.state is JobState.RUNNING and query.end_ns is None and not gaps
    return DiagnosisAnswer(
        job=job,
        pinned=replace(command, ref=str(job.ref), window=Window(None, query.start_ns, end_ns)),
        diagnosis=replace(diagnoser.report(end_ns, running=running), last_lines=last.result()),
        start=None if query.start_ns is None else datetime_from_ns(query.start_ns),
        end=datetime_from_ns(end_ns),
        read=read,
        redacted=redacted,
        gaps=redact_gaps(gaps, redactor),
        notes=notes,
    )


async def _feed(diagnoser: Diagnoser, last: LastLinesReader, lines: Sequence[LogLine]) -> None:
    """Feed lines in slices, yielding to the event loop."""
    for start in range(0, len(lines), _SLICE_LINES):
        batch = lines[start : start + _SLICE_LINES]
        diagnoser.feed_many((one.message, one.rank, one.replica, one.timestamp_ns) for one in batch)
        last.feed(batch)
        await asyncio.sleep(0)
