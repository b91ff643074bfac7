"""Limits on the requests to one remote (rate, concurrency, timeouts, retries), and a counter of recent requests."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.errors import ConfigError

MonotonicClock = Callable[[], float]
"""Returns seconds that never go back."""
_COUNTED_SECONDS = 60
_MAX_RATE, _MAX_CONCURRENCY, _MAX_WAIT_S = 10_000, 1_000, 600
"""The largest values of settings: requests per second, requests in flight, and seconds of a timeout."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits on the requests to one remote. No vendor documents rate limits for these APIs."""

    requests_per_second: float = 50.0
    """Sustained rate. After a pause, a burst of up to four seconds' worth is allowed."""
    concurrency: int = 32
    """Requests in flight at once. Requests of one priority use at most three quarters of these slots."""
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    """Longest silence while a response arrives."""
    total_timeout_s: float = 120.0
    """Deadline of one attempt, even if data keeps arriving."""
    attempts: int = 4
    """Attempts of one call, including the first."""
    retry_budget_s: float = 45.0
    """No retry starts later than this after the call started."""
    max_retry_after_s: float = 3600.0
    """A longer `Retry-After` is cut to this."""
    max_body_bytes: int = 64 * 1024 * 1024
    """Largest response body, after decompression."""

    @classmethod
    def from_config(cls, prefix: str, config: Mapping[str, str]) -> HttpLimits:
        """Read `<prefix>_requests_per_second`, `_concurrency`, `_timeout_s`, `_connect_timeout_s`, `_retry_budget_s`.

        Raises:
            ConfigError: a value is not a number, or is out of range.
        """
        defaults = cls()

        def number(key: str, default: float, minimum: float, maximum: float) -> float:
            text = config.get(f"{prefix}_{key}", "").strip()
            try:
                value = float(text) if text else default
            except ValueError:
                value = float("nan")
            if not minimum <= value <= maximum:
                name = f"{prefix}_{key}".upper()
                raise ConfigError(f"{name} must be a number from {minimum:g} to {maximum:,g}.")
            return value

        return cls(
            requests_per_second=number("requests_per_second", defaults.requests_per_second, 0.01, _MAX_RATE),
            concurrency=int(number("concurrency", defaults.concurrency, 1, _MAX_CONCURRENCY)),
            connect_timeout_s=number("connect_timeout_s", defaults.connect_timeout_s, 0.01, _MAX_WAIT_S),
            read_timeout_s=number("timeout_s", defaults.read_timeout_s, 0.01, _MAX_WAIT_S),
            retry_budget_s=number("retry_budget_s", defaults.retry_budget_s, 0, _MAX_WAIT_S),
        )


class RequestCounter:
    """Counts the requests of the last 60 seconds, in one bucket per second, and all responses by status."""

    def __init__(self, clock: MonotonicClock) -> None:
        self._clock = clock
        self._counts: defaultdict[int, int] = defaultdict(int)
        self.responses: Counter[str] = Counter()

    def record(self) -> None:
        """Count a request that starts now."""
        self._counts[int(self._clock())] += 1
        if len(self._counts) > _COUNTED_SECONDS:
            del self._counts[next(iter(self._counts))]

    def total(self) -> int:
        """Return the number of requests that started in the last 60 seconds."""
        expired = int(self._clock()) - _COUNTED_SECONDS
        return sum(count for second, count in self._counts.items() if second > expired)
