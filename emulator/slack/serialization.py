"""Workspace values as the JSON Slack shows them in answers, events and interaction payloads.

Pure. The page has its own, richer view of a message in `page`.
"""

from emulator.slack.model import Channel, File, Json, Message, User, View
from emulator.slack.workspace import Workspace


def message_json(workspace: Workspace, message: Message) -> Json:
    """A message as `chat.postMessage` and `conversations.history` return it."""
    channel = workspace.channels[message.channel]
    shown: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
    shown["team"] = workspace.team_id
    if message.bot_id:
        app = workspace.app
        shown |= {"bot_id": message.bot_id, "app_id": app.id}
        shown["bot_profile"] = {"id": app.bot_id, "app_id": app.id, "name": app.name, "deleted": False}
    optional = {
        "blocks": message.blocks,
        "attachments": message.attachments,
        "thread_ts": message.thread_ts,
        "files": [file_json(file) if not channel.is_ext_shared else _hidden_file(file) for file in message.files],
    }
    shown |= {name: value for name, value in optional.items() if value}
    if message.edited_ts and not message.blocks:
        shown["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.reactions:
        shown["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
        ]
    replies = channel.replies(message.ts)
    if replies:
        shown |= {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
        shown["reply_users"] = sorted({reply.user for reply in replies})
    return shown


def channel_json(workspace: Workspace, channel: Channel) -> Json:
    """A conversation object."""
    if channel.is_im:
        other = next(iter(channel.members - {workspace.app.bot_user_id}), "")
        return {"id": channel.id, "is_im": True, "user": other, "is_archived": False, "is_open": True}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_general": False,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_member": workspace.app.bot_user_id in channel.members,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "context_team_id": workspace.team_id,
    }


def user_json(workspace: Workspace, user: User) -> Json:
    """A user object."""
    profile = {"real_name": user.real_name, "display_name": user.name}
    if user.email and "users:read.email" in workspace.app.scopes:
        profile["email"] = user.email
    return {
        "id": user.id,
        "team_id": user.team_id or workspace.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "tz": user.tz,
        "tz_offset": 0,
        "profile": profile,
    }


def view_json(workspace: Workspace, view: View) -> Json:
    """A view object, with the state a person has typed."""
    app = workspace.app
    shown: Json = {
        "id": view.id,
        "team_id": workspace.team_id,
        "app_id": app.id,
        "app_installed_team_id": workspace.team_id,
        "bot_id": app.bot_id,
        "hash": view.hash,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "state": {"values": view.values},
        "callback_id": "",
        "external_id": "",
        "private_metadata": "",
        "title": None,
        "submit": None,
        "close": None,
        "clear_on_close": False,
        "notify_on_close": False,
    }
    return {**shown, **view.source}


def _hidden_file(file: File) -> Json:
    """What messages of a channel that is shared with another organization say about a file."""
    unknown = {"created": 0, "timestamp": 0, "user": ""}
    return {"id": file.id, "mode": "file_access", "file_access": "check_file_info", **unknown}


def file_json(file: File) -> Json:
    """A file object."""
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        "user": file.user,
        "size": file.size,
        "url_private": file.url.replace("/download/", "/"),
        "url_private_download": file.url,
        "filetype": file.snippet_type or "text",
        "mode": "snippet" if file.snippet_type else "hosted",
    }
