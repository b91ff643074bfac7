"""Acknowledge what nothing listens to, and log the events that change what trainwatch can do.

Slack sends an event again that is not acknowledged, and ends subscriptions of apps that acknowledge too little. Source:
https://docs.slack.dev/apis/events-api#error-handling (documented, read 2026-11-29).
"""

import logging
from collections.abc import Mapping

from slack_bolt.response import BoltResponse

from bot.slack.payloads import Body

log = logging.getLogger(__name__)

COMMAND = "/train"
NOTED_EVENTS: Mapping[str, str] = {
    "app_uninstalled": "The app was uninstalled. Nothing can be posted until it is installed again.",
    "tokens_revoked": "A token was revoked. Install the app again if the bot's token was.",
    "channel_archive": "Alerts for the channel wait until it is unarchived.",
    "channel_deleted": "Alerts for the channel cannot be delivered.",
    "channel_left": "Alerts for the channel wait until the bot is invited again.",
    "group_archive": "Alerts for the channel wait until it is unarchived.",
    "group_deleted": "Alerts for the channel cannot be delivered.",
    "group_left": "Alerts for the channel wait until the bot is invited again.",
}
"""Events to log, and what each means."""
RESUMING_EVENTS = ("channel_unarchive", "group_unarchive")
"""Events after which waiting alerts can be delivered."""

_UNKNOWN_COMMAND = "trainwatch only answers `/train`. Type `/train help`."


def acknowledge_unhandled(body: Body) -> BoltResponse:
    """The acknowledgement of a payload without a listener: empty, except that a person learns what to type."""
    kind = str(body.get("type") or "command")
    event = body.get("event")
    name = str(event.get("type")) if isinstance(event, Mapping) else str(body.get("command") or kind)
    log.debug("event ignored", extra={"payload_type": kind, "reason": f"nothing listens to {name[:80]}"})
    if body.get("command") == COMMAND:  # its listener runs, but was too slow to acknowledge
        return BoltResponse(status=200, body="")
    if "command" in body:
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": _UNKNOWN_COMMAND})
    if kind in ("block_suggestion", "dialog_suggestion", "interactive_suggestion"):
        return BoltResponse(status=200, body={"options": []})
    return BoltResponse(status=200, body="")


def note_event(name: str, channel: str | None) -> None:
    """Log an event of NOTED_EVENTS."""
    log.warning("slack event", extra={"event_type": name, "channel": channel, "reason": NOTED_EVENTS[name]})
