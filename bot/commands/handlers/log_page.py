"""Collect one page of a log from its batches, as far as limits allow.

A page does not end inside a nanosecond, unless that has more lines than a page can hold.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, takewhile

from bot.commands.handlers.log_stream import Batch, stream_lines
from bot.commands.subcommands.logs import MAX_ANSWER_LINES, Cut, CutReason, LogsCommand
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, Part, gap_of
from bot.domain.logs import LogLine, LogQuery, Order
from bot.errors import BudgetExhausted, ProviderError
from bot.providers.base import JobSource
from bot.redaction.redactor import Redactor


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How much one page may hold and search."""

    lines: int = MAX_ANSWER_LINES
    """Maximum number of lines, whatever the command asks for."""
    chars: int = 4_000_000
    same_ns: int = 1_000
    """How many lines a page may hold beyond its limit, to reach the end of a nanosecond."""
    read: int = 500_000
    """How many lines are searched for one page."""


PAGE_LIMITS = PageLimits()


@dataclass(frozen=True, slots=True)
class PageStart:
    """Where a page starts: after the lines of a nanosecond, or after `skip` of them."""

    at_ns: int
    skip: int = 0

    @classmethod
    def of(cls, command: LogsCommand) -> PageStart | None:
        """Where the command's page starts; None at an end of its window."""
        at_ns = command.before_ns if command.before_ns is not None else command.after_ns
        return None if at_ns is None else cls(at_ns, command.skip)


async def read_lines(
    provider: JobSource,
    query: LogQuery,
    limit: int,
    limits: PageLimits,
    now: datetime,
    *,
    start: PageStart | None = None,
    redactor: Redactor | None = None,
) -> PageReading:
    """Read until the page has `limit` lines, or until the limits or the end of the log. `redactor`: see `stream_lines`.

    Raises:
        UsageError: the pattern is invalid.
        ProviderError: nothing could be read. A failure after the first lines is a gap.
    """
    reading = PageReading(limit, limits, start)
    try:
        async with contextlib.aclosing(stream_lines(provider, query, redactor)) as batches:
            async for batch in batches:
                reading.add(batch)
                if reading.is_done():
                    break
    except ProviderError as problem:
        reading.stop(problem, query, now)
    return reading


