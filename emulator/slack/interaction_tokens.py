"""What an interaction lets the app do afterwards: trigger ids and response URLs, with their ends.

Source: docs.slack.dev/interactivity/handling-user-interaction and surfaces/modals (documented, read 2026-11-20):
a trigger id works once and for 3 seconds, a response URL five times and for 30 minutes.
"""

import secrets
from dataclasses import dataclass, field

from emulator.slack.model import Message, SlackError, View

TRIGGER_LIFE_S = 3.0
RESPONSE_URL_LIFE_S = 30 * 60.0
RESPONSE_URL_USES = 5


@dataclass(slots=True)
class Trigger:
    """A right to open one modal for one person."""

    user: str
    channel: str | None
    expires_at: float
    view: View | None = None
    """The modal it came from, if it did: `views.push` puts the next one on top of it."""
    is_used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """A right to answer one person in one channel."""

    user: str
    channel: str
    expires_at: float
    message: Message | None = None
    """The message whose button was pressed; what `replace_original` replaces."""
    thread_ts: str | None = None
    uses_left: int = RESPONSE_URL_USES


@dataclass(slots=True)
class InteractionTokens:
    """All tokens given out."""

    triggers: dict[str, Trigger] = field(default_factory=dict)
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    sockets: set[str] = field(default_factory=set)
    """Socket Mode URLs handed out and not yet used."""
    response_url_life_s: float = RESPONSE_URL_LIFE_S

    def add_trigger(self, user: str, channel: str | None, now: float, view: View | None = None) -> str:
        """Give out a trigger id."""
        trigger_id = f"{int(now * 1000)}.{secrets.token_hex(8)}"
        self.triggers[trigger_id] = Trigger(user, channel, now + TRIGGER_LIFE_S, view)
        return trigger_id

    def use_trigger(self, trigger_id: str, now: float) -> Trigger:
        """Take a trigger id.

        Raises:
            SlackError: invalid_trigger_id, exchanged_trigger_id or expired_trigger_id.
        """
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.is_used:
            raise SlackError("exchanged_trigger_id")
        if now > trigger.expires_at:
            raise SlackError("expired_trigger_id")
        trigger.is_used = True
        return trigger

    def add_response_url(self, user: str, channel: str, now: float, message: Message | None = None) -> str:
        """Give out a response URL; returns the part after `/slack/response/`."""
        key = f"{secrets.token_hex(6)}/{secrets.token_hex(12)}"
        thread_ts = message.thread_ts if message and message.is_reply else None
        self.response_urls[key] = ResponseUrl(user, channel, now + self.response_url_life_s, message, thread_ts)
        return key

    def use_response_url(self, key: str, now: float) -> ResponseUrl:
        """Take one use of a response URL.

        Raises:
            SlackError: expired_url or used_url, HTTP 404.
        """
        ticket = self.response_urls.get(key)
        if ticket is None or now > ticket.expires_at:
            raise SlackError("expired_url", status=404)
        if ticket.uses_left == 0:
            raise SlackError("used_url", status=404)
        ticket.uses_left -= 1
        return ticket
