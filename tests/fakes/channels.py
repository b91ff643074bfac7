"""Channels that accept messages, except those that a test marks as trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bot.domain.alerts import Notification, Receipt
from bot.domain.posts import FoundPosts, WantedPost
from bot.errors import LookUpUnavailable


class Channels:
    """Accept every message, except texts in `trouble`, which raise or hang."""

    def __init__(self, **trouble: Exception | Callable[[], object]) -> None:
        self.trouble = trouble
        self.arrived: list[str] = []
        self.tried: list[str] = []
        self.roots: dict[str, Receipt | None] = {}
        self.posts: dict[str, list[Receipt]] = {}
        """What was accepted, by delivery id."""
        self.is_readable = False
        """Whether messages can be looked for."""
        self.searched: list[str] = []
        self.deleted: list[Receipt] = []
        self.pings = 0
        self.unreachable: Exception | None = None
        self.hanging = asyncio.Event()

    async def send(
        self, notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        text = notification.text or ""
        self.tried.append(text)
        if self.unreachable is not None:
            raise self.unreachable
        match self.trouble.get(text):
            case Exception() as error:
                raise error
            case None:
                pass
            case _:
                await self.hanging.wait()
        return self.accept(text, channel, root, delivery_id)

    def accept(self, text: str, channel: str, root: Receipt | None, delivery_id: str) -> Receipt:
        self.arrived.append(text)
        self.roots[text] = root
        receipt = Receipt(channel, f"{len(self.arrived)}.0")
        self.posts.setdefault(delivery_id, []).append(receipt)
        return receipt

    async def find(self, channel: str, wanted: Sequence[WantedPost], *, is_urgent: bool) -> FoundPosts:
        self.searched.append(channel)
        if not self.is_readable:
            raise LookUpUnavailable
        ids = [one.delivery_id for one in wanted]
        return {name: receipts for name, receipts in self.posts.items() if name in ids}

    async def delete(self, receipt: Receipt) -> None:
        self.deleted.append(receipt)

    async def ping(self) -> None:
        self.pings += 1
        if self.unreachable is not None:
            raise self.unreachable
