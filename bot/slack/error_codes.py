"""Every documented error of the Slack methods that trainwatch calls: what kind it is, and the sentence to show.

Sources: https://docs.slack.dev/reference/methods, section "Errors" of each method, and for response URLs
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors (documented, read 2026-11-29).
`tests/unit/slack/documented_errors.py` has the lists. `bot.slack.failures` applies the table.
"""

import enum
from collections.abc import Mapping


class ErrorKind(enum.Enum):
    """What helps against an error."""

    FIXABLE = enum.auto()
    """A person can fix it. Messages wait for days."""
    METADATA_REFUSED = enum.auto()
    """The same message without its metadata may be accepted."""
    BLOCKS_REFUSED = enum.auto()
    """The same message as plain text may be accepted."""
    THREAD_REFUSED = enum.auto()
    """The channel or the thread accepts no replies. An escalation is posted to the channel instead."""
    ROOT_GONE = enum.auto()
    """The message to edit or to reply to is out of reach. A new root message replaces it."""
    TEMPORARY = enum.auto()
    """It ends without help. Retried with backoff, for days."""
    RATE_LIMITED = enum.auto()
    """Retried when Slack says."""
    PERMANENT = enum.auto()
    """A retry cannot help. Administrators see what was not delivered."""


_ADMIN = "Ask a workspace admin"
_COPY_AGAIN = "from the app's OAuth & Permissions page."
_REQUEST = "Slack could not read the request. Check the proxy between trainwatch and Slack, or update trainwatch."
_UPDATE = "trainwatch uses a method that Slack has removed. Update trainwatch."
_LIMITED_CHANNEL = "The channel has limited access. Watch from another channel."
_SLACK_CONNECT = "An admin blocks this in Slack Connect channels. Watch from a channel of your own workspace."
_FILES_ADMIN = f"The workspace does not allow files. {_ADMIN}."

FIXABLE: Mapping[str, str] = {
    "access_denied": f"Slack denies trainwatch access. {_ADMIN} to approve the app.",
    "accesslimited": f"The workspace limits access to Slack from this network. {_ADMIN}.",
    "account_inactive": "The app was removed from the workspace. Install it again.",
    "action_prohibited": f"An admin restricts posting in that channel. {_ADMIN}, or watch from another channel.",
    "app_access_restricted": f"The workspace restricts the app. {_ADMIN} to approve trainwatch.",
    "channel_is_archived": "The channel is archived. Unarchive it, or watch from another channel.",
    "channel_is_limited_access": _LIMITED_CHANNEL,
    "channel_not_found": "Channel not found. If it is private, type `/invite @trainwatch` there.",
    "deprecated_endpoint": _UPDATE,
    "ekm_access_denied": f"An admin paused access to messages (Enterprise Key Management). {_ADMIN}.",
    "enterprise_is_restricted": "Slack does not allow this for an organization. Install the app in one workspace.",
    "file_uploads_disabled": _FILES_ADMIN,
    "file_uploads_except_images_disabled": f"The workspace allows only images as files. {_ADMIN}.",
    "forbidden_team": f"The workspace may not use Socket Mode. Use HTTP mode, or {_ADMIN.lower()}.",
    "invalid_auth": f"SLACK_BOT_TOKEN is not valid, or Slack blocks this IP address. Copy it again {_COPY_AGAIN}",
    "invalid_channel": "Channel not found. If it is private, type `/invite @trainwatch` there.",
    "insecure_request": _REQUEST,
    "invalid_arg_name": _REQUEST,
    "invalid_array_arg": _REQUEST,
    "invalid_charset": _REQUEST,
    "invalid_form_data": _REQUEST,
    "invalid_post_type": _REQUEST,
    "is_archived": "The channel is archived. Unarchive it, or watch from another channel.",
    "is_inactive": "The channel is archived, frozen or deleted. Unarchive it, or watch from another channel.",
    "message_limit_exceeded": "The workspace has reached its message limit. Ask a workspace owner about its plan.",
    "messages_tab_disabled": "The app's Messages tab is off. Turn it on in the app's settings under App Home.",
    "method_deprecated": _UPDATE,
    "missing_args": "SLACK_APP_TOKEN is empty. Copy the app-level token (xapp-) from Basic Information.",
    "missing_post_type": _REQUEST,
    "missing_scope": "The app lacks a scope. Install it again from manifest.yml.",
    "no_permission": f"trainwatch may not post there. Type `/invite @trainwatch` there, or {_ADMIN.lower()}.",
    "no_service": "The app was removed or disabled. Install it again.",
    "no_team": "The workspace no longer exists or is disabled. Ask a workspace owner.",
    "not_allowed_token_type": "SLACK_BOT_TOKEN is not a bot token (xoxb-). Copy the Bot User OAuth Token.",
    "not_authed": f"SLACK_BOT_TOKEN is empty. Copy it {_COPY_AGAIN}",
    "not_enabled": "The app's Home tab is off. Turn it on in the app's settings under App Home.",
    "not_implemented": "The app's Home tab is not available. Turn it on in the app's settings under App Home.",
    "not_in_channel": "trainwatch is not in that channel. Type `/invite @trainwatch` there.",
    "plan_upgrade_required": "The workspace's plan does not include this. Ask a workspace owner to upgrade it.",
    "posting_to_channel_denied": f"trainwatch may not share files there. {_ADMIN}, or use another channel.",
    "posting_to_general_channel_denied": f"Only some members may post in that channel. {_ADMIN}.",
    "restricted_action": f"A workspace setting does not allow trainwatch to post there. {_ADMIN}.",
    "restricted_action_read_only_channel": f"The channel is read-only. {_ADMIN}, or watch from another channel.",
    "restricted_action_thread_only_channel": (
        f"The channel accepts only replies. {_ADMIN}, or watch from another channel."
    ),
    "slack_connect_blocked_file_type": _SLACK_CONNECT,
    "slack_connect_canvas_sharing_blocked": _SLACK_CONNECT,
    "slack_connect_clip_sharing_blocked": _SLACK_CONNECT,
    "slack_connect_file_link_sharing_blocked": _SLACK_CONNECT,
    "slack_connect_file_upload_sharing_blocked": _SLACK_CONNECT,
    "slack_connect_lists_sharing_blocked": _SLACK_CONNECT,
    "storage_limit_reached": "The workspace has no file storage left. Ask a workspace owner.",
    "team_access_not_granted": "The app has no access to that workspace. Ask an organization admin to add it there.",
    "team_not_found": "The channel's workspace was not found. Install the app in that workspace.",
    "token_expired": "SLACK_BOT_TOKEN has expired. Install the app again and copy the new token.",
    "token_revoked": "SLACK_BOT_TOKEN was revoked. Install the app again and copy the new token.",
    "two_factor_setup_required": f"The workspace requires two-factor authentication. {_ADMIN} to set it up.",
    "user_is_external_guest": "Slack treats trainwatch as an external guest there. Use a channel of its workspace.",
}
"""What to do and, if not the reader, who."""

