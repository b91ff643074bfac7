"""When to send, when to wait and when to give up: pacing, priority, retries and the circuit breaker of one remote.

No HTTP in here; `bot.providers.http` puts these around its requests. All times are seconds of a monotonic clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from bot.errors import ConfigError, ProviderError, Unavailable
from bot.providers.base import RequestLoad

MonotonicClock = Callable[[], float]

_BACKGROUND: ContextVar[bool] = ContextVar("trainwatch_background", default=False)

_BURST_S = 4.0
_BACKGROUND_SHARE = 0.75


@contextlib.contextmanager
def background() -> Iterator[None]:
    """Mark every request made inside, also by tasks started inside, as polling: commands go before it.

    The watcher wraps its polls in this. Without it a request counts as a person waiting for an answer.
    """
    token = _BACKGROUND.set(True)
    try:
        yield
    finally:
        _BACKGROUND.reset(token)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How hard one remote may be asked, and how long an answer may take. No vendor documents a limit for these APIs."""

    requests_per_second: float = 50.0
    """Sustained; four seconds' worth may go at once after a pause."""
    concurrency: int = 32
    """Requests under way at once; polling uses at most three quarters of them."""
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    """The longest silence within an answer."""
    total_timeout_s: float = 120.0
    """The longest a single attempt may take, however steadily it trickles."""
    attempts: int = 4
    retry_budget_s: float = 45.0
    """No retry begins later than this after the call began."""
    max_retry_after_s: float = 3600.0
    """A longer Retry-After is cut to this."""
    max_body_bytes: int = 64 * 1024 * 1024
    """After decompression."""

    @classmethod
    def from_config(cls, word: str, config: Mapping[str, str]) -> HttpLimits:
        """Read `<word>_requests_per_second`, `_concurrency`, `_timeout_s`, `_connect_timeout_s`, `_retry_budget_s`.

        Raises:
            ConfigError: a value is not a positive number.
        """
        shipped = cls()

        def number(key: str, default: float, least: float) -> float:
            text = config.get(f"{word}_{key}", "").strip()
            try:
                value = float(text) if text else default
            except ValueError:
                value = -1.0
            if not least <= value < float("inf"):
                name = f"{word}_{key}".upper()
                raise ConfigError(f"{name} must be a number of at least {least:g}, not {text!r}.")
            return value

        return cls(
            requests_per_second=number("requests_per_second", shipped.requests_per_second, 0.01),
            concurrency=int(number("concurrency", shipped.concurrency, 1)),
            connect_timeout_s=number("connect_timeout_s", shipped.connect_timeout_s, 0.01),
            read_timeout_s=number("timeout_s", shipped.read_timeout_s, 0.01),
            retry_budget_s=number("retry_budget_s", shipped.retry_budget_s, 0),
        )


class _LastMinute:
    """Counts what happened in the last 60 seconds, with one number a second."""

    def __init__(self, clock: MonotonicClock) -> None:
        self._clock = clock
        self._counts: deque[tuple[int, int]] = deque()

    def add(self) -> None:
        """It happened now."""
        second = int(self._clock())
        before = self._counts.pop()[1] if self._counts and self._counts[-1][0] == second else 0
        self._counts.append((second, before + 1))
        self._forget(second)

    def total(self) -> int:
        """How often it happened."""
        self._forget(int(self._clock()))
        return sum(count for _, count in self._counts)

    def _forget(self, second: int) -> None:
        while self._counts and self._counts[0][0] <= second - 60:
            self._counts.popleft()


