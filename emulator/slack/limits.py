"""Slack's rate limits: a token bucket per method and one per channel for posting.

Pure but for its own counters; `now` is a parameter. Source: docs.slack.dev/apis/web-api/rate-limits (documented,
read 2026-11-20); tiers per method from java-slack-sdk metadata/web-api/rate_limit_tiers.json (2026-08-07).
How large a burst Slack tolerates is not documented; the default here is invented.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from emulator.slack.model import SlackError

HISTORY_METHODS = frozenset({"conversations.history", "conversations.replies"})
DISTRIBUTED_PAGE = 15
TIERS_PER_MINUTE: Mapping[int, int] = MappingProxyType({1: 1, 2: 20, 3: 50, 4: 100})


@dataclass(slots=True)
class RateLimits:
    """How strict to be; `enabled=False` lets everything through."""

    enabled: bool = True
    posts_per_s: float = 1.0
    """Sustained messages per second and channel."""
    post_burst: int = 10
    """Messages a channel takes at once before the sustained rate holds."""
    tier_factor: float = 1.0
    """Multiplies the calls per minute of every tier: Slack documents minimums."""
    is_distributed: bool = False
    """Whether the app is distributed outside Slack's Marketplace: one call a minute of the methods that read history,
    and at most 15 messages in an answer."""
    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def take_call(self, method: str, tier: int | None, now: float) -> None:
        """Count one call of a method.

        Raises:
            SlackError: `ratelimited`, HTTP 429 with `Retry-After`.
        """
        if tier is not None:
            is_slow = self.is_distributed and method in HISTORY_METHODS
            per_minute = 1.0 if is_slow else TIERS_PER_MINUTE[tier] * self.tier_factor
            self._take(("method", method), per_minute / 60, per_minute, now)

    def take_post(self, channel: str, now: float) -> None:
        """Count one message to a channel.

        Raises:
            SlackError: `ratelimited`, HTTP 429 with `Retry-After`.
        """
        self._take(("post", channel), self.posts_per_s, self.post_burst, now)

    def _take(self, key: tuple[str, str], per_s: float, burst: float, now: float) -> None:
        if not self.enabled:
            return
        left, since = self._buckets.get(key, (float(burst), now))
        left = min(float(burst), left + (now - since) * per_s)
        if left < 1:
            raise SlackError("ratelimited", status=429, retry_after_s=math.ceil((1 - left) / per_s))
        self._buckets[key] = (left - 1, now)
