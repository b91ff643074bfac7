"""What to do when a remote fails: how long to wait, how often to ask again, when to leave it alone.

No HTTP in here; `bot.providers.http.client` makes its requests inside `Limiter.call`. When one may begin is
`bot.providers.http.admission`. All times are seconds of a monotonic clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import ParamSpec, TypeVar

from bot.errors import ProtocolError, ProviderError, RateLimited, Unavailable
from bot.providers.base import Priority
from bot.providers.http.admission import Admit, Gate, MonotonicClock
from bot.providers.http.errors import BodyTooLarge
from bot.providers.http.rate_limits import HttpLimits

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


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
    """Stops asking a remote that does not answer; lets one request probe it now and then (closed, open, half-open).

    One bad job must not be taken for a dead remote: it takes ten failures and a minute in which nothing else came.
    """

    def __init__(
        self,
        clock: MonotonicClock,
        *,
        threshold: int = 10,
        silence_s: float = 60.0,
        first_pause_s: float = 5.0,
        longest_pause_s: float = 60.0,
    ) -> None:
        self._clock = clock
        self._threshold = threshold
        self._silence_s = silence_s
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._failures = 0
        self._failing_since = 0.0
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
        now = self._clock()
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        if self._open_until is not None:
            self._pause_s = min(self._pause_s * 2, self._longest_pause_s)
        dead = self._failures >= self._threshold and now - self._failing_since >= self._silence_s
        if dead or self._open_until is not None:
            self._open_until = now + self._pause_s


class RecentFailures:
    """What failed the last time it was asked for, so that it costs the others nothing.

    It is asked once instead of four times, and when it says "slow down" while others are answered, that is its own.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._answered = 0
        self._answered_before: dict[str, int] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._answered_before

    def alone(self, path: str) -> bool:
        """Whether it failed before and something else was answered since."""
        return self._answered_before.get(path, self._answered) < self._answered

    def answered(self, path: str) -> None:
        """It did not fail this time."""
        self._answered += 1
        self._answered_before.pop(path, None)

    def failed(self, path: str) -> None:
        """It failed; the oldest of too many is forgotten."""
        self._answered_before.setdefault(path, self._answered)
        if len(self._answered_before) > self._most:
            del self._answered_before[next(iter(self._answered_before))]


class Preempted(Unavailable):
    """A request lost its place to others that waited; it is not made again, or it would take one at once."""


class _NotNow(Exception):
    """Nothing was sent, and waiting is pointless."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__()
        self.error = error


@dataclass(slots=True)
class _Call:
    """What one call knows over all its attempts."""

    provider: str
    deadline: float
    """No retry begins later."""
    failure: ProviderError | None = None
    """How the attempt before failed."""


class Limiter:
    """How one key asks one remote: the pace, the retries that are left, and what is known to fail."""

    def __init__(self, limits: HttpLimits | None = None, clock: MonotonicClock = time.monotonic) -> None:
        self.limits = limits = limits or HttpLimits()
        self.gate = Gate(limits, clock)
        self.breaker = Breaker(clock)
        self.retries = RetryBudget()
        self.failing = RecentFailures()
        self._clock = clock

    async def call(
        self, provider: str, path: str, once: Callable[[Admit], Awaitable[_Result]], priority: Priority
    ) -> _Result:
        """What `once` gives, made again after RateLimited and Unavailable for as long as that makes sense.

        Args:
            provider: its name, for errors.
            path: what is asked for; whether it failed is remembered under it.
            once: one attempt; what it is given goes to `gate.slot`.
            priority: of the request.

        Raises:
            ProviderError: the last attempt's, or why none was made.
        """
        self.retries.deposit()
        attempts = 1 if priority is Priority.BACKGROUND and path in self.failing else self.limits.attempts
        call = _Call(provider, self._clock() + self.limits.retry_budget_s)
        admit = partial(self._admit, call)
        for attempt in count(1):
            try:
                result = await once(admit)
            except _NotNow as refusal:
                raise refusal.error from None
            except (RateLimited, Unavailable) as error:
                call.failure = error
                wait_s = full_jitter(attempt)
                if error.retry_after is not None:
                    wait_s += error.retry_after.total_seconds()
                    if not self.failing.alone(path):
                        self.gate.close_for(error.retry_after.total_seconds())
                self.failing.failed(path)
                over = attempt >= attempts or self._clock() + wait_s > call.deadline
                if over or isinstance(error, Preempted) or not self.retries.withdraw():
                    raise
            except ProviderError:
                self.failing.answered(path)
                raise
            else:
                self.failing.answered(path)
                return result
            await asyncio.sleep(wait_s)
        raise AssertionError  # pragma: no cover - count() does not end

    def _admit(self, call: _Call) -> None:
        """Raise _NotNow when it is pointless to ask now: with what failed before, or else with why we do not ask."""
        closed_for, open_for = self.gate.closed_for(), self.breaker.open_for()
        too_long = closed_for > 0 and self._clock() + closed_for > call.deadline
        if call.failure is not None and (too_long or open_for is not None):
            raise _NotNow(call.failure)
        if open_for is not None:
            text = f"{call.provider} has not answered for a while; it is asked again in {open_for:.0f} s."
            raise _NotNow(Unavailable(text, provider=call.provider, retry_after=timedelta(seconds=open_for)))
        if too_long:
            text = f"{call.provider} asked us to wait {closed_for:.0f} s more."
            raise _NotNow(RateLimited(text, provider=call.provider, retry_after=timedelta(seconds=closed_for)))


class LimiterPool:
    """Gives clients one limiter for each remote and API key, so that a rate limit holds for the key as a whole."""

    def __init__(self) -> None:
        self._limiters: dict[Hashable, Limiter] = {}

    def limiter_for(self, base_url: str, headers: Mapping[str, str], limits: HttpLimits) -> Limiter:
        """Return the limiter for this address, these headers and these limits."""
        key = (base_url, frozenset(headers.items()), limits)
        return self._limiters.setdefault(key, Limiter(limits))


def full_jitter(attempt: int, *, base_s: float = 0.3, cap_s: float = 10.0) -> float:
    """Seconds to wait after a failed attempt (1, 2, ...): anything between 0 and the exponential bound.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("Full Jitter").
    """
    bound = min(cap_s, base_s * 2 ** (attempt - 1))
    return secrets.SystemRandom().uniform(0.0, bound)


def retry_on_malformed_response(
    ask: Callable[_Arguments, Awaitable[_Result]],
) -> Callable[_Arguments, Awaitable[_Result]]:
    """Wrap `ask` to try once more when the response cannot be parsed.

    A truncated body or a proxy's error page rarely comes twice. A body that is too large would, so it is not retried.
    """

    async def asked(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        try:
            return await ask(*args, **kwargs)
        except BodyTooLarge:
            raise
        except ProtocolError:
            return await ask(*args, **kwargs)

    return asked