class Gate:
    """Lets requests through one by one: at most so many a second, so many at once, and people before polling.

    Only one polling request at a time waits for the rate, and only while no person's request does; so a command
    stands behind at most one poll, however many are due.
    """

    def __init__(self, limits: HttpLimits, clock: MonotonicClock) -> None:
        burst = max(1.0, limits.requests_per_second * _BURST_S)
        self._rate = AsyncLimiter(burst, burst / limits.requests_per_second)
        self._most_per_minute = int(burst + 60 * limits.requests_per_second)
        self._begun = _LastMinute(clock)
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._background_slots = asyncio.Semaphore(max(1, int(limits.concurrency * _BACKGROUND_SHARE)))
        self._background_turn = asyncio.Lock()
        self._waiting = 0
        self._nobody_waits = asyncio.Event()
        self._nobody_waits.set()
        self._clock = clock
        self._closed_until = 0.0

    def load(self) -> RequestLoad:
        """How many requests went through lately, and how many may."""
        return RequestLoad(self._begun.total(), self._most_per_minute)

    def close_for(self, seconds: float) -> None:
        """Let nothing through for so long: the remote said so."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)

    def closed_for(self) -> float:
        """Seconds until requests go through again; 0 when they do."""
        return max(0.0, self._closed_until - self._clock())

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold one of the places until left."""
        if not _BACKGROUND.get():
            await self._wait_as_person()
            async with self._slots:
                yield
            return
        async with self._background_slots:
            async with self._background_turn:
                while self._waiting:
                    await self._nobody_waits.wait()
                await self._wait_for_rate()
            async with self._slots:
                yield

    async def _wait_as_person(self) -> None:
        self._waiting += 1
        self._nobody_waits.clear()
        try:
            await self._wait_for_rate()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._nobody_waits.set()

    async def _wait_for_rate(self) -> None:
        while (seconds := self.closed_for()) > 0:  # noqa: ASYNC110 - the clock opens the gate, no event does
            await asyncio.sleep(seconds)
        await self._rate.acquire()
        self._begun.add()


class RetryBudget:
    """Retries are a share of all requests, so that a struggling remote is not asked four times as often.

    A token bucket: each request puts in a fifth of a token, each retry takes one (after Finagle's RetryBudget).
    """

    def __init__(self, *, reserve: float = 50.0, share: float = 0.2) -> None:
        self._reserve = reserve
        self._share = share
        self._tokens = reserve

    def deposit(self) -> None:
        """A request begins."""
        self._tokens = min(self._reserve, self._tokens + self._share)

    def withdraw(self) -> bool:
        """Whether one more retry may be made; if so it is counted."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Breaker:
    """Stops asking a remote that does not answer; lets one request probe it now and then (closed, open, half-open)."""

    def __init__(
        self, clock: MonotonicClock, *, threshold: int = 10, first_pause_s: float = 5.0, longest_pause_s: float = 60.0
    ) -> None:
        self._clock = clock
        self._threshold = threshold
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._failures = 0
        self._pause_s = first_pause_s
        self._open_until: float | None = None
        self._probing = False

    def open_for(self) -> float | None:
        """Seconds until the next probe is allowed; None when requests go through."""
        if self._open_until is None:
            return None
        left = self._open_until - self._clock()
        if left <= 0 and not self._probing:
            return None
        return max(left, 0.1)

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Count how the request made inside ends: Unavailable is a failure, any other answer proves it alive.

        The caller asks `open_for` first.
        """
        probe = self._open_until is not None
        self._probing = self._probing or probe
        try:
            yield
        except Unavailable:
            self._failed()
            raise
        except ProviderError:
            self._succeeded()
            raise
        else:
            self._succeeded()
        finally:
            if probe:
                self._probing = False

    def _succeeded(self) -> None:
        self._failures = 0
        self._open_until = None
        self._pause_s = self._first_pause_s

    def _failed(self) -> None:
        self._failures += 1
        if self._open_until is not None:
            self._pause_s = min(self._pause_s * 2, self._longest_pause_s)
        if self._open_until is not None or self._failures >= self._threshold:
            self._open_until = self._clock() + self._pause_s


def full_jitter(attempt: int, *, base_s: float = 0.3, cap_s: float = 10.0) -> float:
    """Seconds to wait after a failed attempt (1, 2, ...): anything between 0 and the exponential bound.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("Full Jitter").
    """
    bound = min(cap_s, base_s * 2 ** (attempt - 1))
    return secrets.SystemRandom().uniform(0.0, bound)
