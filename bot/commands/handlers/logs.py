"""`logs` in Slack: one page of a log as an answer, with the commands for the pages before and after it.

Paging neither loses nor repeats a line: a page never ends inside a nanosecond, and the next one starts before or after
it. All times in those commands are absolute. A shell streams the lines instead (`log_stream`).
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import accumulate, takewhile

from bot.commands.handlers.log_filter import cuts_of
from bot.commands.handlers.log_stream import Batch, build_query, redact_lines, stream_lines
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.logs import Cut, CutReason, LogsAnswer, LogsCommand
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.gaps import Gap, Part, gap_of
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, LogQuery, Order
from bot.errors import ProviderError
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How much one page may hold and search."""

    lines: int = 5_000
    """Maximum number of lines, whatever the command asks for."""
    chars: int = 4_000_000
    same_ns: int = 1_000
    """How many lines a page may hold beyond its limit, to reach the end of a nanosecond."""
    read: int = 500_000
    """How many lines are searched for one page."""


PAGE_LIMITS = PageLimits()


async def read_page(
    provider: Provider,
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
    reading = _Reading(limit, limits)
    try:
        async with contextlib.aclosing(stream_lines(provider, query)) as batches:
            async for batch in batches:
                reading.add(batch)
                if reading.is_done():
                    break
    except ProviderError as problem:
        if not reading.read:
            raise
        reading.gaps.append(gap_of(problem, Part.LOGS))
        reading.more = True
    page = reading.page()
    shown = page.lines if query.order is command.show else page.lines[::-1]
    lines, redacted = await redact_lines(redactor, shown)
    answer = _answer(query, command, page, reading, now)
    return replace(answer, lines=tuple(lines), redacted=redacted, gaps=redact_gaps(reading.gaps, redactor))


@dataclass(slots=True)
class _Reading:
    """The lines read so far, in reading order."""

    limit: int
    limits: PageLimits
    kept: list[LogLine] = field(default_factory=list)
    chars: int = 0
    read: int = 0
    last_ns: int | None = None
    more: bool = False
    dropped: Counter[CutReason] = field(default_factory=Counter)
    gaps: list[Gap] = field(default_factory=list)
    pushed_down: tuple[str, ...] = ()

    def add(self, batch: Batch) -> None:
        self.kept += batch.lines
        self.chars += sum(len(line.message) for line in batch.lines)
        self.read += batch.read
        self.last_ns = self.last_ns if batch.last_ns is None else batch.last_ns
        self.more = batch.more
        self.dropped.update(batch.dropped)
        self.gaps += batch.gaps
        self.pushed_down = batch.pushed_down or self.pushed_down

    def is_done(self) -> bool:
        """Whether the page is full up to the end of its last nanosecond, or enough was searched."""
        kept, limit = self.kept, self.limit
        if len(kept) > limit and kept[-1].timestamp_ns != kept[limit - 1].timestamp_ns:
            return True
        is_too_much = self.chars > self.limits.chars or self.read >= self.limits.read
        return is_too_much or len(kept) > limit + self.limits.same_ns

    def page(self) -> _Page:
        """The lines of the page and where the next one starts."""
        kept, count = self.kept, min(self.limit, len(self.kept))
        if self.chars > self.limits.chars:
            chars = list(accumulate(len(line.message) for line in kept))
            count = min(count, max(bisect_right(chars, self.limits.chars), 1))
        shown = self._up_to_border(count)
        if shown < len(kept):
            split = kept[shown - 1].timestamp_ns == kept[shown].timestamp_ns
            return _Page(kept[:shown], kept[shown - 1].timestamp_ns, True, split=split)
        if self.more and self.last_ns is not None:
            return self._unfinished()
        return _Page(kept, kept[-1].timestamp_ns if kept else None, False)

    def _up_to_border(self, count: int) -> int:
        """Extend the page to the end of the last line's nanosecond."""
        if not count:
            return 0
        border_ns, following = self.kept[count - 1].timestamp_ns, self.kept[count : count + self.limits.same_ns]
        return count + sum(1 for _ in takewhile(lambda line: line.timestamp_ns == border_ns, following))

    def _unfinished(self) -> _Page:
        """Leave the last nanosecond, which may be incomplete, to the next page, unless no other lines were read."""
        whole = [line for line in self.kept if line.timestamp_ns != self.last_ns]
        first_ns = self.kept[0].timestamp_ns if self.kept else None
        if whole or first_ns != self.last_ns:
            return _Page(whole, self.last_ns, True, includes_border=False)
        return _Page(self.kept, self.last_ns, True, split=True)


@dataclass(frozen=True, slots=True)
class _Page:
    """Lines in reading order."""

    lines: list[LogLine]
    border_ns: int | None
    """The nanosecond at which the page ends; None when nothing was read."""
    more: bool
    includes_border: bool = True
    """Whether this page has the lines of that nanosecond."""
    split: bool = False
    """Whether that nanosecond has more lines than a page can hold, so that some are on no page."""


def _answer(query: LogQuery, command: LogsCommand, page: _Page, reading: _Reading, now: datetime) -> LogsAnswer:
    ascending = query.order is Order.ASC
    newest_ns = max((line.timestamp_ns for line in page.lines), default=0)
    end_ns = query.end_ns if query.end_ns is not None else max(ns_from_datetime(now), newest_ns)
    window = command.window
    start_ns = window.start_ns if window.since is None else ns_from_datetime(now - window.since)
    base = replace(command, ref=str(query.job), window=Window(None, start_ns, window.end_ns))
    before, after = _neighbors(command, page, ascending=ascending)
    return LogsAnswer(
        job=query.job,
        lines=(),
        start=None if query.start_ns is None else datetime_from_ns(query.start_ns),
        end=datetime_from_ns(end_ns),
        read=reading.read,
        pinned=replace(base, window=Window(None, start_ns, end_ns if window.end_ns is None else window.end_ns)),
        cuts=_cuts(page, reading, ascending=ascending),
        older=None if before is None else replace(base, take=Order.DESC, before_ns=before, after_ns=None),
        newer=None if after is None else replace(base, take=Order.ASC, before_ns=None, after_ns=after),
    )


def _neighbors(command: LogsCommand, page: _Page, *, ascending: bool) -> tuple[int | None, int | None]:
    """The nanoseconds, exclusive, that the pages before and after this one start from; None when there is no page."""
    step = 0 if page.includes_border else (-1 if ascending else 1)
    onward = page.border_ns + step if page.more and page.border_ns is not None else None
    first_ns = page.lines[0].timestamp_ns if page.lines else None
    is_open = command.window.end_ns is None
    if ascending:
        back = first_ns if first_ns is not None else (command.after_ns or 0) + 1
        newest = page.lines[-1].timestamp_ns if page.lines and is_open else None
        return (back if command.after_ns is not None else None), onward if onward is not None else newest
    ahead = first_ns if first_ns is not None else (command.before_ns or 0) - 1
    has_newer = command.before_ns is not None or (is_open and first_ns is not None)
    return onward, (ahead if has_newer else None)


def _cuts(page: _Page, reading: _Reading, *, ascending: bool) -> tuple[Cut, ...]:
    cuts = cuts_of(reading.dropped, reading.pushed_down)
    if page.split:
        return (*cuts, Cut(CutReason.SAME_NANOSECOND, None))
    if not page.more:
        return cuts
    if page.includes_border:
        return (*cuts, Cut(CutReason.NEWER if ascending else CutReason.OLDER, None))
    return (*cuts, Cut(CutReason.NEWER_UNREAD if ascending else CutReason.OLDER_UNREAD, None))
