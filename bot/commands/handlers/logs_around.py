"""`logs --around`: the line nearest to a time, with lines before and after it, for both frontends.

Two readings start at the time, one in each direction, and stop after the lines that are shown. So the number of
requests depends on neither the density of the log nor its length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.commands.handlers.log_filter import cuts_of
from bot.commands.handlers.log_page import PAGE_LIMITS, PageLimits, PageReading, PageStart, ReadPage, read_lines
from bot.commands.handlers.log_stream import lines_to_request, redact_lines
from bot.commands.handlers.logs import page_after, page_before
from bot.commands.subcommands.logs import DEFAULT_CONTEXT, LogsAnswer, LogsCommand
from bot.domain.gaps import Part, gap_of
from bot.domain.jobs import JobRef
from bot.domain.levels import level_of
from bot.domain.logs import Level, LogLine, LogQuery, Order
from bot.errors import ProviderError
from bot.providers.base import JobSource
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps


async def read_around(
    provider: JobSource,
    job: JobRef,
    command: LogsCommand,
    redactor: Redactor,
    now: datetime,
    *,
    limits: PageLimits = PAGE_LIMITS,
) -> LogsAnswer:
    """Read the lines around the command's time, oldest first.

    Raises:
        UsageError: the pattern is invalid.
        ProviderError: nothing could be read. If one direction could be read, the failure is a gap in the answer.
    """
    assert command.around_ns is not None
    # One more than the context, because the nearest line is in one of the directions.
    count, wanted = command.context + 1, command.filter
    lines = lines_to_request(count, wanted)
    queries = (
        LogQuery(job, None, command.around_ns - 1, Order.DESC, lines, wanted),
        LogQuery(job, command.around_ns, None, Order.ASC, lines, wanted),
    )
    hides = redactor if command.redact else None
    readings = await asyncio.gather(*(_read(provider, query, count, limits, now, hides) for query in queries))
    if all(isinstance(one, ProviderError) for one in readings):
        raise next(one for one in readings if isinstance(one, ProviderError))
    older, newer = (one if isinstance(one, PageReading) else _failed(one, count, limits) for one in readings)
    found = _Surroundings.of(older.page(), newer.page(), command.around_ns, command.context)
    answer = _answer(found, job, command, (older, newer), now)
    if not command.redact:
        return replace(answer, lines=tuple(found.lines))
    shown, redacted = await redact_lines(redactor, found.lines, wanted)
    return replace(answer, lines=tuple(shown), redacted=redacted, gaps=redact_gaps(answer.gaps, redactor))


async def _read(
    provider: JobSource,
    query: LogQuery,
    count: int,
    limits: PageLimits,
    now: datetime,
    redactor: Redactor | None,
) -> PageReading | ProviderError:
    try:
        return await read_lines(provider, query, count, limits, now, redactor=redactor)
    except ProviderError as problem:
        return problem


def _failed(problem: ProviderError, count: int, limits: PageLimits) -> PageReading:
    """A direction in which nothing could be read."""
    return PageReading(count, limits, more=True, gaps=[gap_of(problem, Part.LOGS)])


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """The two directions, cut to the context of the nearest line."""

    older: ReadPage
    """Newest line first."""
    newer: ReadPage
    nearest: range
    """The timestamps that count as the nearest."""

    @classmethod
    def of(cls, older: ReadPage, newer: ReadPage, around_ns: int, context: int) -> _Surroundings:
        """Cut both to `context` lines, and the one with the nearest line to one line more."""
        # A time in whole microseconds may have been rounded down, so any line of that microsecond is nearest.
        rounded = range(around_ns, around_ns + (1 if around_ns % 1000 else 1000))
        firsts = [page.lines[0].timestamp_ns for page in (newer, older) if page.lines]
        nearest_ns = min(firsts, key=lambda at: 0 if at in rounded else abs(at - around_ns), default=around_ns)
        nearest = rounded if nearest_ns in rounded else range(nearest_ns, nearest_ns + 1)
        is_before = nearest_ns < around_ns
        return cls(older.first(context + is_before), newer.first(context + (not is_before)), nearest)

    @property
    def lines(self) -> list[LogLine]:
        """All lines, oldest first."""
        return [*reversed(self.older.lines), *self.newer.lines]

    def marked(self) -> int | None:
        """The index of the nearest line; among several of its time, of the first with the worst level."""
        lines = self.lines
        nearest = [index for index, line in enumerate(lines) if line.timestamp_ns in self.nearest]
        return max(nearest, key=lambda index: level_of(lines[index]) or Level.DEBUG, default=None)


def _answer(
    found: _Surroundings, job: JobRef, command: LogsCommand, readings: Sequence[PageReading], now: datetime
) -> LogsAnswer:
    older, newer = _neighbors(found, command, readings)
    base = replace(command, ref=str(job))
    page = replace(base, around_ns=None, context=DEFAULT_CONTEXT)
    dropped = readings[0].dropped + readings[1].dropped
    pushed_down = readings[0].pushed_down or readings[1].pushed_down
    ends = [one for one in (found.older.cut(ascending=False), found.newer.cut(ascending=True)) if one]
    return LogsAnswer(
        job=job,
        lines=(),
        start=None,
        end=now,
        read=sum(one.read for one in readings),
        pinned=base,
        cuts=(*cuts_of(dropped, pushed_down, command.filter), *ends),
        gaps=tuple(dict.fromkeys(gap for one in readings for gap in one.gaps)),
        older=None if older is None else page_before(page, older),
        newer=page_after(page, newer),
        marked=found.marked(),
    )


def _neighbors(
    found: _Surroundings, command: LogsCommand, readings: Sequence[PageReading]
) -> tuple[PageStart | None, PageStart]:
    """Where the pages before and after start; None at the start of the log.

    There is always a newer page, because lines may arrive.
    """
    assert command.around_ns is not None
    older, newer = found.older.onward(ascending=False), found.newer.onward(ascending=True)
    if older is None and readings[0].more and not readings[0].read:
        older = PageStart(command.around_ns)
    if newer is None:
        newer = PageStart(found.newer.lines[-1].timestamp_ns if found.newer.lines else command.around_ns - 1)
    return older, newer
