"""`conversations.*`, `users.*`, `usergroups.*`, `reactions.add` and `pins.add`: who and what there is.

Source: docs.slack.dev/reference/methods (documented, read 2026-11-20).
"""

from emulator.slack.limits import DISTRIBUTED_PAGE
from emulator.slack.methods.call import Call, Method
from emulator.slack.model import Channel, Json, Message, SlackError
from emulator.slack.serialization import channel_json, message_json, user_json


def info(call: Call) -> Json:
    """`conversations.info`."""
    channel = call.channel()
    _need_scope_for(call, channel, "read")
    return {"channel": channel_json(call.workspace, channel)}


def list_channels(call: Call) -> Json:
    """`conversations.list`: the channels the app may see, of the asked types, page by page."""
    return _page(call, "channels", [channel_json(call.workspace, channel) for channel in _visible(call)])


def of_user(call: Call) -> Json:
    """`users.conversations`: those of a member, by default the bot's own."""
    user = str(call.args.get("user") or call.workspace.app.bot_user_id)
    mine = [channel for channel in _visible(call) if user in channel.members]
    return _page(call, "channels", [channel_json(call.workspace, channel) for channel in mine])


def join(call: Call) -> Json:
    """`conversations.join`: public channels only."""
    channel = call.channel()
    if channel.is_private or channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    call.workspace.join(channel, call.workspace.app.bot_user_id)
    return {"channel": channel_json(call.workspace, channel)}


def open_direct(call: Call) -> Json:
    """`conversations.open`: the direct message with one user."""
    users = [name for name in str(call.args.get("users") or "").split(",") if name]
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1 or users[0] not in call.workspace.users:
        raise SlackError("user_not_found")
    channel = call.workspace.direct_channel(users[0])
    return {"channel": {"id": channel.id, "is_im": True, "user": users[0]}, "no_op": False}


def members(call: Call) -> Json:
    """`conversations.members`."""
    channel = call.channel()
    _need_scope_for(call, channel, "read")
    return _page(call, "members", sorted(channel.members))


def history(call: Call) -> Json:
    """`conversations.history`: newest first, without thread replies."""
    channel = call.channel()
    _need_scope_for(call, channel, "history")
    if call.workspace.app.bot_user_id not in channel.members:
        raise SlackError("not_in_channel")
    found = list(reversed(_between(call, channel.messages)))
    return {**_history_page(call, found), "pin_count": len(channel.pins)}


def replies(call: Call) -> Json:
    """`conversations.replies`: the root and its replies, oldest first."""
    channel = call.channel()
    _need_scope_for(call, channel, "history")
    root = channel.find(call.need("ts"))
    if root is None or root.is_ephemeral:
        raise SlackError("thread_not_found")
    thread_ts = root.thread_ts or root.ts
    thread = [message for message in (channel.find(thread_ts),) if message]
    return _history_page(call, [*thread, *_between(call, channel.replies(thread_ts))])


