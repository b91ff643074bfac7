"""Rate limits, retries and circuit breaking for one API key, shared by all clients that use the key.

This module knows nothing of HTTP: `bot.providers.http.client` sends its requests inside `Limiter.call`. Times are
seconds of a monotonic clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import TypeVar

from bot.errors import ProviderError, RateLimited, Unavailable
from bot.providers.base import Priority
from bot.providers.http.admission import AdmissionControl, CheckOpen, LoadShedding
from bot.providers.http.circuit_breaker import CircuitBreaker
from bot.providers.http.rate_limits import HttpLimits, MonotonicClock
from bot.providers.http.retry import RecentFailures, RetryBudget, full_jitter

_Result = TypeVar("_Result")


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
    """Admission control, retry budget, circuit breaker and recent failures of one API key at one remote."""

    def __init__(
        self,
        limits: HttpLimits | None = None,
        *,
        shedding: LoadShedding | None = None,
        clock: MonotonicClock = time.monotonic,
    ) -> None:
        self.limits = limits or HttpLimits()
        self.admission = AdmissionControl(self.limits, shedding or LoadShedding(), clock)
        self.breaker = CircuitBreaker(clock)
        self.retry_budget = RetryBudget()
        self.recent_failures = RecentFailures()
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
            ProviderError: the last attempt failed, or no attempt was possible.
        """
        self.retry_budget.deposit()
        is_single = priority is Priority.BACKGROUND and path in self.recent_failures
        attempts = 1 if is_single else self.limits.attempts
        call = _Call(provider, self._clock() + self.limits.retry_budget_s)
        check_open = partial(self._check_open, call)
        for number in count(1):
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
