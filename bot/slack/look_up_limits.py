"""How many messages may be looked for: one sliding window for each method that reads history.

Slack allows internal apps about 50 calls a minute of `conversations.history` and of `conversations.replies`, and apps
that are distributed outside its Marketplace one. Source: https://docs.slack.dev/apis/web-api/rate-limits (documented,
read 2026-11-29). Which of the two applies is learned from the first call that is refused.
"""

import asyncio
import logging
from collections import deque

INTERNAL_PER_MINUTE = 45
"""A little under the documented 50, because other calls count too."""
_WINDOW_S = 60.0
_FORGET_AFTER_S = 600.0
"""After this time without a refusal, the full number is tried again."""

log = logging.getLogger(__name__)


class LookUpLimits:
    """Counts the calls of each method in the last minute. Times are those of the event loop."""

    def __init__(self, per_minute: int = INTERNAL_PER_MINUTE) -> None:
        self._most = per_minute
        self._calls: dict[str, deque[float]] = {}
        self._learned: dict[str, tuple[int, float]] = {}
        self._paused_until_s: dict[str, float] = {}

    def per_minute(self, method: str) -> int:
        """How many calls of this method are allowed in a minute, as far as known."""
        limit, learned_s = self._learned.get(method, (self._most, float("-inf")))
        return limit if _loop_s() - learned_s < _FORGET_AFTER_S else self._most

    def wait_s(self, method: str, *, spare: float = 0.0) -> float:
        """How long the next call must wait; `spare` is the share of calls that it must leave to others."""
        now_s, calls = _loop_s(), self._recent(method)
        allowed = max(1, int(self.per_minute(method) * (1 - spare)))
        free_s = 0.0 if len(calls) < allowed else calls[-allowed] + _WINDOW_S - now_s
        return max(0.0, free_s, self._paused_until_s.get(method, 0.0) - now_s)

    def record(self, method: str) -> None:
        """Record a call."""
        self._recent(method).append(_loop_s())

    def refuse(self, method: str, wait_s: float) -> None:
        """Record that Slack refused the last call for its rate and asked to wait."""
        calls = self._recent(method)
        if calls:
            calls.pop()
        limit = max(1, min(len(calls), self.per_minute(method)))
        self._learned[method] = (limit, _loop_s())
        self._paused_until_s[method] = _loop_s() + wait_s
        log.warning("look-ups limited", extra={"method": method, "per_minute": limit, "wait_s": wait_s})

    def _recent(self, method: str) -> deque[float]:
        calls, oldest_s = self._calls.setdefault(method, deque()), _loop_s() - _WINDOW_S
        while calls and calls[0] <= oldest_s:
            calls.popleft()
        return calls


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
