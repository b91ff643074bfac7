"""Slack errors: whether a retry can help, what to show to people, and how long to wait.

Source: https://docs.slack.dev/reference/methods/chat.postMessage#errors, .../files.getUploadURLExternal#errors and
.../apis/web-api/rate-limits (documented, read 2026-11-20). There are five kinds: permanent errors are not retried;
errors that a person can fix (an invitation, a token) are retried slowly for days; temporary errors are retried sooner;
a deleted root message is replaced; an unlisted code is retried a few times, so that no alert is lost and later ones are
not held back for days.
"""

import math
from collections.abc import Mapping
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import DeliveryError

UNREACHABLE = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError, AttributeError)
"""What a call to Slack may raise. The SDK raises the last two on a response that is not a JSON object."""

REJECTED_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch"})
"""The same message as plain text may still be accepted."""

BAD_TOKEN = frozenset({"invalid_auth", "not_authed", "not_allowed_token_type", "token_revoked", "account_inactive"})

_PERMANENT = {
    "restricted_action": "A workspace setting does not allow trainwatch to post there. Ask a workspace admin.",
    "restricted_action_read_only_channel": "The channel is read-only. Ask a workspace admin, or use another channel.",
    "restricted_action_thread_only_channel": "The channel accepts only replies. Watch from another channel.",
    "restricted_action_non_threadable_channel": "The channel does not allow threads. Watch from another channel.",
    "restricted_action_thread_locked": "The thread is locked.",
    "no_permission": "The workspace does not allow trainwatch to post there. Ask a workspace admin.",
    "messages_tab_disabled": "The app's Messages tab is off. Turn it on in the app's settings under App Home.",
    "cant_update_message": "The message was not posted by trainwatch.",
    "edit_window_closed": "The workspace does not allow edits of a message this old.",
    "msg_too_long": "The message is too long for Slack.",
    "no_text": "The message is empty.",
    "file_upload_size_restricted": "The file is larger than the workspace allows. Narrow the time range.",
    "file_uploads_disabled": "The workspace does not allow files. Ask a workspace admin.",
    "file_uploads_except_images_disabled": "The workspace allows only images as files. Ask a workspace admin.",
    "file_type_not_allowed": "The workspace does not allow text files. Ask a workspace admin.",
}
"""Permanent: a retry cannot help."""

_ROOT_GONE = {"message_not_found": "The message was deleted.", "thread_not_found": "The thread was deleted."}
"""The message to edit or reply to is gone; a new root message replaces it."""

_FIXABLE = {
    "channel_not_found": "Channel not found. If it is private, type `/invite @trainwatch` there.",
    "not_in_channel": "trainwatch is not in that channel. Type `/invite @trainwatch` there.",
    "is_archived": "The channel is archived. Unarchive it, or watch from another channel.",
    "invalid_auth": "SLACK_BOT_TOKEN is not valid. Copy it again from the app's OAuth & Permissions page.",
    "not_authed": "SLACK_BOT_TOKEN is empty. Copy it from the app's OAuth & Permissions page.",
    "account_inactive": "The app was removed from the workspace. Install it again.",
    "token_revoked": "SLACK_BOT_TOKEN was revoked. Install the app again and copy the new token.",
    "token_expired": "SLACK_BOT_TOKEN has expired. Install the app again and copy the new token.",
    "missing_scope": "The app lacks a scope. Install it again from manifest.yml.",
    "not_allowed_token_type": "SLACK_BOT_TOKEN is not a bot token (xoxb-).",
    "org_login_required": "Slack is migrating the workspace. Delivery resumes when that is done.",
    "ekm_access_denied": "A workspace admin paused access to messages.",
    "accesslimited": "Access to the workspace is limited. Ask a workspace admin.",
}
"""A person can fix these, and waiting messages should still arrive: retried slowly."""

_FIX_RETRY = timedelta(minutes=5)
_TEMPORARY = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
"""A problem at Slack, like any 5xx; it ends by itself."""
_RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})

_TRANSPORT: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, "The TLS certificate of Slack is not trusted."),
    (aiohttp.ClientSSLError, "The TLS handshake with Slack failed."),
    (aiohttp.ClientProxyConnectionError, "The proxy for Slack cannot be reached."),
    (aiohttp.ClientHttpProxyError, "The proxy for Slack refused the connection."),
)
"""Transport errors with a known cause."""


def delivery_error(error: BaseException) -> DeliveryError:
    """The DeliveryError for a failed call to Slack."""
    if not isinstance(error, SlackApiError):
        text = next((text for kind, text in _TRANSPORT if isinstance(error, kind)), "Slack cannot be reached.")
        return DeliveryError(text, reason=type(error).__name__, permanent=False)
    code, wait, status = error_code(error), retry_after(error), _status(error) or 0
    if code in _RATE_LIMITED or status == 429:
        wait = wait or timedelta(seconds=1)
        return DeliveryError("Slack rate limit reached.", reason="ratelimited", permanent=False, retry_after=wait)
    if code in _PERMANENT:
        return DeliveryError(_PERMANENT[code], reason=code, permanent=True)
    if code in _ROOT_GONE:
        return DeliveryError(_ROOT_GONE[code], reason=code, permanent=True, root_gone=True)
    if code in _FIXABLE:
        return DeliveryError(_FIXABLE[code], reason=code, permanent=False, retry_after=wait or _FIX_RETRY)
    if code in REJECTED_BLOCKS:
        return DeliveryError("Slack rejected the message blocks.", reason=code, permanent=True)
    unlisted = code not in _TEMPORARY and status < 500
    text = f"Slack returned `{code}`."
    return DeliveryError(text, reason=code, permanent=False, retry_after=wait, unlisted=unlisted)


def error_code(error: BaseException) -> str:
    """Slack's error code, such as `not_in_channel`; without one the HTTP status, such as `http_503`."""
    data = getattr(getattr(error, "response", None), "data", None)
    code = data.get("error") if isinstance(data, Mapping) else None
    if isinstance(code, str) and code.isascii() and len(code) <= 80:
        return code
    return f"http_{_status(error)}" if _status(error) else type(error).__name__


def retry_after(error: BaseException) -> timedelta | None:
    """How long Slack asks to wait (`Retry-After` in seconds); None without that header."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    if not isinstance(headers, Mapping):
        return None
    value = next((str(value) for name, value in headers.items() if str(name).lower() == "retry-after"), "")
    try:
        seconds = float(value)
    except ValueError:
        return None
    return timedelta(seconds=min(seconds, 3600.0)) if math.isfinite(seconds) and seconds >= 0 else None


def _status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    return status if isinstance(status, int) else None
