"""Let others run during long work on many items: the event loop serves Slack and the watcher too."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
_AT_ONCE = 100
"""Items between two turns of the event loop: 10 ms of redaction on a slow machine."""


async def take_turns(items: Iterable[_Item]) -> AsyncIterator[_Item]:
    """Yield the items; other tasks run now and then in between."""
    for number, item in enumerate(items, 1):
        yield item
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
