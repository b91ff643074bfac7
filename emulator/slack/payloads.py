"""The payloads Slack sends an app: slash commands, block actions, view submissions, shortcuts, events.

Pure except for ids and tokens taken from the context. Source: docs.slack.dev/reference/interaction-payloads and
reference/events (documented, read 2026-11-20).
"""

from typing import Any

from emulator.slack.blocks import elements
from emulator.slack.mentions import typed_markup
from emulator.slack.methods.call import MethodContext
from emulator.slack.model import Channel, Json, Message, User, View
from emulator.slack.serialization import message_json, view_json

_VALUE_FIELDS = {
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}


def slash(context: MethodContext, user: User, channel: Channel, command: str, text: str) -> Json:
    """A slash command: a flat form."""
    workspace = context.workspace
    return {
        "token": "legacy-verification-token",
        "team_id": user.team_id or workspace.team_id,
        "team_domain": workspace.domain,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": typed_markup(workspace, text) if workspace.app.escapes_commands else text,
        "api_app_id": workspace.app.id,
        "is_enterprise_install": "false",
        "response_url": response_url(context, user, channel),
        "trigger_id": context.interaction_tokens.add_trigger(user.id, channel.id, context.now),
    }


def response_url(context: MethodContext, user: User, channel: Channel, message: Message | None = None) -> str:
    """A fresh response URL."""
    key = context.interaction_tokens.add_response_url(user.id, channel.id, context.now, message)
    return f"{context.base_url}/slack/response/{key}"


def block_action(context: MethodContext, user: User, place: Message | View, element: Json, choice: Any) -> Json:
    """A pressed button or a changed choice, in a message, a modal or App Home."""
    payload = _interaction(context, user, "block_actions")
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": element["block_id"],
        "action_ts": context.workspace.new_ts(),
    }
    if element["type"] in ("button", "workflow_button"):
        action |= {name: element[name] for name in ("text", "value", "style") if name in element}
    else:
        action |= state_value(element, choice)
    payload["actions"] = [action]
    if isinstance(place, View):
        payload["view"] = view_json(context.workspace, place)
        payload["view"]["state"] = {"values": view_state(place)}
        payload["container"] = {"type": "view", "view_id": place.id}
        payload["trigger_id"] = context.interaction_tokens.add_trigger(
            user.id, place.channel, context.now, _modal(place)
        )
        return payload
    channel = context.workspace.channels[place.channel]
    payload["channel"] = {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name}
    payload["container"] = {
        "type": "message",
        "message_ts": place.ts,
        "channel_id": channel.id,
        "is_ephemeral": place.is_ephemeral,
    }
    if place.thread_ts:
        payload["container"]["thread_ts"] = place.thread_ts
    preview = _preview_of(place, element)
    if preview is not None:
        payload["container"] |= {"type": "message_attachment", "attachment_id": preview["id"], "is_app_unfurl": True}
        payload["container"]["app_unfurl_url"] = preview["app_unfurl_url"]
        payload["app_unfurl"] = preview
    elif not place.is_ephemeral:
        payload["message"] = message_json(context.workspace, place)
    payload["state"] = {"values": {}}
    payload["trigger_id"] = context.interaction_tokens.add_trigger(user.id, channel.id, context.now)
    payload["response_url"] = response_url(context, user, channel, place)
    return payload


def _preview_of(place: Message, element: Json) -> Json | None:
    """The preview of a link that holds an element."""
    for one in place.attachments or []:
        if one.get("is_app_unfurl") and any(block["block_id"] == element["block_id"] for block in one["blocks"]):
            return one
    return None


def view_submission(context: MethodContext, user: User, view: View) -> Json:
    """A submitted modal, with the state of every input."""
    payload = _interaction(context, user, "view_submission")
    payload["view"] = view_json(context.workspace, view) | {"state": {"values": view_state(view)}}
    payload["trigger_id"] = context.interaction_tokens.add_trigger(user.id, view.channel, context.now, view)
    payload["response_urls"] = []
    return payload


def view_closed(context: MethodContext, user: User, view: View) -> Json:
    """A closed modal; sent only if the view asked for it."""
    payload = _interaction(context, user, "view_closed")
    payload |= {"view": view_json(context.workspace, view), "is_cleared": False}
    return payload


