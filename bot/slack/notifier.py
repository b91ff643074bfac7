"""Deliver one Notification to one Slack channel.

It does not retry: the outbox does (`bot.watcher.deliver`). Messages are rendered in `bot.slack.render.alerts`; errors
are classified in `bot.slack.failures`.
"""

from __future__ import annotations

import logging

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.alerts import DeliveryKind, Notification, Receipt
from bot.errors import DeliveryError
from bot.slack.failures import REJECTED_BLOCKS, UNREACHABLE, delivery_error, error_code
from bot.slack.render.alerts import render_notification

METADATA_EVENT = "trainwatch_alert"
"""`event_type` of the message metadata that names the alert."""

log = logging.getLogger(__name__)


class SlackNotifier:
    """Sends Notifications through a client that does not retry (`bot.slack.client`)."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def send(self, notification: Notification, *, channel: str, root: Receipt | None) -> Receipt:
        """Post or edit the incident's root message, or reply in its thread.

        Raises:
            DeliveryError: The message was not accepted; `permanent` if a retry cannot help.
        """
        payload = render_notification(notification).payload()
        metadata = _metadata(notification)
        if metadata is not None:
            payload["metadata"] = metadata
        try:
            try:
                return await self._call(notification, payload, channel, root)
            except SlackApiError as error:
                if error_code(error) not in REJECTED_BLOCKS:
                    raise
                log.error("slack rejected the blocks", extra={"code": error_code(error), "kind": notification.kind})
                del payload["blocks"]
                return await self._call(notification, payload, channel, root)
        except UNREACHABLE as error:
            raise delivery_error(error) from error

    async def _call(
        self, notification: Notification, payload: dict[str, object], channel: str, root: Receipt | None
    ) -> Receipt:
        if notification.kind is DeliveryKind.EDIT:
            response = await self._client.api_call(
                "chat.update", json={"channel": _needed(root).channel, "ts": _needed(root).ts, **payload}
            )
            return _receipt(response, channel)
        arguments: dict[str, object] = {"channel": channel, **payload, "unfurl_links": False, "unfurl_media": False}
        if notification.kind is DeliveryKind.REPLY:
            arguments |= {"channel": _needed(root).channel, "thread_ts": _needed(root).ts}
            arguments |= {"reply_broadcast": True} if notification.broadcast else {}
        return _receipt(await self._client.api_call("chat.postMessage", json=arguments), channel)


def _metadata(notification: Notification) -> dict[str, object] | None:
    """Message metadata with the alert's id, so that programs can distinguish firings."""
    incident = notification.incident
    if incident is None:
        return None
    alert_id = notification.alert_id or next((alert.id for alert in incident.alerts), "")
    return {"event_type": METADATA_EVENT, "event_payload": {"alert_id": alert_id, "incident_id": incident.id}}


def _needed(root: Receipt | None) -> Receipt:
    if root is None:
        raise DeliveryError("The root message of the incident was never posted.", reason="no_root", permanent=True)
    return root


def _receipt(response: AsyncSlackResponse, channel: str) -> Receipt:
    ts = response.get("ts")
    if not isinstance(ts, str):
        text = "Slack accepted the message but returned no timestamp."
        raise DeliveryError(text, reason="no_ts", permanent=False, unlisted=True)
    return Receipt(channel=str(response.get("channel") or channel), ts=ts)
