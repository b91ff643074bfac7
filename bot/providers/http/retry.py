"""Retries, rate limits and circuit breaking for one API key, shared by all clients that use the key.

`bot.providers.http.client` sends its requests inside `Limiter.call`. Times are seconds of a monotonic clock.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import ParamSpec, TypeVar

from bot.errors import ProtocolError, ProviderError, RateLimited, Unavailable
from bot.providers.base import Priority
from bot.providers.budget import count_request, within_budget
from bot.providers.http.admission import AdmissionControl, CheckOpen
from bot.providers.http.circuit_breaker import CircuitBreaker
from bot.providers.http.errors import BodyTooLarge
from bot.providers.http.header_choice import HeaderChoice
from bot.providers.http.rate_limits import HttpLimits, MonotonicClock

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_FIRST_BACKOFF_S = 0.3
_MAX_BACKOFF_S = 10.0
_RETRY_RESERVE = 50.0
_RETRY_SHARE = 0.2


def full_jitter(attempt: int) -> float:
    """Return the seconds to wait after failed attempt 1, 2, ...: a random share of an exponential bound.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("Full Jitter").
    """
    return secrets.SystemRandom().uniform(0.0, min(_MAX_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** (attempt - 1)))


class RetryBudget:
    """Limits retries to a share of all requests, so that they do not multiply the load on a failing remote.

    A token bucket after Finagle's RetryBudget: each call deposits a fifth of a token, each retry withdraws one.
    """

    def __init__(self) -> None:
        self._tokens = _RETRY_RESERVE

    def deposit(self) -> None:
        """Record a new call."""
        self._tokens = min(_RETRY_RESERVE, self._tokens + _RETRY_SHARE)

    def withdraw(self) -> bool:
        """Take the token for one retry; return False if none is left."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class RecentFailures:
    """The paths that failed the last time they were requested.

    A path is isolated when it fails while other paths succeed: the trouble is its own and not the remote's.
    """

    def __init__(self, max_paths: int = 10_000) -> None:
        self._max_paths = max_paths
        self._successes = 0
        self._successes_before: dict[str, int] = {}
        """For each path, the number of successes before its first failure in a row."""

    def __contains__(self, path: str) -> bool:
        return path in self._successes_before

    def is_isolated(self, path: str) -> bool:
        """Return whether the path failed before and another path has succeeded since."""
        return self._successes_before.get(path, self._successes) < self._successes

    def record_success(self, path: str) -> None:
        """Forget the failures of a path."""
        self._successes += 1
        self._successes_before.pop(path, None)

    def record_failure(self, path: str) -> None:
        """Remember that a path failed. The oldest path is dropped above the limit."""
        self._successes_before.setdefault(path, self._successes)
        if len(self._successes_before) > self._max_paths:
            del self._successes_before[next(iter(self._successes_before))]


