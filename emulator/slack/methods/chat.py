"""`chat.*`: posting, editing and deleting messages, and the checks Slack makes of what they say.

Source: docs.slack.dev/reference/methods/chat.* (documented, read 2026-11-20) unless a function says otherwise.
"""

import json
from dataclasses import dataclass
from typing import Any

from emulator.slack import blocks as block_rules
from emulator.slack.methods.call import Call, Method
from emulator.slack.methods.files import check_slack_files
from emulator.slack.model import Channel, Json, Message, SlackError
from emulator.slack.serialization import message_json

TEXT_CUT_AT = 40_000
UPDATE_TEXT_MAX = 4_000
MARKDOWN_TEXT_MAX = 12_000
ATTACHMENTS_MAX = 100
METADATA_BYTES_MAX = 8_000
"""Invented: Slack documents the error `metadata_too_large`, not the size."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a message is to say, checked."""

    text: str
    blocks: list[Json] | None
    attachments: list[Json] | None
    metadata: Json | None


def checked_content(call: Call, *, is_update: bool = False) -> Content:
    """Read and check text, blocks, attachments and metadata of a call.

    Raises:
        SlackError: no_text, msg_too_long, invalid_blocks, msg_blocks_too_long, invalid_attachments,
            too_many_attachments, markdown_text_conflict, invalid_metadata_format or metadata_too_large.
    """
    text = str(call.args.get("text") or "")
    blocks, attachments = call.value("blocks"), call.value("attachments")
    markdown = call.args.get("markdown_text")
    if markdown:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > MARKDOWN_TEXT_MAX:
            raise SlackError("msg_too_long")
        text, blocks = markdown, [{"type": "markdown", "text": markdown}]
    if is_update and len(text) > UPDATE_TEXT_MAX:
        raise SlackError("msg_too_long")
    if not (text.strip() or blocks or attachments or (is_update and blocks is not None)):
        raise SlackError("no_text")
    check_blocks(blocks, with_total=True)
    check_slack_files(call.workspace, blocks)
    if attachments and len(attachments) > ATTACHMENTS_MAX:
        raise SlackError("too_many_attachments")
    for index, attachment in enumerate(attachments or []):
        check_blocks(attachment.get("blocks"), with_total=False, pointer=f"/attachments/{index}/blocks")
    metadata = call.value("metadata")
    if metadata and not (
        isinstance(metadata.get("event_type"), str) and isinstance(metadata.get("event_payload"), dict)
    ):
        raise SlackError("invalid_metadata_format")
    if metadata and len(json.dumps(metadata)) > METADATA_BYTES_MAX:
        raise SlackError("metadata_too_large")
    return Content(text[:TEXT_CUT_AT], blocks, attachments, metadata)


def check_blocks(blocks: Any, *, with_total: bool, pointer: str = "/blocks") -> None:
    """Refuse blocks as Slack does.

    The total over all blocks is observed (slackapi/bolt-js issue 2509), and only on `chat.*`: a response URL took
    the same blocks (issue 2867).

    Raises:
        SlackError: invalid_blocks, invalid_attachments or msg_blocks_too_long.
    """
    if not blocks:
        return
    faults = [str(fault) for fault in block_rules.message_faults(blocks, pointer)]
    if faults:
        messages = [f"[ERROR] {fault}" for fault in faults]
        raise SlackError("invalid_blocks", errors=faults, response_metadata={"messages": messages})
    if block_rules.table_count(blocks) > 1:
        messages = ["[ERROR] only_one_table_allowed"]
        raise SlackError("invalid_attachments", response_metadata={"messages": messages})
    if with_total and block_rules.characters(blocks) > block_rules.MESSAGE_CHARACTERS_MAX:
        raise SlackError("msg_blocks_too_long")


def post_message(call: Call) -> Json:
    """`chat.postMessage`."""
    content = checked_content(call)
    channel = _writable(call)
    thread_ts = _thread(call, channel)
    call.context.limits.take_post(channel.id, call.context.now)
    message = _bot_message(call, channel, content)
    message.thread_ts = thread_ts
    message.is_broadcast = bool(thread_ts) and call.flag("reply_broadcast")
    if thread_ts in channel.sessions:
        channel.sessions[thread_ts].status = ""
    call.workspace.post(channel, message)
    answer: Json = {
        "channel": channel.id,
        "ts": message.ts,
        "message": message_json(call.workspace, message),
    }
    if len(str(call.args.get("text") or "")) > TEXT_CUT_AT:
        answer["response_metadata"] = {"warnings": ["message_truncated"]}
    return answer


