"""A job's log over a long window, read as it is needed and handed out as a watcher would have seen it."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.commands.handlers.log_stream import Batch, stream_lines
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.window import Window
from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.gaps import Gap, Part, gap_of
from bot.domain.jobs import JobRef
from bot.domain.logs import LogLine, Order
from bot.errors import NotSupported, ProviderError
from bot.providers.base import Provider

LOOKBACK = timedelta(minutes=15)
"""How much log from before the window is read, as at the beginning of a subscription."""
MAX_LINES = 2_000_000
LOOK_LINES = 10_000
"""Lines of one look, as in the watcher; more are several looks at the same time."""


@dataclass(slots=True)
class LogHistory:
    """The log of one job between two moments."""

    batches: AsyncGenerator[Batch, None]
    read: int = 0
    gaps: list[Gap] = field(default_factory=list)
    """What could not be read, since the log's beginning."""
    cut_at: datetime | None = None
    """Where reading stopped before its time: there was too much, or the platform failed."""
    is_too_long: bool = False
    _lines: list[LogLine] = field(default_factory=list)
    _is_over: bool = False

    async def until(self, at: datetime) -> list[LogLine]:
        """The lines up to and with this moment that were not yet handed out, at most those of one look."""
        at_ns = ns_from_datetime(at)
        while not self._is_over and (not self._lines or self._lines[-1].timestamp_ns <= at_ns):
            if len(self._lines) >= LOOK_LINES:
                break
            await self._next()
        count = bisect_right(self._lines, at_ns, key=lambda line: line.timestamp_ns)
        ready, self._lines = self._lines[: min(count, LOOK_LINES)], self._lines[min(count, LOOK_LINES) :]
        return ready

    async def _next(self) -> None:
        try:
            batch = await anext(self.batches)
        except StopAsyncIteration:
            self._is_over = True
            return
        except ProviderError as problem:
            if not self.read and not isinstance(problem, NotSupported):
                raise
            self.gaps.append(gap_of(problem, Part.LOGS))
            if self.read:
                self._stop()
            self._is_over = True
            return
        self._lines += batch.lines
        self.read += batch.read
        self.gaps += batch.gaps
        if self.read >= MAX_LINES:
            self.is_too_long = True
            self._stop()

    def _stop(self) -> None:
        self._is_over = True
        self.cut_at = datetime_from_ns(self._lines[-1].timestamp_ns) if self._lines else self.cut_at


@contextlib.asynccontextmanager
async def log_history(
    provider: Provider, job: JobRef, start: datetime, end: datetime, now: datetime
) -> AsyncIterator[LogHistory]:
    """Open the log of a window, with a little from before it."""
    window = Window(None, ns_from_datetime(start - LOOKBACK), ns_from_datetime(end))
    command = LogsCommand(str(job), window=window, limit=None, take=Order.ASC, show=Order.ASC)
    async with contextlib.aclosing(stream_lines(provider, job, command, now)) as batches:
        yield LogHistory(batches)
