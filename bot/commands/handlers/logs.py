"""`logs` in Slack: one page of a log as an answer, with the commands for the pages before and after it.

Paging neither loses nor repeats a line: a page never ends inside a nanosecond, and the next one starts before or after
it. All times in those commands are absolute. A shell streams the lines instead (`log_stream`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.commands.handlers.log_filter import cuts_of
from bot.commands.handlers.log_page import PAGE_LIMITS, PageLimits, PageReading, PageStart, ReadPage, read_lines
from bot.commands.handlers.log_stream import build_query, redact_lines
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import Cut, LogsAnswer, LogsCommand
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.jobs import JobRef
from bot.domain.logs import LogFilter, LogQuery, Order
from bot.providers.base import JobSource
from bot.redaction.line_redactor import LineRedactor
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps


async def read_page(
    provider: JobSource,
    job: JobRef,
    command: LogsCommand,
    redactor: Redactor,
    now: datetime,
    *,
    limits: PageLimits = PAGE_LIMITS,
) -> LogsAnswer:
    """Read the page that the command asks for.

    Raises:
        UsageError: the pattern is invalid, or the window starts in the future.
        ProviderError: nothing could be read. A failure after the first lines is a gap in the answer.
    """
    limit = min(command.limit or limits.lines, limits.lines)
    command = replace(command, limit=limit)
    query = build_query(job, command, now)
    reading = await read_lines(provider, query, limit, limits, now, start=PageStart.of(command), redactor=redactor)
    page = reading.page()
    shown, redacted = await redact_lines(LineRedactor(redactor, query.order), page.lines, query.filter)
    lines = shown if query.order is command.show else shown[::-1]
    answer = page_answer(query, command, page, reading, now)
    return replace(answer, lines=tuple(lines), redacted=redacted, gaps=redact_gaps(reading.gaps, redactor))


def page_answer(
    query: LogQuery, command: LogsCommand, page: ReadPage, reading: PageReading, now: datetime
) -> LogsAnswer:
    """The answer without its lines: what the page leaves out, and the commands for the pages before and after it."""
    ascending = query.order is Order.ASC
    newest_ns = max((line.timestamp_ns for line in page.lines), default=0)
    end_ns = query.end_ns if query.end_ns is not None else max(ns_from_datetime(now), newest_ns)
    window = command.window
    start_ns = window.begin_ns(now)
    base = replace(command, ref=str(query.job), window=Window(None, start_ns, window.end_ns))
    older, newer = _neighbors(command, page, ascending=ascending)
    return LogsAnswer(
        job=query.job,
        lines=(),
        start=None if query.start_ns is None else datetime_from_ns(query.start_ns),
        end=datetime_from_ns(end_ns),
        read=reading.read,
        pinned=replace(base, window=Window(None, start_ns, end_ns if window.end_ns is None else window.end_ns)),
        cuts=_cuts(page, reading, command.filter, ascending=ascending),
        older=None if older is None else page_before(base, older),
        newer=None if newer is None else page_after(base, newer),
    )


def page_before(command: LogsCommand, start: PageStart) -> LogsCommand:
    """The command for the page of older lines that starts there."""
    return replace(command, take=Order.DESC, before_ns=start.at_ns, after_ns=None, skip=start.skip)


def page_after(command: LogsCommand, start: PageStart) -> LogsCommand:
    """The command for the page of newer lines that starts there."""
    return replace(command, take=Order.ASC, before_ns=None, after_ns=start.at_ns, skip=start.skip)


def _neighbors(command: LogsCommand, page: ReadPage, *, ascending: bool) -> tuple[PageStart | None, PageStart | None]:
    """Where the pages before and after this one start; None at an end of the log.

    Back from a page that started inside a nanosecond, all lines of that nanosecond are shown again.
    """
    onward = page.onward(ascending=ascending)
    first_ns = page.lines[0].timestamp_ns if page.lines else None
    is_open = command.window.end_ns is None
    inside = 1 if command.skip else 0
    if ascending:
        back = first_ns if first_ns is not None else (command.after_ns or 0) + 1
        newest = PageStart(page.lines[-1].timestamp_ns) if page.lines and is_open else None
        return (PageStart(back + inside) if command.after_ns is not None else None), onward or newest
    ahead = first_ns if first_ns is not None else (command.before_ns or 0) - 1
    has_newer = command.before_ns is not None or (is_open and first_ns is not None)
    return onward, (PageStart(ahead - inside) if has_newer else None)


def _cuts(page: ReadPage, reading: PageReading, wanted: LogFilter, *, ascending: bool) -> tuple[Cut, ...]:
    after = page.cut(ascending=ascending)
    return (*cuts_of(reading.dropped, reading.pushed_down, wanted), *([after] if after else []))
