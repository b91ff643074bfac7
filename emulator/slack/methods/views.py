"""`views.*`: modals and App Home, and `blocks.validate`.

Source: docs.slack.dev/reference/methods/views.* and surfaces/modals (documented, read 2026-11-20).
"""

import json
from typing import Any

from emulator.slack.blocks import message_faults, view_faults
from emulator.slack.json_shapes import Fault
from emulator.slack.methods.call import Call, Method
from emulator.slack.methods.files import check_slack_files
from emulator.slack.model import Json, SlackError, View
from emulator.slack.serialization import view_json

VIEW_BYTES_MAX = 250_000
STACK_MAX = 3


def checked_view(source: Any, kind: str) -> Json:
    """A view that Slack would show.

    Raises:
        SlackError: view_too_large, or invalid_arguments with Slack's messages and pointers.
    """
    if len(json.dumps(source)) > VIEW_BYTES_MAX:
        raise SlackError("view_too_large")
    found = view_faults(source)
    if not found and source["type"] != kind:
        found = [Fault("/view/type", f"must be {kind}")]
    if found:
        messages = [f"[ERROR] {fault}" for fault in found]
        raise SlackError("invalid_arguments", response_metadata={"messages": messages})
    return dict(source)


def _shown_view(call: Call, kind: str = "modal") -> Json:
    """The view of a call, with files that can be shown."""
    source = checked_view(call.value("view"), kind)
    check_slack_files(call.workspace, source["blocks"])
    return source


def open_view(call: Call) -> Json:
    """`views.open`."""
    source = _shown_view(call)
    _refuse_known_external_id(call, source)
    trigger = call.context.interaction_tokens.use_trigger(call.need("trigger_id"), call.context.now)
    view = call.workspace.new_view(trigger.user, source)
    view.channel = trigger.channel
    if len(call.workspace.modals.get(trigger.user, [])) >= STACK_MAX:
        raise SlackError("push_limit_reached")
    call.workspace.show_modal(view)
    return {"view": view_json(call.workspace, view)}


def push(call: Call) -> Json:
    """`views.push`: on top of the modal whose button gave the trigger id."""
    source = _shown_view(call)
    _refuse_known_external_id(call, source)
    trigger = call.context.interaction_tokens.use_trigger(call.need("trigger_id"), call.context.now)
    if trigger.view is None:
        raise SlackError("no_view_to_push_onto")
    if len(call.workspace.modals.get(trigger.user, [])) >= STACK_MAX:
        raise SlackError("push_limit_reached")
    view = call.workspace.new_view(trigger.user, source, previous=trigger.view)
    call.workspace.show_modal(view)
    return {"view": view_json(call.workspace, view)}


def update(call: Call) -> Json:
    """`views.update`: by view id or external id, guarded by `hash` if given."""
    view = _find(call)
    source = _shown_view(call, str(view.source["type"]))
    if call.args.get("hash") and call.args["hash"] != view.hash:
        raise SlackError("hash_conflict")
    call.workspace.change_view(view, source)
    return {"view": view_json(call.workspace, view)}


def publish(call: Call) -> Json:
    """`views.publish`: a person's App Home."""
    user = call.need("user_id")
    if user not in call.workspace.users:
        raise SlackError("user_not_found")
    source = _shown_view(call, "home")
    published = call.workspace.homes.get(user)
    if call.args.get("hash") and published and call.args["hash"] != published.hash:
        raise SlackError("hash_conflict")
    view = call.workspace.publish_home(user, source)
    return {"view": view_json(call.workspace, view)}


def validate(call: Call) -> Json:
    """`blocks.validate`: exactly one of blocks, message or view; no token needed."""
    given = [name for name in ("blocks", "message", "view") if call.args.get(name) is not None]
    if len(given) != 1:
        raise SlackError("invalid_arguments")
    value = call.value(given[0])
    if given[0] == "view":
        found = view_faults(value, "")
    elif given[0] == "message":
        found = message_faults(value.get("blocks", []))
    else:
        found = message_faults(value, "")
    errors = [{"pointer": fault.pointer, "code": "invalid", "message": fault.message} for fault in found]
    return {"is_valid": not errors, "errors": errors}


def _find(call: Call) -> View:
    external_id = call.args.get("external_id")
    for stack in call.workspace.modals.values():
        for view in stack:
            if view.id == call.args.get("view_id") or (external_id and view.source.get("external_id") == external_id):
                return view
    view_by_id = call.workspace.view(str(call.args.get("view_id") or ""))
    if view_by_id is None:
        raise SlackError("not_found")
    return view_by_id


def _refuse_known_external_id(call: Call, source: Json) -> None:
    wanted = source.get("external_id")
    open_views = (view for stack in call.workspace.modals.values() for view in stack)
    if wanted and any(view.source.get("external_id") == wanted for view in open_views):
        raise SlackError("duplicate_external_id")


METHODS = {
    "views.open": Method(open_view, tier=4),
    "views.push": Method(push, tier=4),
    "views.update": Method(update, tier=4),
    "views.publish": Method(publish, tier=4),
    "blocks.validate": Method(validate, token=None),
}
