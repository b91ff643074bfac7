"""What an app answers to an interaction, put on the person's screen: the body of an acknowledgement or response URL.

Source: docs.slack.dev/interactivity/handling-user-interaction (documented, read 2026-11-20). The status of a refused
body (400) is assumed. Unlike `chat.postMessage`, a response URL reaches channels the bot is not a member of.
"""

from emulator.slack.interaction_tokens import ResponseUrl
from emulator.slack.methods.chat import TEXT_CUT_AT, check_blocks
from emulator.slack.methods.files import check_slack_files
from emulator.slack.methods.views import checked_view
from emulator.slack.model import Json, Message, SlackError, View
from emulator.slack.workspace import Workspace


def apply_answer(workspace: Workspace, ticket: ResponseUrl, body: Json) -> Message | None:
    """Show what an app answered: a new message (ephemeral unless it says `in_channel`), a replacement, a removal.

    Raises:
        SlackError: no_text, invalid_blocks or invalid_attachments.
    """
    original = ticket.message
    if body.get("delete_original"):
        if original and workspace.channels[original.channel].find(original.ts):
            workspace.delete(original)
        return None
    text, blocks = str(body.get("text") or ""), body.get("blocks")
    if not (text.strip() or blocks or body.get("attachments")):
        raise SlackError("no_text")
    check_blocks(blocks, with_total=False)
    check_slack_files(workspace, blocks)
    content: Json = {"text": text[:TEXT_CUT_AT], "blocks": blocks, "attachments": body.get("attachments")}
    if body.get("replace_original") and original:
        if workspace.channels[original.channel].find(original.ts):
            workspace.edit(original, **content)
        return original
    app = workspace.app
    message = Message(workspace.new_ts(), ticket.channel, app.bot_user_id, bot_id=app.bot_id, **content)
    message.thread_ts = body.get("thread_ts") or ticket.thread_ts
    if body.get("response_type", "ephemeral") != "in_channel":
        message.visible_to = ticket.user
    return workspace.post(workspace.channels[ticket.channel], message)


def apply_view_answer(workspace: Workspace, view: View, body: Json | None) -> None:
    """Do what the answer to a submitted modal says: errors, update, push, clear; nothing closes it.

    Raises:
        SlackError: the view of an update or push breaks a rule.
    """
    action = (body or {}).get("response_action")
    match action:
        case "errors":
            view.errors = dict((body or {}).get("errors", {}))
            _check_error_blocks(view)
            workspace.change_errors(view)
        case "update":
            workspace.change_view(view, checked_view((body or {}).get("view"), "modal"))
        case "push":
            source = checked_view((body or {}).get("view"), "modal")
            workspace.show_modal(workspace.new_view(view.user, source, previous=view))
        case "clear":
            workspace.close_modal(view, everything=True)
        case None:
            workspace.close_modal(view)
        case other:
            raise SlackError("invalid_response_action", action=other)


def _check_error_blocks(view: View) -> None:
    """Errors may only name input blocks of the view."""
    inputs = {block["block_id"] for block in view.source["blocks"] if block["type"] == "input"}
    unknown = sorted(set(view.errors) - inputs)
    if unknown:
        view.errors = {}
        raise SlackError("invalid_errors", blocks=unknown)
