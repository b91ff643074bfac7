"""Wait for conditions that have no event, for as long as a slow machine needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LONGEST_S = 120.0
"""Only a hang takes longer. No test waits for this long unless it fails."""


async def eventually(condition: Callable[[], object], within_s: float = LONGEST_S) -> None:
    """Wait until a condition is true.

    Raises:
        TimeoutError: it did not become true.
    """
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.005)
