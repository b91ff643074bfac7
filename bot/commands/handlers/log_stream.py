"""Stream the lines of a job's log, page by page, filtered.

One page is filtered while the next is fetched, and at most two are held, so memory does not grow with the log.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands.handlers.log_filter import Filtered, LineFilter, pushed_down_options
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import CutReason, LogsCommand
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef
from bot.domain.logs import LogFilter, LogLine, LogPage, LogQuery, Order
from bot.errors import ProtocolError, UsageError
from bot.providers.base import JobSource, require_applied
from bot.providers.budget import count_lines, within_budget
from bot.redaction.line_redactor import LineRedactor, count_hidden, hidden_lines
from bot.redaction.redactor import Redactor

PAGE_LINES = 10_000
"""Lines to request from a platform at once; it may return fewer."""
_FIRST_SLICE = 250
_SLICE_S = 0.005
"""How long filtering may block the event loop."""
_SHORT_CHARS = 50_000
"""Text up to this length is redacted within some milliseconds; longer text is redacted in a thread."""
_NO_FILTER = LogFilter()
_MAX_STANDSTILLS = 20
"""Consecutive pages without lines and without progress before reading stops."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One page after filtering, in reading order."""

    lines: list[LogLine]
    read: int
    """Lines that came from the platform."""
    dropped: Mapping[CutReason, int]
    """Number of lines that our filters dropped, by reason."""
    last_ns: int | None
    """Timestamp of the last line read, dropped or not; None for an empty page."""
    more: bool
    """Whether the platform has more lines."""
    gaps: tuple[Gap, ...] = ()
    pushed_down: tuple[str, ...] = ()
    """The options of filters that the platform applied."""
    reached_ns: int | None = None
    """As `LogPage.reached_ns`."""


def build_query(job: JobRef, command: LogsCommand, now: datetime) -> LogQuery:
    """The query for the command's window, narrowed by the timestamps that it pages from.

    Raises:
        UsageError: the window starts in the future.
    """
    window = command.window
    require_started(window, now)
    start_ns = window.begin_ns(now)
    end_ns = window.end_ns
    step_ns = 0 if command.skip else 1
    if command.after_ns is not None:
        start_ns = max(command.after_ns + step_ns, start_ns if start_ns is not None else 0)
    if command.before_ns is not None:
        last_ns = command.before_ns - step_ns
        end_ns = last_ns if end_ns is None else min(last_ns, end_ns)
    order = command.show if command.limit is None and command.before_ns is None else command.take
    if command.after_ns is not None:
        order = Order.ASC
    return LogQuery(job, start_ns, end_ns, order, lines_to_request(command.limit, command.filter), command.filter)


def lines_to_request(wanted: int | None, line_filter: LogFilter) -> int:
    """The number of lines to request at once: one more than wanted, or a whole page if not all will be kept."""
    return PAGE_LINES if wanted is None or line_filter != _NO_FILTER else min(wanted + 1, PAGE_LINES)


def require_started(window: Window, now: datetime) -> None:
    """Refuse a window that starts in the future, which usually means a time of another zone.

    Raises:
        UsageError: names the current time.
    """
    if window.start_ns is not None and window.start_ns > ns_from_datetime(now):
        raise UsageError(
            f"`--start` is in the future; it is {now:%Y-%m-%d %H:%M} UTC now. "
            "Times are in your time zone unless they name one, such as UTC or +02:00."
        )


async def redact_lines(
    redactor: Redactor | LineRedactor, lines: Sequence[LogLine], wanted: LogFilter = _NO_FILTER
) -> tuple[Sequence[LogLine], int]:
    """Return the lines without secrets and the number of secrets, without blocking the event loop for long.

    `wanted` is the filter with which the lines were read: what `stream_lines` hid because of it counts too.
    """
    before = count_hidden(lines) if wanted != _NO_FILTER else 0
    if sum(len(line.message) for line in lines) <= _SHORT_CHARS:
        shown, hidden = redactor.redact_lines(lines)
    else:
        shown, hidden = await asyncio.to_thread(redactor.redact_lines, lines)
    return shown, before + hidden


async def stream_lines(
    provider: JobSource, query: LogQuery, redactor: Redactor | None = None
) -> AsyncGenerator[Batch, None]:
    """All lines of the query's window that pass its filter, in the query's order.

    With `redactor`, secrets are hidden whose names the filter drops; the caller hides the others. Close the generator
    (`contextlib.aclosing`) when stopping early.

    Raises:
        UsageError: the pattern is invalid.
        ProviderError: the platform failed; earlier batches remain valid.
    """
    line_filter = LineFilter(query.filter)
    hider = LineRedactor(redactor, query.order) if redactor is not None and query.filter != _NO_FILTER else None
    if query.start_ns is not None and query.end_ns is not None and query.start_ns > query.end_ns:
        return
    async with contextlib.aclosing(_pages(provider, query, prefetch=query.limit >= PAGE_LINES)) as pages:
        async for page in pages:
            filtered = await _filter_in_slices(line_filter, page.lines)
            kept = filtered.lines
            if hider is not None:
                shown, _ = await redact_lines(hider, page.lines)
                kept = hidden_lines(kept, page.lines, shown)
            yield Batch(
                lines=list(kept),
                read=len(page.lines),
                dropped=filtered.dropped,
                last_ns=page.lines[-1].timestamp_ns if page.lines else None,
                more=page.more and page.cursor is not None,
                gaps=page.gaps,
                pushed_down=pushed_down_options(page.pushed_down),
                reached_ns=page.reached_ns,
            )


async def _filter_in_slices(line_filter: LineFilter, lines: Sequence[LogLine]) -> Filtered:
    """Filter in slices of some milliseconds, yielding to the event loop."""
    kept: list[LogLine] = []
    dropped: Counter[CutReason] = Counter()
    size, position = _FIRST_SLICE, 0
    while position < len(lines):
        begun = time.perf_counter()
        part = line_filter.apply(lines[position : position + size])
        kept += part.lines
        dropped.update(part.dropped)
        position += size
        took_s = time.perf_counter() - begun
        size = min(max(int(size * _SLICE_S / (took_s + 1e-9)), 10), PAGE_LINES)
        if position < len(lines):
            await asyncio.sleep(0)
    return Filtered(kept, dropped)


async def _pages(provider: JobSource, query: LogQuery, *, prefetch: bool) -> AsyncGenerator[LogPage, None]:
    """Pages to the end; with `prefetch`, the next one is requested while this one is processed."""
    following: asyncio.Future[LogPage] | None = None
    standstills = 0
    try:
        while True:
            async with within_budget(last_resort=True):
                page = await (following or provider.query_logs(query))
            following = None
            require_applied(query, page)
            count_lines(len(page.lines), page.lines[-1].timestamp_ns if page.lines else page.reached_ns)
            standstills = 0 if page.lines or page.cursor != query.cursor else standstills + 1
            if standstills > _MAX_STANDSTILLS:
                text = f"{provider.name} reports more lines but returns none. The log is read up to that point."
                raise ProtocolError(text, provider=provider.name)
            last = not page.more or page.cursor is None
            query = replace(query, cursor=page.cursor)
            if prefetch and not last:
                following = asyncio.ensure_future(provider.query_logs(query))
                await asyncio.sleep(0)  # let the request start before this page is filtered
            yield page
            if last:
                return
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
