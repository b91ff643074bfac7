"""Choose the notifier of a delivery by its destination: a webhook, or a channel or person in Slack."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.alerts import Notification, Receipt
from bot.domain.destinations import webhook_name
from bot.domain.posts import FoundPosts, WantedPost


class ChannelNotifier(Protocol):
    """Sends to destinations of one kind. `bot.watcher.deliver.Notifier` describes the methods."""

    async def send(
        self, notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        """Send once."""

    async def find(self, channel: str, wanted: Sequence[WantedPost], *, is_urgent: bool) -> FoundPosts:
        """Look for messages."""

    async def delete(self, receipt: Receipt) -> None:
        """Delete a message."""

    async def ping(self) -> None:
        """Return if it answers."""


class DispatchingNotifier:
    """Sends each delivery through the notifier of its destination; `pings` is the one whose outages are watched."""

    def __init__(self, slack: ChannelNotifier, webhooks: ChannelNotifier, pings: ChannelNotifier) -> None:
        self._slack, self._webhooks, self._pings = slack, webhooks, pings

    async def send(
        self, notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        """Send once."""
        notifier = self._notifier_of(channel)
        return await notifier.send(notification, channel=channel, root=root, delivery_id=delivery_id)

    async def find(self, channel: str, wanted: Sequence[WantedPost], *, is_urgent: bool) -> FoundPosts:
        """Look for messages of one channel by their delivery ids."""
        return await self._notifier_of(channel).find(channel, wanted, is_urgent=is_urgent)

    async def delete(self, receipt: Receipt) -> None:
        """Delete a message."""
        await self._notifier_of(receipt.channel).delete(receipt)

    async def ping(self) -> None:
        """Return if the destination whose outages are watched answers."""
        await self._pings.ping()

    def _notifier_of(self, channel: str) -> ChannelNotifier:
        return self._slack if webhook_name(channel) is None else self._webhooks
