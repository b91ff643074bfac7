"""A circuit breaker for one remote: stops requests to a remote that does not respond, and probes it now and then."""

import contextlib
from collections.abc import Iterator

from bot.errors import ProviderError, Unavailable
from bot.providers.http.rate_limits import MonotonicClock

_MIN_FAILURES = 10
_MIN_SILENCE_S = 60.0
_PAUSE_S = 5.0
"""Short, so that polls resume soon after the remote is back."""


class CircuitBreaker:
    """Closed, open or half-open, after Hystrix.

    One failing job must not open it. It opens after ten failures in a row over at least a minute, so any response
    in between keeps it closed. While open it lets one probe through after each pause.
    """

    def __init__(self, clock: MonotonicClock) -> None:
        self._clock = clock
        self._failures = 0
        self._failing_since = 0.0
        self._open_until: float | None = None
        self._probing = False

    def open_for(self) -> float | None:
        """Return the seconds until the next probe is allowed, or None if requests may be sent."""
        if self._open_until is None:
            return None
        left = self._open_until - self._clock()
        return None if left <= 0 and not self._probing else max(left, 0.1)

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Record the outcome of the request made inside the context. Call `open_for` first.

        Unavailable counts as a failure. Any other outcome proves that the remote responds.
        """
        probe = self._open_until is not None
        self._probing = self._probing or probe
        try:
            yield
        except Unavailable:
            self._record_failure()
            raise
        except ProviderError:
            self._close()
            raise
        else:
            self._close()
        finally:
            if probe:
                self._probing = False

    def _close(self) -> None:
        self._failures = 0
        self._open_until = None

    def _record_failure(self) -> None:
        now = self._clock()
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        is_silent = self._failures >= _MIN_FAILURES and now - self._failing_since >= _MIN_SILENCE_S
        if is_silent or self._open_until is not None:
            self._open_until = now + _PAUSE_S
