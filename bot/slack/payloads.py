"""Read the payloads that Slack sends: what was typed or clicked, by whom, where, and from which workspace. Pure.

Source: https://docs.slack.dev/reference/interaction-payloads, https://docs.slack.dev/reference/events and
https://docs.slack.dev/apis/events-api#authorizations (documented, read 2026-11-29).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.render.blocks import Action, read_entry
from bot.slack.render.home import HomeAction

Body = Mapping[str, Any]
DIAGNOSE_SHORTCUT = "diagnose_log"
"""The `callback_id` of the shortcut "Diagnose this log"; manifest.yml names the same."""
_HIDDEN = frozenset({"message_changed", "message_deleted", "message_replied", "tombstone"})


class MalformedPayload(ValueError):
    """A payload lacks what Slack documents for its type."""


@dataclass(frozen=True, slots=True)
class PayloadOrigin:
    """Where a payload comes from."""

    user: str | None
    """None for a workflow or an integration."""
    channel: str | None
    teams: frozenset[str] = frozenset()
    """Every workspace or organization that the payload names for the person or the place."""
    enterprise: str | None = None
    """The person's organization (Enterprise Grid)."""
    is_ext_shared: bool = False
    """Whether the payload says that the channel is shared with another organization."""

    @property
    def team(self) -> str:
        """The teams, for a record."""
        return " ".join(sorted(self.teams))


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """A slash command."""

    origin: PayloadOrigin
    user: str
    channel: str
    team: str | None
    text: str
    trigger_id: str
    """Opens a modal within three seconds."""


@dataclass(frozen=True, slots=True)
class Click:
    """A pressed button, or an entry chosen in a menu, of a message."""

    origin: PayloadOrigin
    user: str
    channel: str
    team: str | None
    action: str
    """What was pressed or chosen: an `Action`."""
    value: str
    is_ephemeral: bool
    thread_ts: str | None
    message_ts: str | None
    """None if the message is not visible to the app, as an ephemeral one."""
    message_thread_ts: str | None
    trigger_id: str
    """Opens a modal within three seconds."""
    key: str
    """The part of the `action_id` after the colon."""

    @property
    def is_root(self) -> bool:
        """Whether the message is not a reply."""
        return self.message_ts is not None and self.message_thread_ts in (None, self.message_ts)


@dataclass(frozen=True, slots=True)
class HomeClick:
    """A pressed button or a chosen entry of App Home, which belongs to no channel."""

    origin: PayloadOrigin
    user: str
    team: str | None
    direct: str
    """Where the app writes to this person: the direct message, or the person's id."""
    action: str
    """The part of the `action_id` before the colon."""
    key: str
    value: str
    trigger_id: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A message that mentions the bot."""

    origin: PayloadOrigin
    channel: str
    ts: str
    thread_ts: str | None
    team: str | None
    text: str
    is_from_app: bool
    """Whether an app or a workflow wrote it."""
    is_hidden: bool
    """Whether it reports a change of a message, not a message."""
    message: Body
    """The message itself, with its files."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut in the menu of a message."""

    origin: PayloadOrigin
    user: str
    channel: str
    thread_ts: str
    """The thread of the message, which the message itself may begin."""
    message: Body


@dataclass(frozen=True, slots=True)
class SharedLinks:
    """Links to platforms in a message."""

    origin: PayloadOrigin
    channel: str
    ts: str
    urls: tuple[str, ...]
    """As the event has them."""


def check_payload(body: object) -> None:
    """Check the shape of a payload before Bolt routes it.

    Raises:
        MalformedPayload: it does not have what Slack documents.
    """
    if not isinstance(body, Mapping):
        raise MalformedPayload("not an object")
    match body:
        case {"type": "event_callback", "event": {"type": str(name)}}:
            _check_event(body, name)
        case {"type": "event_callback"}:
            raise MalformedPayload("an event without a type")
        case {"type": "block_actions", "actions": [{"action_id": str(action_id)}, *_]}:
            _check_person(body)
            if action_id.partition(":")[0] in list(Action) and not isinstance(body.get("view"), dict):
                read_click(body)
            elif action_id.partition(":")[0] in list(HomeAction):
                read_home_click(body)
        case {"type": "message_action", "callback_id": callback_id} if callback_id == DIAGNOSE_SHORTCUT:
            read_shortcut(body)
        case {"type": "block_actions"}:
            raise MalformedPayload("a click without an action")
        case {"command": str()}:
            read_command(body)
        case {"type": "url_verification", "challenge": str()} | {"ssl_check": _}:
            return
        case {"type": str(name)} if name != "url_verification":
            _check_person(body)
        case _:
            raise MalformedPayload("neither a command nor an event nor an interaction")


