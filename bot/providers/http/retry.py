"""What to retry and when: backoff with full jitter, a retry budget, and a record of paths that failed last time."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from bot.errors import ProtocolError
from bot.providers.http.errors import BodyTooLarge

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def full_jitter(attempt: int, *, base_s: float = 0.3, cap_s: float = 10.0) -> float:
    """Return the seconds to wait after failed attempt 1, 2, ...: a random share of an exponential bound.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("Full Jitter").
    """
    bound = min(cap_s, base_s * 2 ** (attempt - 1))
    return secrets.SystemRandom().uniform(0.0, bound)


class RetryBudget:
    """Limits retries to a share of all requests, so that they do not multiply the load on a failing remote.

    A token bucket after Finagle's RetryBudget: each call deposits a fifth of a token, each retry withdraws one.
    """

    def __init__(self, *, reserve: float = 50.0, share: float = 0.2) -> None:
        self._reserve = reserve
        self._share = share
        self._tokens = reserve

    def deposit(self) -> None:
        """Record a new call."""
        self._tokens = min(self._reserve, self._tokens + self._share)

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