TEMPORARY: Mapping[str, str] = {
    "external_channel_migrating": "Slack is migrating the channel. Delivery resumes when that is done.",
    "fatal_error": "Slack had an internal error.",
    "file_update_failed": "Slack could not save the file.",
    "hash_conflict": "The view changed meanwhile.",
    "internal_error": "Slack had an internal error.",
    "list_record_comment_fetch_failed": "Slack could not read the thread.",
    "org_login_required": "Slack is migrating the workspace. Delivery resumes when that is done.",
    "request_timeout": "The request did not reach Slack completely.",
    "rollup_error": "Slack had an internal error.",
    "service_unavailable": "Slack is temporarily unavailable.",
    "streaming_state_conflict": "Slack is still writing the message.",
    "team_added_to_org": "Slack is moving the workspace to an organization. Delivery resumes when that is done.",
    "update_failed": "Slack had an internal error.",
}

METADATA_REFUSED = frozenset(
    {
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
    }
)
BLOCKS_REFUSED = frozenset(
    {
        "block_mismatch",
        "invalid_arguments",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_payload",
        "msg_blocks_too_long",
        "too_many_attachments",
        "too_many_contact_cards",
    }
)
RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})

THREAD_REFUSED: Mapping[str, str] = {
    "cannot_reply_to_message": "The message cannot have replies.",
    "restricted_action_non_threadable_channel": f"The channel does not allow threads. {_ADMIN}.",
    "restricted_action_thread_locked": "An admin locked the thread.",
}

ROOT_GONE: Mapping[str, str] = {
    "cant_update_message": "The message was not posted by this installation of trainwatch.",
    "message_not_found": "The message was deleted.",
    "thread_not_found": "The thread was deleted.",
}