def user_info(call: Call) -> Json:
    """`users.info`."""
    user = call.workspace.users.get(call.need("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user_json(call.workspace, user)}


def lookup_by_email(call: Call) -> Json:
    """`users.lookupByEmail`."""
    email = call.need("email").lower()
    found = [user for user in call.workspace.users.values() if user.email and user.email.lower() == email]
    if not found:
        raise SlackError("users_not_found")
    return {"user": user_json(call.workspace, found[0])}


def group_members(call: Call) -> Json:
    """`usergroups.users.list`."""
    group = call.workspace.groups.get(call.need("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": sorted(group.members)}


def add_reaction(call: Call) -> Json:
    """`reactions.add`."""
    message = call.message(call.channel(), "timestamp")
    users = message.reactions.setdefault(call.need("name").strip(":"), [])
    if call.workspace.app.bot_user_id in users:
        raise SlackError("already_reacted")
    users.append(call.workspace.app.bot_user_id)
    call.workspace.touch(message)
    return {}


def get_reactions(call: Call) -> Json:
    """`reactions.get`: a message with its reactions."""
    message = call.message(call.channel(), "timestamp")
    return {"type": "message", "channel": message.channel, "message": message_json(call.workspace, message)}


def add_pin(call: Call) -> Json:
    """`pins.add`."""
    channel = call.channel()
    message = call.message(channel, "timestamp")
    if message.ts in channel.pins:
        raise SlackError("already_pinned")
    channel.pins.append(message.ts)
    return {}


def _visible(call: Call) -> list[Channel]:
    asked = str(call.args.get("types") or "public_channel").split(",")
    without_archived = call.flag("exclude_archived")
    bot, scopes = call.workspace.app.bot_user_id, call.workspace.app.scopes
    needed = {"im": "im:read", "private_channel": "groups:read", "public_channel": "channels:read"}
    if missing := [needed[kind] for kind in asked if kind in needed and needed[kind] not in scopes]:
        raise SlackError("missing_scope", needed=missing[0], provided=",".join(sorted(scopes)))
    found = []
    for channel in call.workspace.channels.values():
        kind = "im" if channel.is_im else "private_channel" if channel.is_private else "public_channel"
        if kind not in asked or (without_archived and channel.is_archived):
            continue
        if kind == "public_channel" or bot in channel.members:
            found.append(channel)
    return found


def _need_scope_for(call: Call, channel: Channel, right: str) -> None:
    family = "im" if channel.is_im else "groups" if channel.is_private else "channels"
    scopes = call.workspace.app.scopes
    if f"{family}:{right}" not in scopes:
        raise SlackError("missing_scope", needed=f"{family}:{right}", provided=",".join(sorted(scopes)))


def _between(call: Call, messages: list[Message]) -> list[Message]:
    """The messages between `oldest` and `latest`."""
    oldest, latest = str(call.args.get("oldest") or "0"), str(call.args.get("latest") or "9" * 11)
    inclusive = call.flag("inclusive")
    return [
        message
        for message in messages
        if oldest < message.ts < latest or (inclusive and message.ts in (oldest, latest))
    ]


def _history_page(call: Call, messages: list[Message]) -> Json:
    if call.context.limits.is_distributed:
        call.args["limit"] = min(int(call.args.get("limit") or DISTRIBUTED_PAGE), DISTRIBUTED_PAGE)
    return _page(call, "messages", _shown(call, messages))


def _shown(call: Call, messages: list[Message]) -> list[Json]:
    shown = [message_json(call.workspace, message) for message in messages]
    if call.flag("include_all_metadata"):
        for value, message in zip(shown, messages, strict=True):
            if message.metadata:
                value["metadata"] = message.metadata
    return shown


def _page(call: Call, name: str, values: list[Json] | list[str]) -> Json:
    """One page of a list; the cursor is the number of values already given."""
    limit = int(call.args.get("limit") or 100)
    if limit < 1:
        raise SlackError("invalid_limit")
    cursor = str(call.args.get("cursor") or "0")
    if not cursor.isdecimal():
        raise SlackError("invalid_cursor")
    start, end = int(cursor), int(cursor) + min(limit, 1000)
    following = str(end) if end < len(values) else ""
    return {
        name: values[start:end],
        "has_more": bool(following),
        "response_metadata": {"next_cursor": following},
    }


_ANY_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_ANY_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
METHODS = {
    "conversations.info": Method(info, _ANY_READ),
    "conversations.list": Method(list_channels, _ANY_READ, tier=2),
    "conversations.join": Method(join, ("channels:join",)),
    "conversations.open": Method(open_direct, ("im:write", "mpim:write")),
    "conversations.members": Method(members, _ANY_READ, tier=4),
    "conversations.history": Method(history, _ANY_HISTORY),
    "conversations.replies": Method(replies, _ANY_HISTORY),
    "users.conversations": Method(of_user, _ANY_READ),
    "users.info": Method(user_info, ("users:read",), tier=4),
    "users.lookupByEmail": Method(lookup_by_email, ("users:read.email",)),
    "reactions.get": Method(get_reactions, ("reactions:read",)),
    "usergroups.users.list": Method(group_members, ("usergroups:read",), tier=2),
    "reactions.add": Method(add_reaction, ("reactions:write",)),
    "pins.add": Method(add_pin, ("pins:write",), tier=2),
}
