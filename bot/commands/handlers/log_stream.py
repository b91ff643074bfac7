"""Reading a job's log page after page, filtered: what `run.py` makes answers of and `trainwatch logs` prints.

One page is filtered while the next is fetched, and no more than two are held, so a log of any length takes the same
memory. Which lines are on which page of an answer is decided in `log_pages.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands.handlers.log_filter import Filtered, LineFilter, pushed_down_options
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.window import Window
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, LogPage, LogQuery, Order
from bot.errors import ProtocolError, UsageError
from bot.providers.base import Provider

PAGE_LINES = 10_000
"""Asked of a platform at once; it may give fewer."""
_FIRST_SLICE = 250
_SLICE_S = 0.005
"""How long filtering may keep the loop busy."""
_MAX_STANDSTILLS = 20
"""Pages in a row without lines and without progress, before we say that the platform runs in circles."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One page after filtering, in reading order."""

    lines: list[LogLine]
    read: int
    """Lines that came from the platform."""
    dropped: Mapping[str, int]
    """Lines that our filters took, by reason."""
    last_ns: int | None
    """Timestamp of the last line read, kept or not; None for an empty page."""
    more: bool
    """Whether another batch follows, as far as the platform says."""
    gaps: tuple[Gap, ...] = ()
    pushed_down: tuple[str, ...] = ()
    """Options that the platform applied itself, as typed."""


async def stream_lines(
    provider: Provider, job: JobRef, command: LogsCommand, now: datetime
) -> AsyncGenerator[Batch, None]:
    """All lines that the command's window and filter let through; its limit is the caller's to keep.

    They come in the order of `reading_order(command)`. Close the generator (`contextlib.aclosing`) when stopping early.

    Raises:
        UsageError: the pattern is none.
        ProviderError: the platform failed; batches given before stand.
    """
    line_filter = LineFilter(command.filter)
    query = build_query(job, command, now)
    if query.start_ns is not None and query.end_ns is not None and query.start_ns > query.end_ns:
        return
    async with contextlib.aclosing(_pages(provider, query, ahead=_wants_several_pages(command))) as pages:
        async for page in pages:
            filtered = await _filter_politely(line_filter, page.lines)
            yield Batch(
                lines=list(filtered.lines),
                read=len(page.lines),
                dropped=filtered.dropped,
                last_ns=page.lines[-1].timestamp_ns if page.lines else None,
                more=page.more and page.cursor is not None,
                gaps=page.gaps,
                pushed_down=pushed_down_options(page.pushed_down),
            )


def reading_order(command: LogsCommand) -> Order:
    """From which end of the window lines are read."""
    if command.after_ns is not None:
        return Order.ASC
    if command.limit is None and command.before_ns is None:
        return command.show
    return command.take


def build_query(job: JobRef, command: LogsCommand, now: datetime) -> LogQuery:
    """The query for the command's window, narrowed by where it pages on from.

    Raises:
        UsageError: the window has not begun.
    """
    window = command.window
    require_begun(window, now)
    start_ns, end_ns = window.start_ns, window.end_ns
    if window.since is not None:
        start_ns = ns_from_datetime(now - window.since)
    if command.after_ns is not None:
        start_ns = max(command.after_ns + 1, start_ns if start_ns is not None else 0)
    if command.before_ns is not None:
        end_ns = command.before_ns - 1 if end_ns is None else min(command.before_ns - 1, end_ns)
    few = None if command.limit is None else command.limit + 1
    return LogQuery(
        job=job,
        start_ns=start_ns,
        end_ns=end_ns,
        order=reading_order(command),
        limit=PAGE_LINES if few is None or _filters(command) else min(few, PAGE_LINES),
        filter=command.filter,
    )


def require_begun(window: Window, now: datetime) -> None:
    """Nothing can be found in a window that lies ahead.

    Raises:
        UsageError: it does; the likely reason is a time of another zone.
    """
    if window.start_ns is not None and window.start_ns > ns_from_datetime(now):
        when = f"{now:%Y-%m-%d %H:%M} UTC"
        raise UsageError(f"`--start` lies ahead: it is {when} now. Times are UTC unless they name a zone (+02:00).")


def _filters(command: LogsCommand) -> bool:
    return command.filter != type(command.filter)()


def _wants_several_pages(command: LogsCommand) -> bool:
    return command.limit is None or command.limit >= PAGE_LINES or _filters(command)


async def _filter_politely(line_filter: LineFilter, lines: Sequence[LogLine]) -> Filtered:
    """Filter in slices of some milliseconds, so that a costly pattern keeps nobody else waiting."""
    kept: list[LogLine] = []
    dropped: Counter[str] = Counter()
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


async def _pages(provider: Provider, query: LogQuery, *, ahead: bool) -> AsyncGenerator[LogPage, None]:
    """Pages to the end, each asked for before the one before it is looked at when `ahead`."""
    following: asyncio.Task[LogPage] | None = None
    standstills = 0
    try:
        while True:
            page = await (following or provider.query_logs(query))
            following = None
            standstills = 0 if page.lines or page.cursor != query.cursor else standstills + 1
            if standstills > _MAX_STANDSTILLS:
                text = f"{provider.name} says that there are more lines and gives none; the log is read up to there."
                raise ProtocolError(text, provider=provider.name)
            last = not page.more or page.cursor is None
            query = replace(query, cursor=page.cursor)
            if ahead and not last:
                following = asyncio.create_task(_fetch(provider, query))
                await asyncio.sleep(0)  # so that the request is on its way while this page is filtered
            yield page
            if last:
                return
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _fetch(provider: Provider, query: LogQuery) -> LogPage:
    return await provider.query_logs(query)