def retry_on_malformed_response(
    request: Callable[_Arguments, Awaitable[_Result]],
) -> Callable[_Arguments, Awaitable[_Result]]:
    """Wrap `request` to try once more when the response cannot be parsed.

    A truncated body or a proxy's error page rarely comes twice. A body that is too large would, so it is not retried.
    """

    async def retried(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        try:
            return await request(*args, **kwargs)
        except BodyTooLarge:
            raise
        except ProtocolError:
            return await request(*args, **kwargs)

    return retried


class Preempted(Unavailable):
    """A request lost its slot to others that waited. It is not retried, because a retry would take a slot again."""


class RequestRefused(Exception):
    """Nothing was sent, and waiting is pointless."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__()
        self.error = error


@dataclass(slots=True)
class _Call:
    """The state of one call over all its attempts."""

    provider: str
    deadline: float
    """No retry starts later."""
    last_error: ProviderError | None = None


class Limiter:
    """Admission control, retry budget, circuit breaker, recent failures and headers of one API key at one remote."""

    def __init__(self, limits: HttpLimits | None = None, *, clock: MonotonicClock = time.monotonic) -> None:
        self.limits = limits or HttpLimits()
        self.admission = AdmissionControl(self.limits, clock)
        self.breaker = CircuitBreaker(clock)
        self.retry_budget = RetryBudget()
        self.recent_failures = RecentFailures()
        self.headers = HeaderChoice(clock)
        self._clock = clock

    async def call(
        self, provider: str, path: str, attempt: Callable[[CheckOpen], Awaitable[_Result]], priority: Priority
    ) -> _Result:
        """Run `attempt`, and retry it after RateLimited and Unavailable within the limits.

        Args:
            provider: the provider's name, for errors.
            path: identifies the request in `recent_failures`.
            attempt: one attempt; it passes its argument on to `admission.slot`.
            priority: a background call to a path that failed last time is not retried.

        Raises:
            ProviderError: the last attempt failed, no attempt was possible, or the budget of the command is used up.
        """
        async with within_budget():
            return await self._call(provider, path, attempt, priority)
        raise AssertionError  # pragma: no cover - the context swallows nothing

    async def _call(
        self, provider: str, path: str, attempt: Callable[[CheckOpen], Awaitable[_Result]], priority: Priority
    ) -> _Result:
        self.retry_budget.deposit()
        attempts = 1 if priority is Priority.BACKGROUND and path in self.recent_failures else self.limits.attempts
        call = _Call(provider, self._clock() + self.limits.retry_budget_s)
        check_open = partial(self._check_open, call)
        for number in count(1):
            count_request()
            try:
                result = await attempt(check_open)
            except RequestRefused as refusal:
                raise refusal.error from None
            except (RateLimited, Unavailable) as error:
                call.last_error = error
                wait_s = full_jitter(number) + self._obey_retry_after(error, path)
                self.recent_failures.record_failure(path)
                is_last = number >= attempts or self._clock() + wait_s > call.deadline
                if is_last or isinstance(error, Preempted) or not self.retry_budget.withdraw():
                    raise
            except ProviderError:
                self.recent_failures.record_success(path)
                raise
            else:
                self.recent_failures.record_success(path)
                return result
            await asyncio.sleep(wait_s)
        raise AssertionError  # pragma: no cover - count() does not end

    def _obey_retry_after(self, error: ProviderError, path: str) -> float:
        """Pause all requests with the key, except for an isolated failure. Returns the seconds to wait."""
        if error.retry_after is None:
            return 0.0
        seconds = error.retry_after.total_seconds()
        if not self.recent_failures.is_isolated(path):
            self.admission.pause(seconds)
        return seconds

    def _check_open(self, call: _Call) -> None:
        """Raise RequestRefused, with the call's last error if there is one, when a request cannot be sent in time."""
        paused_for, open_for = self.admission.paused_for(), self.breaker.open_for()
        is_too_long = paused_for > 0 and self._clock() + paused_for > call.deadline
        if call.last_error is not None and (is_too_long or open_for is not None):
            raise RequestRefused(call.last_error)
        if open_for is not None:
            text = f"{call.provider} is not responding. The next attempt is in {open_for:.0f} s."
            raise RequestRefused(Unavailable(text, provider=call.provider, retry_after=timedelta(seconds=open_for)))
        if is_too_long:
            text = f"{call.provider} is rate limiting requests. The next attempt is in {paused_for:.0f} s."
            raise RequestRefused(RateLimited(text, provider=call.provider, retry_after=timedelta(seconds=paused_for)))


class LimiterPool:
    """Returns the same limiter for the same remote and API key, so that providers share the rate limit of a key."""

    def __init__(self) -> None:
        self._limiters: dict[Hashable, Limiter] = {}

    def limiter_for(self, base_url: str, headers: Mapping[str, str], limits: HttpLimits) -> Limiter:
        """Return the limiter for this address, these headers (with the key) and these limits."""
        key = (base_url, frozenset(headers.items()), limits)
        return self._limiters.setdefault(key, Limiter(limits))