@dataclass(slots=True)
class PageReading:
    """The lines read so far, in reading order."""

    limit: int
    limits: PageLimits
    start: PageStart | None = None
    left_to_skip: int = field(init=False)
    kept: list[LogLine] = field(default_factory=list)
    chars: int = 0
    read: int = 0
    last_ns: int | None = None
    """How far the log was read: the timestamp of the last line, or a later one in reading order."""
    more: bool = False
    dropped: Counter[CutReason] = field(default_factory=Counter)
    gaps: list[Gap] = field(default_factory=list)
    pushed_down: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.left_to_skip = self.start.skip if self.start else 0

    def add(self, batch: Batch) -> None:
        """Add the next batch."""
        lines = self._unskipped(batch.lines) if self.left_to_skip else batch.lines
        self.kept += lines
        self.chars += sum(len(line.message) for line in lines)
        self.read += batch.read
        reached_ns = batch.reached_ns if batch.last_ns is None else batch.last_ns
        self.last_ns = self.last_ns if reached_ns is None else reached_ns
        self.more = batch.more
        self.dropped.update(batch.dropped)
        self.gaps += batch.gaps
        self.pushed_down = batch.pushed_down or self.pushed_down

    def stop(self, problem: ProviderError, query: LogQuery, now: datetime) -> None:
        """End the reading because of an error, which becomes a gap.

        Raises:
            ProviderError: the error, if nothing was read and the platform is its cause.
        """
        is_stopped = isinstance(problem, BudgetExhausted)
        if not self.read and not is_stopped:
            raise problem
        if self.last_ns is None:
            latest_ns = ns_from_datetime(now) if query.end_ns is None else query.end_ns
            self.last_ns = latest_ns if query.order is Order.DESC else query.start_ns or 0
        self.gaps.append(gap_of(problem, Part.LOGS))
        self.more = True

    def _unskipped(self, lines: list[LogLine]) -> list[LogLine]:
        """The lines without those of the start's nanosecond that are to be skipped."""
        assert self.start is not None
        shown = len(list(takewhile(lambda line: line.timestamp_ns == self.start_ns, lines[: self.left_to_skip])))
        self.left_to_skip = 0 if shown < len(lines) else self.left_to_skip - shown
        return lines[shown:]

    @property
    def start_ns(self) -> int | None:
        """The nanosecond at which the page starts."""
        return self.start.at_ns if self.start else None

    def is_done(self) -> bool:
        """Whether the page is full up to the end of its last nanosecond, or enough was searched."""
        kept, limit = self.kept, self.limit
        if len(kept) > limit and kept[-1].timestamp_ns != kept[limit - 1].timestamp_ns:
            return True
        is_too_much = self.chars > self.limits.chars or self.read >= self.limits.read
        return is_too_much or len(kept) > limit + self.limits.same_ns

    def page(self) -> ReadPage:
        """The lines of the page and where the next one starts."""
        kept, count = self.kept, min(self.limit, len(self.kept))
        if self.chars > self.limits.chars:
            chars = list(accumulate(len(line.message) for line in kept))
            count = min(count, max(bisect_right(chars, self.limits.chars), 1))
        shown = up_to_border(kept[: count + self.limits.same_ns], count)
        if shown < len(kept):
            is_split = kept[shown - 1].timestamp_ns == kept[shown].timestamp_ns
            return self._ending(kept[:shown], is_split=is_split)
        if self.more and self.last_ns is not None:
            return self._unfinished()
        return ReadPage(kept, kept[-1].timestamp_ns if kept else None, False)

    def _unfinished(self) -> ReadPage:
        """Leave the last nanosecond, which may be incomplete, to the next page, unless no other lines were read."""
        whole = [line for line in self.kept if line.timestamp_ns != self.last_ns]
        first_ns = self.kept[0].timestamp_ns if self.kept else None
        if whole or first_ns != self.last_ns:
            return ReadPage(whole, self.last_ns, True, includes_border=False)
        return self._ending(self.kept, is_split=True)

    def _ending(self, lines: list[LogLine], *, is_split: bool) -> ReadPage:
        """A page that ends with its last line's nanosecond, or inside it."""
        border_ns = lines[-1].timestamp_ns
        if not is_split:
            return ReadPage(lines, border_ns, True)
        shown = len(list(takewhile(lambda line: line.timestamp_ns == border_ns, reversed(lines))))
        before = self.start.skip if self.start is not None and self.start.at_ns == border_ns else 0
        return ReadPage(lines, border_ns, True, skip=shown + before)


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Lines in reading order."""

    lines: list[LogLine]
    border_ns: int | None
    """The nanosecond at which the page ends; None when nothing was read."""
    more: bool
    includes_border: bool = True
    """Whether this page has the lines of that nanosecond."""
    skip: int = 0
    """If that nanosecond has more lines than a page can hold, how many of them were shown up to this page's end."""

    def first(self, count: int) -> ReadPage:
        """The first `count` lines of this page, and the others of the last one's nanosecond."""
        shown = up_to_border(self.lines, count)
        if shown == len(self.lines):
            return self
        return ReadPage(self.lines[:shown], self.lines[shown - 1].timestamp_ns, True)

    def onward(self, *, ascending: bool) -> PageStart | None:
        """Where the next page in reading order starts; None when there is none."""
        if not self.more or self.border_ns is None:
            return None
        if self.includes_border:
            return PageStart(self.border_ns, self.skip)
        return PageStart(self.border_ns + (-1 if ascending else 1))

    def cut(self, *, ascending: bool) -> Cut | None:
        """What follows this page in reading order; None when nothing does."""
        if not self.more:
            return None
        if self.includes_border:
            return Cut(CutReason.NEWER if ascending else CutReason.OLDER, None)
        return Cut(CutReason.NEWER_UNREAD if ascending else CutReason.OLDER_UNREAD, None)


def up_to_border(lines: Sequence[LogLine], count: int) -> int:
    """Return `count`, at most all, or the larger number that reaches the end of the last line's nanosecond."""
    if not 0 < count < len(lines):
        return min(count, len(lines))
    border_ns = lines[count - 1].timestamp_ns
    return count + sum(1 for _ in takewhile(lambda line: line.timestamp_ns == border_ns, lines[count:]))
