"""The budget of one command: how many requests it may send, how long it may take, and whether a person has stopped it.

`spending(budget)` makes a budget the current one. Every request that the block or its tasks send through
`bot.providers.http` counts against it, whatever loops are between. Polls have no budget.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain.durations import spoken_duration
from bot.errors import BudgetExhausted

EMPTY_READING_S = 6.0
"""Seconds without a log line after which a command in Slack answers, although its time range goes on."""
_FEWEST_EMPTY_REQUESTS = 20
"""A slow platform that takes as long for fewer requests is waited for."""
_LAST_RESORT_S = 1.0
"""How much later a provider that does not stop by itself is interrupted; its progress is lost then."""


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """The size of a budget; None is unlimited."""

    requests: int | None = None
    seconds: float | None = None
    empty_s: float | None = None
    """Seconds in which many requests return no log line: years of empty windows."""

    def times(self, factor: int) -> BudgetLimits:
        """Return limits on requests and time that are this many times as large."""
        return replace(
            self,
            requests=None if self.requests is None else self.requests * factor,
            seconds=None if self.seconds is None else self.seconds * factor,
        )


UNLIMITED = BudgetLimits()


class CommandBudget:
    """Counts what a command has used, and stops it when that is too much."""

    def __init__(
        self, limits: BudgetLimits = UNLIMITED, on_change: Callable[[CommandBudget], None] | None = None
    ) -> None:
        """Begin now; needs a running loop. `on_change` is called after each request and each page of lines."""
        self.limits = limits
        self.requests = 0
        """Number of requests sent."""
        self.lines = 0
        """Number of lines read."""
        self.reached_ns: int | None = None
        """The timestamp of the last line read."""
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._began_at = self._last_line_at = self._loop.time()
        self._empty_requests = 0
        """Number of requests since the last line."""
        self._cancelled: str | None = None
        self._scopes: dict[asyncio.Timeout, float] = {}

    @property
    def elapsed(self) -> timedelta:
        """How long the command has been running."""
        return timedelta(seconds=self._loop.time() - self._began_at)

    def restart_time(self) -> None:
        """Let the time begin now, after a wait for a turn."""
        self._began_at = self._last_line_at = self._loop.time()

    def cancel(self, reason: str = "Cancelled.") -> None:
        """Interrupt the command: what it has read until now becomes the answer."""
        if self._cancelled is None:
            self._cancelled = reason
            for scope, grace_s in self._scopes.items():
                if not scope.expired():
                    scope.reschedule(self._loop.time() + grace_s)

    def check(self) -> None:
        """Raise BudgetExhausted when the command has to stop."""
        if (problem := self._problem()) is not None:
            raise problem

    def count_request(self) -> None:
        """Count a request before it is sent. Raises BudgetExhausted when the command has to stop."""
        self.check()
        if self.limits.requests is not None and self.requests >= self.limits.requests:
            raise BudgetExhausted(f"Stopped after {self.requests:,} requests, the limit of one command.")
        self._check_empty()
        self.requests += 1
        self._empty_requests += 1
        self._changed()

    def count_lines(self, lines: int, last_ns: int | None) -> None:
        """Count lines that were read, up to a timestamp."""
        self.lines += lines
        if lines:
            self._last_line_at, self._empty_requests = self._loop.time(), 0
        self.reached_ns = self.reached_ns if last_ns is None else last_ns
        self._changed()

    @contextlib.asynccontextmanager
    async def interrupting(self, grace_s: float) -> AsyncIterator[None]:
        """Interrupt the block, with BudgetExhausted, when the command has to stop."""
        self.check()
        seconds = self.limits.seconds
        try:
            async with asyncio.timeout_at(None if seconds is None else self._began_at + seconds + grace_s) as scope:
                self._scopes[scope] = grace_s
                try:
                    yield
                finally:
                    del self._scopes[scope]
        except TimeoutError:
            raise self._problem() or self._out_of_time() from None

    def _problem(self) -> BudgetExhausted | None:
        if self._cancelled is not None:
            return BudgetExhausted(self._cancelled)
        seconds = self.limits.seconds
        return self._out_of_time() if seconds is not None and self.elapsed.total_seconds() >= seconds else None

    def _check_empty(self) -> None:
        empty_s, requests = self.limits.empty_s, self._empty_requests
        if empty_s is None or requests < _FEWEST_EMPTY_REQUESTS or self._loop.time() - self._last_line_at < empty_s:
            return
        span = spoken_duration(timedelta(seconds=empty_s))
        raise BudgetExhausted(f"Stopped after {span} and {requests:,} requests without a log line.")

    def _out_of_time(self) -> BudgetExhausted:
        limit = timedelta(seconds=self.limits.seconds or 0)
        return BudgetExhausted(f"Stopped after {spoken_duration(limit)}, the limit of one command.")

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self)


_CURRENT: ContextVar[CommandBudget | None] = ContextVar("command_budget", default=None)


@contextlib.contextmanager
def spending(budget: CommandBudget) -> Iterator[CommandBudget]:
    """Make this the budget of all requests in the block and in the tasks that it starts."""
    token = _CURRENT.set(budget)
    try:
        yield budget
    finally:
        _CURRENT.reset(token)


def count_request() -> None:
    """Count a request against the current budget, if there is one. Raises BudgetExhausted when it is used up."""
    if (budget := _CURRENT.get()) is not None:
        budget.count_request()


def current_limits() -> BudgetLimits:
    """Return the size of the current budget."""
    budget = _CURRENT.get()
    return UNLIMITED if budget is None else budget.limits


def requests_so_far() -> int:
    """Return how many requests the current budget has counted; 0 without one."""
    budget = _CURRENT.get()
    return 0 if budget is None else budget.requests


def restart_time() -> None:
    """Let the time of the current budget, if there is one, begin now."""
    if (budget := _CURRENT.get()) is not None:
        budget.restart_time()


def count_lines(lines: int, last_ns: int | None) -> None:
    """Count lines that were read, in the current budget, if there is one."""
    if (budget := _CURRENT.get()) is not None:
        budget.count_lines(lines, last_ns)


def check_budget() -> None:
    """Raise BudgetExhausted when the command of the current budget, if there is one, has to stop."""
    if (budget := _CURRENT.get()) is not None:
        budget.check()


@contextlib.asynccontextmanager
async def within_budget(*, last_resort: bool = False) -> AsyncIterator[None]:
    """Interrupt the block when the current budget, if there is one, is used up or cancelled.

    Args:
        last_resort: interrupt later than a block inside this one, which then ends first and keeps its progress.

    Raises:
        BudgetExhausted: the budget is used up, or the command was cancelled.
    """
    budget = _CURRENT.get()
    if budget is None:
        yield
        return
    async with budget.interrupting(_LAST_RESORT_S if last_resort else 0.0):
        yield