def post_ephemeral(call: Call) -> Json:
    """`chat.postEphemeral`: seen by one member, not editable, gone from the Web API's sight."""
    content = checked_content(call)
    channel = _writable(call)
    user = call.workspace.users.get(call.need("user"))
    if user is None:
        raise SlackError("user_not_found")
    if user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    message = _bot_message(call, channel, content)
    message.thread_ts = _thread(call, channel)
    message.visible_to = user.id
    call.workspace.post(channel, message)
    return {"message_ts": message.ts}


def update(call: Call) -> Json:
    """`chat.update`: own messages only; text without blocks removes the old blocks."""
    channel = call.channel()
    message = call.message(channel)
    if message.bot_id is None:
        raise SlackError("cant_update_message")
    if channel.is_archived:
        raise SlackError("is_archived")
    content = checked_content(call, is_update=True)
    if content.blocks and _has_rich_text(message.blocks) and not _has_rich_text(content.blocks):
        raise SlackError("block_mismatch")
    fields: Json = {"blocks": content.blocks}
    if call.args.get("text") is not None or content.text:
        fields["text"] = content.text
    if call.args.get("attachments") is not None:
        fields["attachments"] = content.attachments
    if content.metadata is not None:
        fields["metadata"] = content.metadata
    call.workspace.edit(message, **fields)
    shown = message_json(call.workspace, message)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(call: Call) -> Json:
    """`chat.delete`: own messages only."""
    channel = call.channel()
    message = call.message(channel)
    if message.bot_id is None:
        raise SlackError("cant_delete_message")
    call.workspace.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def unfurl(call: Call) -> Json:
    """`chat.unfurl`: previews under a message of a person, also where the app is not a member."""
    channel = call.workspace.channels.get(call.need("channel"))
    message = channel.find(call.need("ts")) if channel else None
    unfurls = call.value("unfurls")
    if channel is None or message is None:
        raise SlackError("cannot_find_channel" if channel is None else "cannot_find_message")
    if not unfurls:
        raise SlackError("missing_unfurls")
    if not isinstance(unfurls, dict) or not all(isinstance(one, dict) for one in unfurls.values()):
        raise SlackError("invalid_unfurls_format")
    for url, preview in unfurls.items():
        if url not in message.text:
            raise SlackError("cannot_unfurl_message")
        check_blocks(preview.get("blocks"), with_total=True)
    call.workspace.unfurl(message, unfurls)
    return {}


def get_permalink(call: Call) -> Json:
    """`chat.getPermalink`."""
    channel = call.channel()
    message = call.message(channel, "message_ts")
    link = f"{call.context.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _writable(call: Call) -> Channel:
    """The channel to post to: an id, a `#name`, or a user id for a direct message."""
    wanted = str(call.args.get("channel") or "")
    workspace = call.workspace
    if wanted in workspace.users and wanted != workspace.app.bot_user_id:
        if not workspace.app.has_messages_tab:
            raise SlackError("messages_tab_disabled")
        return workspace.direct_channel(wanted)
    named = [channel.id for channel in workspace.channels.values() if channel.name == wanted.removeprefix("#")]
    if named and wanted not in workspace.channels:
        call.args["channel"] = named[0]
    channel = call.channel()
    if channel.is_archived:
        raise SlackError("is_archived")
    is_open = not channel.is_private and "chat:write.public" in workspace.app.scopes
    if workspace.app.bot_user_id not in channel.members and not is_open:
        raise SlackError("not_in_channel")
    return channel


def _thread(call: Call, channel: Channel) -> str | None:
    """The thread to reply in; it must be there and be a root, not a reply (stricter than Slack: invented)."""
    wanted = call.args.get("thread_ts")
    if not wanted:
        return None
    root = channel.find(str(wanted))
    if root is None or root.is_ephemeral or root.is_reply:
        raise SlackError("thread_not_found")
    return root.ts


def _bot_message(call: Call, channel: Channel, content: Content) -> Message:
    app = call.workspace.app
    message = Message(call.workspace.new_ts(), channel.id, app.bot_user_id, content.text, app.bot_id)
    message.blocks, message.attachments = content.blocks, content.attachments
    message.metadata = content.metadata
    return message


def _has_rich_text(blocks: list[Json] | None) -> bool:
    return any(block.get("type") == "rich_text" for block in blocks or [])


_WRITE = ("chat:write",)
METHODS = {
    "chat.postMessage": Method(post_message, _WRITE, tier=None),
    "chat.postEphemeral": Method(post_ephemeral, _WRITE, tier=4),
    "chat.update": Method(update, _WRITE),
    "chat.delete": Method(delete, _WRITE),
    "chat.unfurl": Method(unfurl, ("links:write",)),
    "chat.getPermalink": Method(get_permalink, tier=None),
}
