"""Deliver one Notification to one Slack channel.

It does not retry: the outbox does (`bot.watcher.deliver`). Messages are rendered in `bot.slack.render.alerts`; errors
are classified in `bot.slack.failures`.
"""

import logging
from collections.abc import Mapping, Sequence

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.alerts import Delivery, DeliveryKind, Notification, Receipt
from bot.domain.destinations import posting_channel
from bot.domain.posts import FoundPosts, WantedPost
from bot.domain.runs import RunReport
from bot.errors import DeliveryError, LookUpUnavailable
from bot.rules.escalation import is_channel
from bot.slack.client import post
from bot.slack.contacts import Contacts
from bot.slack.error_codes import THREAD_REFUSED
from bot.slack.failures import UNREACHABLE, delivery_error, error_code
from bot.slack.find_posts import PostHistory
from bot.slack.permalinks import Permalinks
from bot.slack.pictures import Pictures
from bot.slack.render.alerts import render_notification
from bot.slack.render.mentions import NO_MENTIONS
from bot.slack.render.ownership import render_direct
from bot.slack.render.run import shown_problems
from bot.slack.render.thread_commands import use_mentions

_NO_PERSON = "Slack does not allow a direct message to that person, who may have left."

log = logging.getLogger(__name__)


class SlackNotifier:
    """Sends Notifications through a client that does not retry (`bot.slack.client`), and finds them again."""

    def __init__(
        self,
        client: AsyncWebClient,
        contacts: Contacts | None = None,
        history: PostHistory | None = None,
        pictures: Pictures | None = None,
    ) -> None:
        self._client, self._contacts, self._history, self._pictures = client, contacts, history, pictures
        self._permalinks = Permalinks()

    async def send(
        self, notification: Notification, *, channel: str, root: Receipt | None, delivery_id: str
    ) -> Receipt:
        """Post or edit the incident's root message, or reply in its thread.

        Raises:
            DeliveryError: The message was not accepted; `permanent` if a retry cannot help.
        """
        if notification.kind is DeliveryKind.DIRECT:
            return await self._send_direct(notification, channel, delivery_id)
        if notification.kind is DeliveryKind.PICTURE:
            return await self._send_picture(notification, delivery_id)
        mentioned = await self._contacts.mentions(notification) if self._contacts is not None else NO_MENTIONS
        links = {} if notification.run is None else await self._links(notification.run)
        message = render_notification(notification, mentioned, links)
        shown = use_mentions(message) if notification.kind is DeliveryKind.REPLY else message
        if notification.kind is DeliveryKind.EDIT:
            # Without metadata, the message keeps the metadata that it was posted with.
            target = {"channel": _needed(root).channel, "ts": _needed(root).ts}
            return await post(self._client, {**target, **shown.payload()}, "chat.update")
        payload = shown.payload() | _metadata(notification, delivery_id)
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

    async def find(self, channel: str, wanted: Sequence[WantedPost], *, is_urgent: bool) -> FoundPosts:
        """Look for messages of one channel by their delivery ids.

        Raises:
            LookUpUnavailable: The channel's history cannot be read.
            DeliveryError: It cannot be read now.
        """
        if self._history is None:
            raise LookUpUnavailable
        return await self._history.find(posting_channel(channel), wanted, is_urgent=is_urgent)

    async def delete(self, receipt: Receipt) -> None:
        """Delete a message of trainwatch.

        Raises:
            DeliveryError: It was not deleted.
        """
        try:
            await self._client.chat_delete(channel=receipt.channel, ts=receipt.ts)
        except UNREACHABLE as error:
            if error_code(error) != "message_not_found":
                raise delivery_error(error) from error

    async def ping(self) -> None:
        """Return if Slack answers, whatever it answers.

        Raises:
            DeliveryError: It does not, or with a server error.
        """
        try:
            await self._client.auth_test()
        except UNREACHABLE as error:
            problem = delivery_error(error)
            if problem.unreachable:
                raise problem from error

    async def _send_direct(self, notification: Notification, user: str, delivery_id: str) -> Receipt:
        """Message a person; Slack opens the conversation with the app."""
        thread = notification.thread
        permalink = await self._permalinks.find(self._client, thread) if thread is not None else None
        content = render_direct(notification, permalink).payload()
        payload = content | _metadata(notification, delivery_id)
        try:
            return await post(self._client, {"channel": user, **payload, "unfurl_links": False, "unfurl_media": False})
        except DeliveryError as error:
            if error.reason != "channel_not_found" or is_channel(user):
                raise
            raise DeliveryError(_NO_PERSON, reason=error.reason, permanent=True) from error

    async def follow_ups(self, notification: Notification, sent: Receipt, root: Receipt | None) -> Sequence[Delivery]:
        """Return what follows a notification that arrived: a message to the job's owner, a picture. Never raises."""
        direct = () if self._contacts is None else await self._contacts.direct_messages(notification, sent)
        pictures = () if self._pictures is None else await self._pictures.follow(notification, root)
        return (*direct, *pictures)

    async def _send_picture(self, notification: Notification, delivery_id: str) -> Receipt:
        """Post a picture in a thread; without the thread, there is nothing to illustrate."""
        if self._pictures is None:
            raise DeliveryError("This process draws no pictures.", reason="no_painter", permanent=False)
        try:
            return await self._pictures.send(notification, _metadata(notification, delivery_id), delivery_id)
        except DeliveryError as error:
            if not error.root_gone:
                raise
            raise DeliveryError(error.public, reason=error.reason, permanent=True) from error

    async def _links(self, run: RunReport) -> Mapping[str, str]:
        """The addresses of the incidents that a run's message names, by id, as far as Slack returns them."""
        shown = shown_problems(run.problems)
        posted = {one.incident_id: Receipt(run.channel, one.ts) for one in shown if one.ts}
        found = {name: await self._permalinks.find(self._client, root) for name, root in posted.items()}
        return {name: address for name, address in found.items() if address is not None}


def _metadata(notification: Notification, delivery_id: str) -> dict[str, object]:
    """Message metadata with the delivery's id, and with the alert's id so that programs can distinguish firings."""
    incident, payload = notification.incident, {"delivery_id": delivery_id}
    if notification.run is not None:
        return {
            "metadata": {"event_type": "trainwatch_run", "event_payload": payload | {"run_id": notification.run.id}}
        }
    if notification.board is not None:
        return {"metadata": {"event_type": "trainwatch_digest", "event_payload": payload}}
    if notification.digest is not None:
        payload |= {"alert_id": notification.digest.id, "incident_id": notification.digest.id}
        return {"metadata": {"event_type": "trainwatch_alert", "event_payload": payload}}
    if incident is None:
        return {"metadata": {"event_type": "trainwatch_note", "event_payload": payload}}
    alert_id = notification.alert_id or next((alert.id for alert in incident.alerts), "")
    payload |= {"alert_id": alert_id, "incident_id": incident.id}
    return {"metadata": {"event_type": "trainwatch_alert", "event_payload": payload}}


def _needed(root: Receipt | None) -> Receipt:
    if root is None:
        raise DeliveryError("The root message of the incident was never posted.", reason="no_root", permanent=True)
    return root
