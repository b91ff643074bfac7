"""`logs --all` in Slack: every line in a file that Slack attaches, and the lines of one page as the answer.

Memory is bounded: lines are redacted and written batch by batch, and only those of one page are kept. The file is
bounded as well; beyond `MAX_FILE_BYTES` it has the newest lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO

from bot.commands.handlers.log_page import PAGE_LIMITS, PageLimits, PageReading, ReadPage
from bot.commands.handlers.log_stream import build_query, redact_lines, stream_lines
from bot.commands.handlers.logs import page_answer
from bot.commands.subcommands.logs import (
    DEFAULT_LINES,
    PAGE_ENDS,
    Cut,
    CutReason,
    LogFile,
    LogsAnswer,
    LogsCommand,
    exact_row,
)
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, Order
from bot.errors import ProviderError
from bot.providers.base import Provider
from bot.redaction.line_redactor import LineRedactor
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps

MAX_FILE_BYTES = 100_000_000
SEGMENT_BYTES = 8_000_000
"""Bytes of one temporary file: the oldest one is dropped whole when there are too many lines."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much is read for one file, and kept in it."""

    bytes: int = MAX_FILE_BYTES
    lines: int = 5_000_000
    read_s: float = 600.0
    """Seconds. Slack accepts an answer for half an hour."""
    segment_bytes: int = SEGMENT_BYTES


FILE_LIMITS = FileLimits()


async def read_with_file(
    provider: Provider,
    job: JobRef,
    command: LogsCommand,
    redactor: Redactor,
    now: datetime,
    *,
    limits: PageLimits = PAGE_LIMITS,
    file_limits: FileLimits = FILE_LIMITS,
) -> LogsAnswer:
    """Read the lines that the command selects, up to its limit. The caller closes the file of the answer.

    Raises:
        UsageError: the pattern is invalid, or the window starts in the future.
        ProviderError: nothing could be read. A failure after the first lines is a gap in the answer.
    """
    query = build_query(job, command, now)
    writer = LogFileWriter(query.order, reverses=query.order is not command.show, limits=file_limits)
    kept = _Kept(keeps_first=query.order is command.take, limits=limits)
    reading = PageReading(limits.lines, limits)
    hider = LineRedactor(redactor, query.order)
    redacted, ends_s = 0, time.monotonic() + file_limits.read_s
    try:
        async with contextlib.aclosing(stream_lines(provider, query, redactor)) as batches:
            async for batch in batches:
                room = file_limits.lines - kept.total if command.limit is None else command.limit - kept.total
                lines, hidden = await redact_lines(hider, batch.lines[:room], query.filter)
                redacted += hidden
                reading.add(replace(batch, lines=[]))
                reading.more = batch.more or len(batch.lines) > room
                is_late = reading.more and time.monotonic() >= ends_s
                kept.add(lines)
                await asyncio.to_thread(writer.add, lines)
                if len(batch.lines) >= room or is_late:
                    break
    except ProviderError as problem:
        reading.stop(problem, query, now)
    page = kept.page(more=reading.more, last_ns=reading.last_ns)
    order = command.take
    answer = page_answer(replace(query, order=order), command, page, reading, now)
    shown = page.lines if order is command.show else page.lines[::-1]
    return replace(
        answer,
        older=None if answer.older is None else replace(answer.older, limit=DEFAULT_LINES),
        newer=None if answer.newer is None else replace(answer.newer, limit=DEFAULT_LINES),
        lines=tuple(shown),
        cuts=_cuts(answer, query.order, command, reading),
        redacted=redacted,
        gaps=redact_gaps(reading.gaps, redactor),
        total=kept.total,
        file=writer.finish(),
    )


def _cuts(answer: LogsAnswer, order: Order, command: LogsCommand, reading: PageReading) -> tuple[Cut, ...]:
    """What neither the answer nor its file has."""
    if not reading.more:
        return tuple(cut for cut in answer.cuts if cut.reason not in PAGE_ENDS)
    if order is Order.ASC and command.take is Order.DESC:  # reading stopped before the newest lines
        return (*answer.cuts, Cut(CutReason.NEWER_UNREAD, None))
    return answer.cuts


