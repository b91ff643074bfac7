"""What Slack's refusals mean: can it work later, what to tell people, how long to wait.

Source: https://docs.slack.dev/reference/methods/chat.postMessage#errors and .../apis/web-api/rate-limits (documented,
read 2026-11-20). Codes fall into five kinds: what cannot help is permanent; what a person can mend (an invitation, a
token) is tried again slowly, for days; so is what passes by itself, sooner; a deleted root is replaced; and a code that
is not listed gets a few tries, for one too many is better than a lost alert, and days of them hold back what follows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import DeliveryError

UNREACHABLE = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError, AttributeError)
"""What a call to Slack may raise. The last two are the SDK's own on a reply that is no JSON object."""

REFUSED_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch"})
"""The same news as plain text may still pass."""

_NOT_MEMBER = "Slack did not accept the message: trainwatch is not in that channel. Type `/invite @trainwatch` there."
_REFUSED = {
    "restricted_action": "A workspace setting keeps trainwatch from posting there. Ask a workspace admin.",
    "restricted_action_read_only_channel": "The channel is read-only. Ask a workspace admin, or watch from another.",
    "restricted_action_thread_only_channel": "The channel takes replies only. Watch from another channel.",
    "restricted_action_non_threadable_channel": "The channel takes no threads. Watch from another channel.",
    "restricted_action_thread_locked": "The thread was locked.",
    "no_permission": "The workspace does not let trainwatch post there. Ask a workspace admin.",
    "messages_tab_disabled": "The app's messages tab is off. Switch it on under App Home in the app's settings.",
    "cant_update_message": "The message is not trainwatch's own.",
    "edit_window_closed": "The workspace no longer lets the message be edited.",
    "msg_too_long": "Slack says that the message is too long.",
    "no_text": "Slack says that the message is empty.",
}
"""Permanent: trying again cannot help."""

_ROOT_GONE = {"message_not_found": "The message was deleted.", "thread_not_found": "The thread was deleted."}
"""What was to be edited or answered is gone; the news takes its place."""

_MENDABLE = {
    "channel_not_found": "The channel does not exist, or it is private and trainwatch was not invited.",
    "not_in_channel": _NOT_MEMBER,
    "is_archived": "The channel is archived. Unarchive it, or watch from another channel.",
    "invalid_auth": "Slack does not accept SLACK_BOT_TOKEN. Copy it again from the app's OAuth page.",
    "not_authed": "SLACK_BOT_TOKEN is empty. Copy it from the app's OAuth page.",
    "account_inactive": "The app was removed from the workspace. Install it again.",
    "token_revoked": "SLACK_BOT_TOKEN was revoked. Install the app again and copy the new token.",
    "token_expired": "SLACK_BOT_TOKEN is over its time. Install the app again and copy the new token.",
    "missing_scope": "The app lacks a permission. Install it again from manifest.yml.",
    "not_allowed_token_type": "SLACK_BOT_TOKEN is not a bot token (xoxb-).",
    "org_login_required": "The workspace is being moved. It works again when Slack is done.",
    "ekm_access_denied": "A workspace admin paused access to messages.",
    "accesslimited": "Access to the workspace is limited. Ask a workspace admin.",
}
"""A person can mend it, and then what waits should still arrive: tried again, slowly."""

_MENDING = timedelta(minutes=5)
_PASSING = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
"""Slack's own trouble, like any 5xx: it ends by itself."""
_RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})


def delivery_error(error: BaseException) -> DeliveryError:
    """The DeliveryError that says of a failed call to Slack what it means."""
    if not isinstance(error, SlackApiError):
        return DeliveryError("Slack cannot be reached.", reason=type(error).__name__, permanent=False)
    code, wait, status = error_code(error), retry_after(error), _status(error) or 0
    if code in _RATE_LIMITED or status == 429:
        wait = wait or timedelta(seconds=1)
        return DeliveryError("Slack asks to slow down.", reason="ratelimited", permanent=False, retry_after=wait)
    if code in _REFUSED:
        return DeliveryError(_REFUSED[code], reason=code, permanent=True)
    if code in _ROOT_GONE:
        return DeliveryError(_ROOT_GONE[code], reason=code, permanent=True, root_gone=True)
    if code in _MENDABLE:
        return DeliveryError(_MENDABLE[code], reason=code, permanent=False, retry_after=wait or _MENDING)
    if code in REFUSED_BLOCKS:
        return DeliveryError("Slack does not accept the message's form.", reason=code, permanent=True)
    unlisted = code not in _PASSING and status < 500
    said = f"Slack answered `{code}`."
    return DeliveryError(said, reason=code, permanent=False, retry_after=wait, unlisted=unlisted)


def error_code(error: BaseException) -> str:
    """Slack's own word for a refusal, such as `not_in_channel`; `http_503` when it said none."""
    data = getattr(getattr(error, "response", None), "data", None)
    code = data.get("error") if isinstance(data, Mapping) else None
    if isinstance(code, str) and code.isascii() and len(code) <= 80:
        return code
    return f"http_{_status(error)}" if _status(error) else type(error).__name__


def retry_after(error: BaseException) -> timedelta | None:
    """How long Slack asks to wait (`Retry-After`, seconds); None when it does not."""
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
