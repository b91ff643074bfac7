"""`files.*`: the three steps of an upload. The middle one, the bytes, is a plain POST served by `web_api`.

Source: docs.slack.dev/messaging/working-with-files (documented, read 2026-11-20).
"""

import math
import mimetypes
from typing import Any
from urllib.parse import quote

from emulator.slack.methods.call import Call, Method
from emulator.slack.model import File, Json, Message, SlackError
from emulator.slack.serialization import file_json
from emulator.slack.workspace import Workspace

SNIPPET_MAX_BYTES = 1024 * 1024
"""A snippet is at most a megabyte (documented: `snippet_too_large`)."""
ALT_TEXT_MAX = 1000
NOT_A_CHANNEL = "[ERROR] input must match regex pattern: ^[CGDZ][A-Z0-9]{8,}$ [json-pointer:/channel_id]"
"""Observed: slackapi/bolt-js#2115 (read 2026-11-29); a person's id is refused, the id of a direct message is not."""


def get_upload_url(call: Call) -> Json:
    """`files.getUploadURLExternal`."""
    name, length = call.need("filename"), int(call.need("length"))
    if length < 1:
        raise SlackError("invalid_arguments")
    if call.args.get("snippet_type") and length > SNIPPET_MAX_BYTES:
        raise SlackError("snippet_too_large")
    file = File(call.workspace.new_id("F"), name, length, call.args.get("snippet_type"))
    file.processed_at = math.inf
    file.alt_text = str(call.args.get("alt_txt") or "")
    if len(file.alt_text) > ALT_TEXT_MAX:
        raise SlackError("alt_txt_too_large")
    file.mimetype = mimetypes.guess_type(name)[0] or file.mimetype
    file.user, file.url = call.workspace.app.bot_user_id, download_url(call.context.base_url, file)
    call.workspace.files[file.id] = file
    return {"upload_url": f"{call.context.base_url}/slack/upload/{file.id}", "file_id": file.id}


def complete_upload(call: Call) -> Json:
    """`files.completeUploadExternal`: share uploads in a channel, as one message; the answer has no message ts."""
    files = [_uploaded(call, item) for item in call.value("files") or []]
    if not files:
        raise SlackError("invalid_arguments")
    channels = str(call.args.get("channel_id") or call.args.get("channels") or "")
    for channel_id in filter(None, channels.split(",")):
        if channel_id[0] not in "CDGZ":
            raise SlackError("invalid_arguments", response_metadata={"messages": [NOT_A_CHANNEL]})
        _share(Call(call.context, {**call.args, "channel": channel_id}), files)
    for file in files:
        file.completed, file.processed_at = True, call.context.now + call.workspace.file_processing_s
    return {"files": [file_json(file) for file in files]}


def check_slack_files(workspace: Workspace, blocks: Any) -> None:
    """Refuse image blocks with a file that is missing, no image, or not processed yet.

    Raises:
        SlackError: invalid_blocks.
    """
    for index, block in enumerate(blocks or []):
        named = block.get("slack_file") if block.get("type") == "image" else None
        file = workspace.files.get(str(named.get("id"))) if named else None
        is_shown = file is not None and file.is_image and file.processed_at <= workspace.clock()
        if named and not is_shown:
            fault = f"invalid slack file [json-pointer:/blocks/{index}/slack_file]"
            raise SlackError("invalid_blocks", errors=[fault], response_metadata={"messages": [f"[ERROR] {fault}"]})


def download_url(base_url: str, file: File) -> str:
    """Where an app with `files:read` downloads a file."""
    return f"{base_url}/slack/files-pri/{file.id}/download/{quote(file.name, safe='')}"


def info(call: Call) -> Json:
    """`files.info`."""
    file = call.workspace.files.get(call.need("file"))
    if file is None or not file.completed:
        raise SlackError("file_not_found")
    is_processed = file.processed_at <= call.context.now
    return {"file": {**file_json(file), **({} if is_processed else {"mimetype": "", "filetype": ""})}}


def _uploaded(call: Call, item: Json) -> File:
    file = call.workspace.files.get(str(item.get("id")))
    if file is None or file.content is None:
        raise SlackError("file_not_found")
    if file.completed:
        raise SlackError("file_update_failed")
    file.title = item.get("title") or file.name
    return file


def _share(call: Call, files: list[File]) -> None:
    channel = call.channel()
    app = call.workspace.app
    if app.bot_user_id not in channel.members:
        raise SlackError("not_in_channel")
    if channel.is_archived:
        raise SlackError("is_archived")
    thread_ts = call.args.get("thread_ts")
    root = channel.find(str(thread_ts)) if thread_ts else None
    if thread_ts and (root is None or root.is_ephemeral):
        raise SlackError("invalid_thread_ts")
    text = str(call.args.get("initial_comment") or "")
    message = Message(call.workspace.new_ts(), channel.id, app.bot_user_id, text, app.bot_id)
    message.thread_ts = root.ts if root else None
    message.files = list(files)
    call.workspace.post(channel, message)


_WRITE = ("files:write",)
METHODS = {
    "files.info": Method(info, ("files:read",), tier=4),
    "files.getUploadURLExternal": Method(get_upload_url, _WRITE, tier=4),
    "files.completeUploadExternal": Method(complete_upload, _WRITE, tier=4),
}