@dataclass(slots=True)
class _Kept:
    """The lines of one page: those read first, or last."""

    keeps_first: bool
    limits: PageLimits
    lines: deque[LogLine] = field(default_factory=deque)
    chars: int = 0
    total: int = 0

    def add(self, lines: Sequence[LogLine]) -> None:
        self.total += len(lines)
        room = self.limits.lines + self.limits.same_ns
        for line in lines[: room - len(self.lines)] if self.keeps_first else lines[-room:]:
            if self.keeps_first and self.chars > self.limits.chars:
                return
            self.lines.append(line)
            self.chars += len(line.message)
            while len(self.lines) > 1 and not self.keeps_first and self._is_too_much(room):
                self.chars -= len(self.lines.popleft().message)

    def _is_too_much(self, room: int) -> bool:
        return len(self.lines) > room or self.chars > self.limits.chars

    def page(self, *, more: bool, last_ns: int | None) -> ReadPage:
        """The kept lines, in the direction in which the command takes them; `last_ns` is how far the log was read."""
        if not self.lines:
            return ReadPage([], last_ns, more and self.keeps_first, includes_border=False)
        lines = list(self.lines) if self.keeps_first else list(reversed(self.lines))
        if len(lines) == self.total and not (self.keeps_first and more):
            return ReadPage(lines, lines[-1].timestamp_ns, False).first(self.limits.lines)
        last_ns = lines[-1].timestamp_ns
        whole = [line for line in lines if line.timestamp_ns != last_ns]
        if not whole:
            return ReadPage(lines, last_ns, True, skip=len(lines))
        return ReadPage(whole, last_ns, True, includes_border=False).first(self.limits.lines)


@dataclass(slots=True)
class LogFileWriter:
    """Writes lines, in the order in which they are read, to a file that is read in that order or in reverse."""

    order: Order
    reverses: bool
    limits: FileLimits = FILE_LIMITS
    segments: deque[_Segment] = field(default_factory=deque)
    span: tuple[int, int] | None = None
    lines: int = 0
    size: int = 0
    is_full: bool = False
    """Whether reading newest first has reached the limit."""

    def add(self, lines: Sequence[LogLine]) -> None:
        """Write lines. Beyond the limit the oldest ones are left out: earlier ones, or these if read newest first."""
        if not lines:
            return
        ends = (*(self.span or ()), lines[0].timestamp_ns, lines[-1].timestamp_ns)
        self.span = min(ends), max(ends)
        rows = map(exact_row, reversed(lines) if self.reverses else lines)
        self.lines += len(lines)
        data = "".join(f"{row}\n" for row in rows).encode(errors="replace")
        self.is_full = self.is_full or (self.order is Order.DESC and self.size + len(data) > self.limits.bytes)
        if self.is_full:
            return
        if not self.segments or self.segments[-1].size >= self.limits.segment_bytes:
            self.segments.append(_Segment(tempfile.TemporaryFile()))  # noqa: SIM115 - closed with the answer
        self.segments[-1].write(data, len(lines))
        self.size += len(data)
        while self.size > self.limits.bytes and len(self.segments) > 1:
            oldest = self.segments.popleft()
            self.size -= oldest.size
            oldest.file.close()

    def finish(self) -> LogFile:
        """The file as written so far."""
        chunks = [(segment.file, *chunk) for segment in self.segments for chunk in segment.chunks]
        written = sum(segment.lines for segment in self.segments)
        parts = tuple(reversed(chunks) if self.reverses else chunks)
        return LogFile(parts, written, self.lines - written, self.span)


@dataclass(slots=True)
class _Segment:
    """A file without a name."""

    file: BinaryIO
    chunks: list[tuple[int, int]] = field(default_factory=list)
    """Offset and size of each write."""
    lines: int = 0
    size: int = 0

    def write(self, data: bytes, lines: int) -> None:
        self.file.write(data)
        self.chunks.append((self.size, len(data)))
        self.size += len(data)
        self.lines += lines
