"""Base class of the providers that use one HTTP client."""

from __future__ import annotations

import copy
from typing import Self

from bot.providers.base import Priority, RequestRate
from bot.providers.http.client import HttpClient


class HttpProvider:
    """Delegates priority, request rate and closing to the client."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._client!r})"

    def with_priority(self, priority: Priority) -> Self:
        """See `SupportsPriority.with_priority`. The view shares what the provider has learned about its platform."""
        view = copy.copy(self)
        view._client = self._client.with_priority(priority)
        return view

    def request_rate(self) -> RequestRate:
        """See `ReportsRequestRate.request_rate`."""
        return self._client.request_rate()

    async def aclose(self) -> None:
        """See `Provider.aclose`."""
        await self._client.aclose()
