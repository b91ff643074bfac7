"""Which of two sets of headers a remote accepts: some platforms take a key by one authorization scheme only."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from bot.errors import RateLimited, Unavailable
from bot.providers.http.errors import error_for_status
from bot.providers.http.rate_limits import MonotonicClock

ASK_AGAIN_AFTER_S = 600.0
"""When both sets were refused, the second one is not tried again for this long."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete response, decompressed."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes


class HeaderChoice:
    """Remembers for one API key which headers work: 0 for the first set, 1 for the second.

    All clients that use the key share it, so the second set is tried once and then used, or left alone for a while.
    """

    def __init__(self, clock: MonotonicClock = time.monotonic) -> None:
        self.current = 0
        """The set to send."""
        self._clock = clock
        self._settled_until = float("-inf")

    async def fetch(self, send: Callable[[int], Awaitable[HttpResponse]]) -> HttpResponse:
        """Send a request with the headers that worked last time, and with the others if it gets 401."""
        used = self.current
        response = await send(used)
        other = self._after_refusal(used) if response.status == HTTPStatus.UNAUTHORIZED else None
        if other is None:
            return response
        response = await send(other)
        if response.status == HTTPStatus.UNAUTHORIZED:  # the key itself is wrong
            self._settled_until = self._clock() + ASK_AGAIN_AFTER_S
        elif error_for_status(response.status)[0] not in (RateLimited, Unavailable):
            self.current = other
        return response

    def _after_refusal(self, used: int) -> int | None:
        """Return the set to try after `used` was refused; None if no other is worth a request."""
        if used != self.current:  # another request has found out in the meantime
            return self.current
        return None if self._clock() < self._settled_until else 1 - used