def _check_event(body: Body, name: str) -> None:
    authorizations = body.get("authorizations")
    if authorizations is not None and not (
        isinstance(authorizations, list) and all(isinstance(one, dict) for one in authorizations)
    ):
        raise MalformedPayload("authorizations are not a list of objects")
    if name == "app_mention" or (name == "message" and text_at(body, "event", "channel_type") == "im"):
        read_mention_event(body)
    elif name in ("app_home_opened", "member_joined_channel", "member_left_channel"):
        read_event_user(body)


def _check_person(body: Body) -> None:
    if not all(isinstance(body.get(name) or {}, dict) for name in ("user", "team", "channel", "enterprise", "view")):
        raise MalformedPayload("the person or the place is not an object")


def read_command(body: Body) -> TypedCommand:
    """Read a slash command.

    Raises:
        MalformedPayload: it has no person or no channel.
    """
    user, channel = text_at(body, "user_id"), text_at(body, "channel_id")
    if user is None or channel is None:
        raise MalformedPayload("a command without a person or a channel")
    team = text_at(body, "team_id")
    origin = PayloadOrigin(user, channel, teams_of(team), text_at(body, "enterprise_id"))
    return TypedCommand(origin, user, channel, team, text_at(body, "text") or "", text_at(body, "trigger_id") or "")


def read_click(body: Body) -> Click:
    """Read a pressed button of a message.

    Raises:
        MalformedPayload: it has no person, channel or value.
    """
    user, channel = text_at(body, "user", "id"), text_at(body, "channel", "id")
    action_id, value = _read_action(body)
    if user is None or channel is None:
        raise MalformedPayload("a click without a person or a channel")
    team = text_at(body, "team", "id")
    container = body.get("container")
    action, _, key = action_id.partition(":")
    if action == Action.MORE:
        action, key, value = read_entry(value)
    is_unfurl = isinstance(container, dict) and container.get("is_app_unfurl") is True  # of somebody else's message
    return Click(
        PayloadOrigin(
            user, channel, teams_of(team, text_at(body, "user", "team_id")), text_at(body, "enterprise", "id")
        ),
        user,
        channel,
        team,
        action,
        value,
        is_ephemeral=isinstance(container, dict) and bool(container.get("is_ephemeral")),
        thread_ts=text_at(body, "container", "thread_ts"),
        message_ts=text_at(body, "message", "ts") or (text_at(body, "container", "message_ts") if is_unfurl else None),
        message_thread_ts=text_at(body, "message", "thread_ts"),
        trigger_id=text_at(body, "trigger_id") or "",
        key=key,
    )


def read_home_click(body: Body) -> HomeClick:
    """Read a pressed button of App Home.

    Raises:
        MalformedPayload: it has no person or value.
    """
    user, team = text_at(body, "user", "id"), text_at(body, "team", "id")
    action_id, value = _read_action(body)
    if user is None:
        raise MalformedPayload("a click without a person")
    origin = PayloadOrigin(
        user, None, teams_of(team, text_at(body, "user", "team_id")), text_at(body, "enterprise", "id")
    )
    action, _, key = action_id.partition(":")
    direct = text_at(body, "view", "private_metadata") or user
    return HomeClick(origin, user, team, direct, action, key, value, text_at(body, "trigger_id") or "")


def _read_action(body: Body) -> tuple[str, str]:
    """The `action_id` and the value of what was pressed or chosen."""
    match body.get("actions"):
        case [{"action_id": str(action_id), "value": str(value)}, *_]:
            return action_id, value
        case [{"action_id": str(action_id), "selected_option": {"value": str(value)}}, *_]:
            return action_id, value
        case _:
            raise MalformedPayload("a click without a value")