def block_suggestion(context: MethodContext, user: User, place: Message | View, element: Json, query: str) -> Json:
    """What a person typed into a select whose options the app gives."""
    payload = _interaction(context, user, "block_suggestion")
    payload |= {"action_id": element["action_id"], "block_id": element["block_id"], "value": query}
    if isinstance(place, View):
        payload["view"] = view_json(context.workspace, place)
        payload["container"] = {"type": "view", "view_id": place.id}
    else:
        payload["channel"] = {"id": place.channel, "name": context.workspace.channels[place.channel].name}
        payload["container"] = {"type": "message", "message_ts": place.ts, "channel_id": place.channel}
    return payload


def shortcut(context: MethodContext, user: User, callback_id: str, message: Message | None) -> Json:
    """A global shortcut, or one on a message."""
    payload = _interaction(context, user, "message_action" if message else "shortcut")
    payload |= {"callback_id": callback_id, "action_ts": context.workspace.new_ts()}
    channel_id = message.channel if message else None
    payload["trigger_id"] = context.interaction_tokens.add_trigger(user.id, channel_id, context.now)
    if message:
        channel = context.workspace.channels[message.channel]
        payload |= {
            "channel": {"id": channel.id, "name": channel.name},
            "message": message_json(context.workspace, message),
            "message_ts": message.ts,
            "response_url": response_url(context, user, channel),
        }
    return payload


def event(context: MethodContext, body: Json) -> Json:
    """An Events API callback around one event."""
    workspace, app = context.workspace, context.workspace.app
    authorization = {
        "enterprise_id": None,
        "team_id": workspace.team_id,
        "user_id": app.bot_user_id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": "legacy-verification-token",
        "team_id": workspace.team_id,
        "api_app_id": app.id,
        "event": {**body, "event_ts": workspace.new_ts()},
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(context.now),
        "authorizations": [authorization],
        "is_ext_shared_channel": _is_ext_shared(context, body),
    }


def _is_ext_shared(context: MethodContext, body: Json) -> bool:
    channel = body.get("channel")
    known = context.workspace.channels.get(channel) if isinstance(channel, str) else None
    return known is not None and known.is_ext_shared


def find_element(place: Message | View, action_id: str) -> Json:
    """The interactive element with this `action_id`, with the id of its block.

    Raises:
        KeyError: the message or view shows none.
    """
    blocks = list(place.source["blocks"] if isinstance(place, View) else place.blocks or [])
    if isinstance(place, Message):
        blocks += [block for item in place.attachments or [] for block in item.get("blocks", [])]
    for block in blocks:
        for element in elements(block):
            if element.get("action_id") == action_id:
                return {**element, "block_id": block.get("block_id", "")}
    raise KeyError(action_id)


def view_state(view: View) -> Json:
    """`state.values` of a view: what was typed, else the initial values."""
    state: Json = {}
    for block in view.source["blocks"]:
        for element in elements(block):
            kind, action_id = element["type"], element.get("action_id")
            if action_id and kind not in ("button", "workflow_button", "overflow"):
                typed = view.values.get(block["block_id"], {}).get(action_id)
                state.setdefault(block["block_id"], {})[action_id] = typed or state_value(element, None)
    return state


def state_value(element: Json, choice: Any) -> Json:
    """How Slack writes down the value of an input element; `choice` None means its initial value."""
    kind = element["type"]
    name = _VALUE_FIELDS.get(kind, "value")
    if choice is None:
        initial = element.get(name.replace("selected_", "initial_") if name != "value" else "initial_value")
        return {"type": kind, name: initial if initial is not None else ([] if name.endswith("s") else None)}
    if choice == "":
        return {"type": kind, name: None}
    if name == "selected_option":
        choice = _option(element, choice)
    elif name == "selected_options":
        choice = [_option(element, item) for item in choice]
    return {"type": kind, name: choice}


def _option(element: Json, choice: Any) -> Json:
    """The option with this value or text; options of an external select come from the app, as they are."""
    if isinstance(choice, dict):
        return choice
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    for option in [*element.get("options", []), *grouped]:
        if choice in (option["value"], option["text"]["text"]):
            return dict(option)
    raise KeyError(choice)


def _modal(view: View) -> View | None:
    return view if view.source["type"] == "modal" else None


def _interaction(context: MethodContext, user: User, kind: str) -> Json:
    workspace = context.workspace
    return {
        "type": kind,
        "team": {"id": workspace.team_id, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id or workspace.team_id},
        "api_app_id": workspace.app.id,
        "token": "legacy-verification-token",
    }
