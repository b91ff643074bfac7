"""How hard one remote may be asked, and how long an answer may take: the settings of `bot.providers.http.client`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.errors import ConfigError


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