def read_mention_event(body: Body) -> Mention:
    """Read a mention, or a direct message.

    Raises:
        MalformedPayload: it has no channel or no time stamp.
    """
    channel, ts = text_at(body, "event", "channel"), text_at(body, "event", "ts")
    if channel is None or ts is None:
        raise MalformedPayload("a mention without a channel or a time stamp")
    user, event = text_at(body, "event", "user"), body["event"]
    return Mention(
        _event_origin(body, user, channel),
        channel,
        ts,
        text_at(body, "event", "thread_ts"),
        text_at(body, "team_id"),
        text_at(body, "event", "text") or "",
        is_from_app=user is None or bool(event.get("bot_id")),
        is_hidden=bool(event.get("hidden")) or event.get("subtype") in _HIDDEN,
        message=event,
    )


def read_shortcut(body: Body) -> Shortcut:
    """Read a shortcut of a message.

    Raises:
        MalformedPayload: it has no person, channel or message.
    """
    user, channel, message = text_at(body, "user", "id"), text_at(body, "channel", "id"), body.get("message")
    ts = text_at(body, "message", "thread_ts") or text_at(body, "message", "ts") or text_at(body, "message_ts")
    if user is None or channel is None or ts is None or not isinstance(message, Mapping):
        raise MalformedPayload("a shortcut without a person, a channel or a message")
    teams = teams_of(text_at(body, "team", "id"), text_at(body, "user", "team_id"))
    origin = PayloadOrigin(user, channel, teams, text_at(body, "enterprise", "id"))
    return Shortcut(origin, user, channel, ts, message)


def read_shared_links(body: Body) -> SharedLinks | None:
    """Read the links of a message; None for one that is being typed, which has no channel, and for malformed events."""
    channel, ts = text_at(body, "event", "channel"), text_at(body, "event", "message_ts")
    user, links = text_at(body, "event", "user"), body["event"].get("links")
    is_sent = text_at(body, "event", "source") in (None, "conversations_history")
    if channel is None or ts is None or user is None or not isinstance(links, list) or not is_sent:
        return None
    urls = [url for one in links if (url := text_at(one, "url")) is not None]
    return SharedLinks(_event_origin(body, user, channel), channel, ts, tuple(dict.fromkeys(urls)))


def read_event_user(body: Body) -> PayloadOrigin:
    """Read whom an event is about, and where.

    Raises:
        MalformedPayload: it has no person.
    """
    user = text_at(body, "event", "user")
    if user is None:
        raise MalformedPayload("an event without a person")
    return _event_origin(body, user, text_at(body, "event", "channel"))


def describe_payload(body: Body) -> tuple[PayloadOrigin, str]:
    """Where a payload comes from, and what was typed or clicked, as far as that is known."""
    try:
        if "command" in body:
            typed = read_command(body)
            return typed.origin, typed.text
        if body.get("type") == "block_actions":
            click = read_click(body)
            return click.origin, click.value
        if body.get("type") == "message_action":
            shortcut = read_shortcut(body)
            return shortcut.origin, str(body.get("callback_id") or "")
        if text_at(body, "event", "type") in ("app_mention", "message"):
            mention = read_mention_event(body)
            return mention.origin, mention.text
    except MalformedPayload:
        pass
    return PayloadOrigin(None, channel_of(body)), str(text_at(body, "event", "type") or body.get("type") or "")


def channel_of(body: Body) -> str | None:
    """The channel that an event is about: its id, or that of a channel object."""
    return text_at(body, "event", "channel") or text_at(body, "event", "channel", "id")


def _event_origin(body: Body, user: str | None, channel: str | None) -> PayloadOrigin:
    named = ("team", "user_team", "source_team")
    teams = teams_of(
        text_at(body, "team_id"),
        *(text_at(body, "event", name) for name in named),
        text_at(body, "event", "user_profile", "team"),
    )
    is_ext_shared = body.get("is_ext_shared_channel") is True
    return PayloadOrigin(user, channel, teams, text_at(body, "enterprise_id"), is_ext_shared)


def teams_of(*teams: str | None) -> frozenset[str]:
    """The teams that are named."""
    return frozenset(team for team in teams if team)


def text_at(value: object, *path: str) -> str | None:
    """Return the text at a path of keys; None if there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) and value else None
