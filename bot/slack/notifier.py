"""Deliver one Notification to one Slack channel.

It does not retry: the outbox does (`bot.watcher.deliver`). Messages are rendered in `bot.slack.render.alerts`; errors
are classified in `bot.slack.failures`.
"""

import logging

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.alerts import DeliveryKind, Notification, Receipt
from bot.errors import DeliveryError
from bot.slack.client import post
from bot.slack.contacts import Contacts
from bot.slack.error_codes import THREAD_REFUSED
from bot.slack.failures import UNREACHABLE, error_code
from bot.slack.render.alerts import render_notification
from bot.slack.render.mentions import NO_MENTIONS
from bot.slack.render.ownership import render_direct
from bot.slack.render.thread_commands import use_mentions

log = logging.getLogger(__name__)


class SlackNotifier:
    """Sends Notifications through a client that does not retry (`bot.slack.client`)."""

    def __init__(self, client: AsyncWebClient, contacts: Contacts | None = None) -> None:
        self._client, self._contacts = client, contacts

    async def send(self, notification: Notification, *, channel: str, root: Receipt | None) -> Receipt:
        """Post or edit the incident's root message, or reply in its thread.

        Raises:
            DeliveryError: The message was not accepted; `permanent` if a retry cannot help.
        """
        if notification.kind is DeliveryKind.DIRECT:
            return await self._send_direct(notification, channel)
        mentioned = await self._contacts.mentions(notification) if self._contacts is not None else NO_MENTIONS
        message = render_notification(notification, mentioned)
        shown = use_mentions(message) if notification.kind is DeliveryKind.REPLY else message
        payload = shown.payload() | _metadata(notification)
        if notification.kind is DeliveryKind.EDIT:
            target = {"channel": _needed(root).channel, "ts": _needed(root).ts}
            return await post(self._client, {**target, **payload}, "chat.update")
        arguments: dict[str, object] = {"channel": channel, **payload, "unfurl_links": False, "unfurl_media": False}
        if notification.kind is DeliveryKind.REPLY:
            arguments |= {"channel": _needed(root).channel, "thread_ts": _needed(root).ts}
            arguments |= {"reply_broadcast": True} if notification.broadcast else {}
            return await self._reply(arguments)
        return await post(self._client, arguments)

    async def _reply(self, arguments: dict[str, object]) -> Receipt:
        """Reply in the thread. An escalation goes to the channel alone if the thread accepts no replies."""
        try:
            return await post(self._client, arguments)
        except DeliveryError as error:
            if error.reason not in THREAD_REFUSED or not arguments.pop("reply_broadcast", False):
                raise
            log.warning("the thread accepts no replies; posting to the channel", extra={"reason": error.reason})
            del arguments["thread_ts"]
            return await post(self._client, arguments)

    async def _send_direct(self, notification: Notification, user: str) -> Receipt:
        """Message a person; Slack opens the conversation with the app."""
        payload = render_direct(notification, await self._permalink(notification.thread)).payload()
        return await post(self._client, {"channel": user, **payload, "unfurl_links": False, "unfurl_media": False})

    async def _permalink(self, root: Receipt | None) -> str | None:
        """The address of the alert; None if Slack does not return it, because the message is useful without."""
        if root is None:
            return None
        try:
            response = await self._client.chat_getPermalink(channel=root.channel, message_ts=root.ts)
        except UNREACHABLE as error:
            log.info("no permalink", extra={"reason": error_code(error)})
            return None
        permalink = response.get("permalink")
        return permalink if isinstance(permalink, str) else None


def _metadata(notification: Notification) -> dict[str, object]:
    """Message metadata with the alert's id, so that programs can distinguish firings."""
    incident = notification.incident
    if incident is None:
        return {}
    alert_id = notification.alert_id or next((alert.id for alert in incident.alerts), "")
    payload = {"alert_id": alert_id, "incident_id": incident.id}
    return {"metadata": {"event_type": "trainwatch_alert", "event_payload": payload}}


def _needed(root: Receipt | None) -> Receipt:
    if root is None:
        raise DeliveryError("The root message of the incident was never posted.", reason="no_root", permanent=True)
    return root
