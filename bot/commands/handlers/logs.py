"""One page of a log as an answer: exactly the lines asked for, and commands for the pages before and after it.

The pages of a log neither lose nor repeat a line: a page never ends inside a nanosecond, and the next one begins
before or after it. All times in those commands are absolute.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.commands.handlers.log_filter import cuts_of
from bot.commands.handlers.log_stream import Batch, build_query, reading_order, stream_lines
from bot.commands.parsing.formatting import format_command
from bot.commands.redaction import redact_lines
from bot.commands.subcommands.logs import Cut, LogsAnswer, LogsCommand
from bot.commands.subcommands.window import Window
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.gaps import Gap, Part, gap_of
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, Order
from bot.errors import ProviderError
from bot.providers.base import Provider
from bot.redaction.redactor import Redactor

MAX_LINES = 5_000
"""Lines of one answer, whatever the limit; a terminal streams beyond."""
MAX_CHARS = 4_000_000
MAX_SAME_NS = 1_000
"""How far a page is stretched to the end of a nanosecond."""
MAX_READ = 500_000
"""Lines looked through for one answer."""


async def read_page(
    provider: Provider, job: JobRef, command: LogsCommand, redactor: Redactor, now: datetime
) -> LogsAnswer:
    """Read what one answer shows.

    Raises:
        UsageError: the pattern is none.
        ProviderError: nothing could be read. What fails after the first lines is a gap of the answer.
    """
    limit = min(command.limit or MAX_LINES, MAX_LINES)
    command = replace(command, limit=limit)
    reading = _Reading(limit)
    try:
        async with contextlib.aclosing(stream_lines(provider, job, command, now)) as batches:
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
    answer = _answer(job, command, page, reading, now)
    lines, redacted = await redact_lines(redactor, answer.lines)
    return replace(answer, lines=tuple(lines), redacted=redacted)


@dataclass(slots=True)
class _Reading:
    """What was read so far, in reading order."""

    limit: int
    kept: list[LogLine] = field(default_factory=list)
    chars: int = 0
    read: int = 0
    last_ns: int | None = None
    more: bool = False
    dropped: Counter[str] = field(default_factory=Counter)
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
        """Whether the page is full to the end of its last nanosecond, or enough was looked through."""
        if len(self.kept) > self.limit:
            border = self.kept[self.limit - 1].timestamp_ns
            full = self.kept[-1].timestamp_ns != border or len(self.kept) > self.limit + MAX_SAME_NS
        else:
            full = False
        return full or self._is_too_much()

    def _is_too_much(self) -> bool:
        return self.chars > MAX_CHARS or self.read >= MAX_READ

    def page(self) -> _Page:
        """The lines of the page and where the next one begins."""
        count = min(self.limit, len(self.kept))
        if self.chars > MAX_CHARS:
            count = min(count, _fitting(self.kept))
        shown = self._up_to_border(count)
        if shown < len(self.kept):
            split = self.kept[shown - 1].timestamp_ns == self.kept[shown].timestamp_ns
            return _Page(self.kept[:shown], self.kept[shown - 1].timestamp_ns, True, split=split)
        if self.more and self.last_ns is not None:
            return self._unfinished()
        return _Page(self.kept, self.kept[-1].timestamp_ns if self.kept else None, False)

    def _up_to_border(self, count: int) -> int:
        """Stretch to the end of the last line's nanosecond."""
        end = count
        while 0 < end < len(self.kept) and end < count + MAX_SAME_NS:
            if self.kept[end].timestamp_ns != self.kept[count - 1].timestamp_ns:
                break
            end += 1
        return end

    def _unfinished(self) -> _Page:
        """We stopped inside a nanosecond, perhaps: its lines are left to the next page, unless they are all we have."""
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
    """The nanosecond at which reading stopped; None when nothing was read."""
    more: bool
    includes_border: bool = True
    """Whether the lines of the border nanosecond are on this page."""
    split: bool = False
    """The border nanosecond holds more lines than can be shown: some are on no page."""


def _answer(job: JobRef, command: LogsCommand, page: _Page, reading: _Reading, now: datetime) -> LogsAnswer:
    query = build_query(job, command, now)
    ascending = reading_order(command) is Order.ASC
    newest_ns = max((line.timestamp_ns for line in page.lines), default=0)
    end_ns = query.end_ns if query.end_ns is not None else max(ns_from_datetime(now), newest_ns)
    before, after = _neighbours(command, page, ascending=ascending)
    base = replace(
        command,
        ref=str(job),
        window=Window(None, _window_start(command, now), command.window.end_ns),
        before_ns=None,
        after_ns=None,
    )
    window_end = command.window.end_ns if command.window.end_ns is not None else end_ns
    pinned = replace(base, window=replace(base.window, end_ns=window_end), before_ns=command.before_ns,
                     after_ns=command.after_ns)  # fmt: skip
    in_order = page.lines if ascending == (command.show is Order.ASC) else page.lines[::-1]
    return LogsAnswer(
        job=job,
        lines=tuple(in_order),
        start=None if query.start_ns is None else datetime_from_ns(query.start_ns),
        end=datetime_from_ns(end_ns),
        read=reading.read,
        cuts=_cuts(page, reading, ascending=ascending),
        gaps=tuple(reading.gaps),
        pushed_down=reading.pushed_down,
        older=None if before is None else format_command(replace(base, take=Order.DESC, before_ns=before)),
        newer=None if after is None else format_command(replace(base, take=Order.ASC, after_ns=after)),
        pinned=format_command(pinned),
    )


def _window_start(command: LogsCommand, now: datetime) -> int | None:
    since = command.window.since
    return command.window.start_ns if since is None else ns_from_datetime(now - since)


def _neighbours(command: LogsCommand, page: _Page, *, ascending: bool) -> tuple[int | None, int | None]:
    """Before which and after which nanosecond (both exclusive) the pages beside this one lie; None: there is none."""
    onward = None
    if page.more and page.border_ns is not None:
        step = 0 if page.includes_border else (-1 if ascending else 1)
        onward = page.border_ns + step
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
    side = "newer" if ascending else "older"
    cuts = list(cuts_of(reading.dropped, reading.pushed_down))
    if page.split:
        cuts.append(Cut("have the same nanosecond as the last one shown; the command line shows them all", None))
    elif page.more and page.includes_border:
        cuts.append(Cut(f"are {side}; narrow with --since or --grep", None))
    elif page.more:
        cuts.append(Cut(f"are {side} and were not looked at yet; page on, or narrow the window", None))
    return tuple(cuts)


def _fitting(lines: list[LogLine]) -> int:
    """How many lines stay within the characters of an answer; at least one."""
    chars = 0
    for count, line in enumerate(lines):
        chars += len(line.message)
        if chars > MAX_CHARS:
            return max(count, 1)
    return len(lines)
