"""Deliver events to webhooks: each to the one that its channel names, in the form that this one takes.

It does not retry: the outbox does. An event carries an id, and PagerDuty's events a deduplication key, so an attempt
whose outcome is unknown is repeated.
"""

from collections.abc import Mapping, Sequence

from bot.domain.alerts import Incident, Notification, Receipt
from bot.domain.destinations import Webhook, WebhookKind, webhook_name
from bot.domain.durations import Clock
from bot.domain.posts import FoundPosts, WantedPost
from bot.errors import DeliveryError, LookUpUnavailable
from bot.notifiers.config import ConfiguredWebhook
from bot.notifiers.http_post import WebhookClient
from bot.notifiers.pagerduty.event import build_pagerduty_event
from bot.notifiers.webhook.event import build_event, encode_event
from bot.notifiers.webhook.signature import HEADER, sign


class WebhookNotifier:
    """Sends events to the configured webhooks."""

    def __init__(self, webhooks: Sequence[ConfiguredWebhook], client: WebhookClient, clock: Clock) -> None:
        self._webhooks = {one.webhook.name: one for one in webhooks}
        self._client, self._clock = client, clock

    @property
    def configured(self) -> tuple[Webhook, ...]:
        """The webhooks, without URLs and secrets."""
        return tuple(one.webhook for one in self._webhooks.values())

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def send(
        self, notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        """Send the event. `root` does not matter: events have no threads.

        Raises:
            DeliveryError: it was not accepted; `permanent` if a retry cannot help.
        """
        name = webhook_name(channel) or channel
        target, incident = self._webhooks.get(name), notification.incident
        if target is None or incident is None:
            text = f"Webhook `{name}` is not set up any more."
            raise DeliveryError(text, reason="webhook_not_configured", permanent=True)
        body, headers = self._request(target, notification, incident, delivery_id)
        await self._client.post(name, target.url, body, headers)
        return Receipt(channel, delivery_id)

    async def find(self, channel: str, wanted: Sequence[WantedPost], *, is_urgent: bool) -> FoundPosts:
        """Raise LookUpUnavailable: a webhook cannot be asked what it received."""
        raise LookUpUnavailable

    async def delete(self, receipt: Receipt) -> None:
        """Do nothing: the receiver drops an event that it got before."""

    async def ping(self) -> None:
        """Return: each webhook is retried for itself."""

    def _request(
        self, target: ConfiguredWebhook, notification: Notification, incident: Incident, event_id: str
    ) -> tuple[bytes, Mapping[str, str]]:
        if target.webhook.kind is WebhookKind.PAGERDUTY:
            return encode_event(build_pagerduty_event(incident, target.secret, notification.escalation)), {}
        body = encode_event(build_event(notification, incident, event_id))
        return body, {
            HEADER: sign(body, target.secret, int(self._clock().timestamp())),
            "Trainwatch-Delivery": event_id,
        }