_NOT_OURS = "Slack rejected an argument that trainwatch does not send. Please report it."
_FILE_GONE = "The file no longer exists at Slack."
PERMANENT: Mapping[str, str] = {
    "alt_txt_too_large": _NOT_OURS,
    "as_user_not_supported": _NOT_OURS,
    "attachment_payload_limit_exceeded": "The message is too large for Slack.",
    "bad_timestamp": _NOT_OURS,
    "blocked_file_type": f"The workspace does not allow text files. {_ADMIN}.",
    "bot_not_found": _NOT_OURS,
    "bots_not_found": _NOT_OURS,
    "cannot_auth_user": _NOT_OURS,
    "cannot_find_channel": "The message with the link was not found.",
    "cannot_find_message": "The message with the link was not found.",
    "cannot_find_service": "Slack does not let the app show links here. Install it again from manifest.yml.",
    "cannot_parse_attachment": _NOT_OURS,
    "cannot_prompt": _NOT_OURS,
    "cannot_unfurl_message": "The link was removed from the message.",
    "cannot_unfurl_url": f"The workspace does not allow previews of this link. {_ADMIN}.",
    "cant_broadcast_message": "The reply cannot be shown in the channel.",
    "cant_delete_message": "Only an admin or the author can delete the message.",
    "channels_limit_exceeded": _NOT_OURS,
    "draft_already_deleted": _NOT_OURS,
    "draft_already_sent": _NOT_OURS,
    "draft_has_conflict": _NOT_OURS,
    "draft_not_found": _NOT_OURS,
    "duplicate_channel_not_found": _NOT_OURS,
    "duplicate_external_id": _NOT_OURS,
    "duplicate_message_not_found": _NOT_OURS,
    "edit_window_closed": "The workspace does not allow edits of a message this old.",
    "exchanged_trigger_id": "Slack opens only one dialog for one click.",
    "expired_trigger_id": "It took longer than the three seconds that Slack allows.",
    "expired_url": "The answer was too late for Slack.",
    "file_comment_not_found": _NOT_OURS,
    "file_deleted": _FILE_GONE,
    "file_is_deleted": _FILE_GONE,
    "file_not_found": _FILE_GONE,
    "file_share_limit_reached": "Slack does not allow sharing the file again.",
    "file_type_not_allowed": f"The workspace does not allow text files. {_ADMIN}.",
    "file_upload_size_restricted": "The file is larger than the workspace allows. Narrow the time range.",
    "invalid_cursor": _NOT_OURS,
    "invalid_metadata_filter_keys": _NOT_OURS,
    "invalid_trigger_id": _NOT_OURS,
    "invalid_ts_latest": _NOT_OURS,
    "invalid_ts_oldest": _NOT_OURS,
    "invalid_unfurls_format": _NOT_OURS,
    "invalid_user_combination": "Slack does not allow a direct message to that person.",
    "markdown_text_conflict": _NOT_OURS,
    "max_file_sharing_exceeded": "Slack does not allow sharing the file again.",
    "is_bot": _NOT_OURS,
    "method_not_supported_for_channel_type": "Slack does not allow this in that kind of conversation.",
    "missing_argument": "The file is empty.",
    "missing_channel": _NOT_OURS,
    "missing_file_data": _NOT_OURS,
    "missing_profile_id": _NOT_OURS,
    "missing_ts": _NOT_OURS,
    "missing_unfurls": _NOT_OURS,
    "msg_too_long": "The message is too long for Slack.",
    "no_dual_broadcast_content_update": _NOT_OURS,
    "no_item_specified": _NOT_OURS,
    "no_such_subteam": "The user group does not exist.",
    "no_text": "The message is empty.",
    "not_enough_users": _NOT_OURS,
    "not_found": "The dialog was closed.",
    "send_on_behalf_not_allowed": _NOT_OURS,
    "snippet_too_large": "The file is too large for a snippet.",
    "too_many_users": _NOT_OURS,
    "unable_to_share_files": "Slack could not share the file.",
    "unknown_snippet_type": _NOT_OURS,
    "unknown_subtype": _NOT_OURS,
    "used_url": "Slack accepts only five answers to one command.",
    "user_disabled": "The person's account is deactivated.",
    "user_not_found": "The person was not found in the workspace.",
    "user_not_in_channel": "The person is not in that channel.",
    "user_not_visible": "Slack does not show that person to trainwatch.",
    "users_list_not_supplied": _NOT_OURS,
    "users_not_found": "Nobody in the workspace has that e-mail address.",
    "view_too_large": "The view is too large for Slack.",
}

_TEXTS: tuple[tuple[ErrorKind, Mapping[str, str]], ...] = (
    (ErrorKind.FIXABLE, FIXABLE),
    (ErrorKind.TEMPORARY, TEMPORARY),
    (ErrorKind.METADATA_REFUSED, dict.fromkeys(METADATA_REFUSED, "Slack rejected the message metadata.")),
    (ErrorKind.BLOCKS_REFUSED, dict.fromkeys(BLOCKS_REFUSED, "Slack rejected the message blocks.")),
    (ErrorKind.RATE_LIMITED, dict.fromkeys(RATE_LIMITED, "Slack rate limit reached.")),
    (ErrorKind.THREAD_REFUSED, THREAD_REFUSED),
    (ErrorKind.ROOT_GONE, ROOT_GONE),
    (ErrorKind.PERMANENT, PERMANENT),
)
ERRORS: Mapping[str, tuple[ErrorKind, str]] = {
    code: (kind, text) for kind, texts in _TEXTS for code, text in texts.items()
}
"""Code → its kind and one sentence for people."""
