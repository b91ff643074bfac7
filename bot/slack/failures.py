"""Turn an error of a call to Slack into a DeliveryError: whether a retry can help, what to show, how long to wait.

`error_codes` has the kinds of all documented errors. An unlisted code is retried a few times, so that no alert is lost
and later ones are not held back for days.
"""

import json
import math
from collections.abc import Mapping
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookResponse

from bot.errors import RATE_LIMITED as RATE_LIMIT_REASON
from bot.errors import DeliveryError, WaitsFor
from bot.slack.error_codes import ERRORS, RATE_LIMITED, ErrorKind

UNREACHABLE = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError, AttributeError)
"""What a call to Slack may raise. The SDK raises the last two on a response that is not a JSON object."""

BAD_TOKEN = frozenset({"invalid_auth", "not_authed", "not_allowed_token_type", "token_revoked", "account_inactive"})

_FIX_RETRY = timedelta(minutes=5)
_PERMANENT = frozenset(
    {
        ErrorKind.PERMANENT,
        ErrorKind.ROOT_GONE,
        ErrorKind.THREAD_REFUSED,
        ErrorKind.BLOCKS_REFUSED,
        ErrorKind.METADATA_REFUSED,
    }
)
"""Kinds against which sending the same message again does not help."""

_TRANSPORT: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, "The TLS certificate of Slack is not trusted."),
    (aiohttp.ClientSSLError, "The TLS handshake with Slack failed."),
    (aiohttp.ClientProxyConnectionError, "The proxy for Slack cannot be reached."),
    (aiohttp.ClientHttpProxyError, "The proxy for Slack refused the connection."),
)
"""Transport errors with a known cause."""
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL)
"""Raised before a request is sent; after any other transport error Slack may have accepted the message."""
_OF_CHANNEL = frozenset(
    {
        "action_prohibited",
        "channel_is_archived",
        "channel_is_limited_access",
        "channel_not_found",
        "invalid_channel",
        "is_archived",
        "is_inactive",
        "no_permission",
        "not_in_channel",
    }
)
"""Fixable errors of one channel; the others concern the app or the workspace."""


def delivery_error(error: BaseException) -> DeliveryError:
    """The DeliveryError for a failed call to Slack."""
    if not isinstance(error, SlackApiError):
        text = next((text for kind, text in _TRANSPORT if isinstance(error, kind)), "Slack cannot be reached.")
        return _unreachable(text, type(error).__name__, is_unknown=not isinstance(error, _NOT_SENT))
    return refusal(error_code(error), retry_after(error), _status(error) or 0)


def refusal(code: str, wait: timedelta | None, status: int) -> DeliveryError:
    """The DeliveryError for a code that Slack returned, with the time that Slack asks to wait and the HTTP status."""
    if code in RATE_LIMITED or status == 429:
        wait = wait or timedelta(seconds=1)
        return DeliveryError("Slack rate limit reached.", reason=RATE_LIMIT_REASON, permanent=False, retry_after=wait)
    kind, text = ERRORS.get(code, (None, f"Slack returned `{code}`."))
    if kind is ErrorKind.TEMPORARY or status >= 500 or (kind is None and code == "http_200"):
        return _unreachable(text, code, is_unknown=True, wait=wait)
    is_fixable = kind is ErrorKind.FIXABLE
    return DeliveryError(
        text,
        reason=code,
        permanent=kind in _PERMANENT,
        retry_after=wait or (_FIX_RETRY if is_fixable else None),
        root_gone=kind is ErrorKind.ROOT_GONE,
        unlisted=kind is None,
        waits_for=(WaitsFor.CHANNEL if code in _OF_CHANNEL else WaitsFor.SLACK) if is_fixable else None,
    )


def _unreachable(text: str, reason: str, *, is_unknown: bool, wait: timedelta | None = None) -> DeliveryError:
    """An error that affects every channel; if `is_unknown`, Slack may have accepted the message."""
    return DeliveryError(
        text,
        reason=reason,
        permanent=False,
        retry_after=wait,
        outcome_unknown=is_unknown,
        unreachable=True,
        waits_for=WaitsFor.SLACK,
    )


def response_url_error(response: WebhookResponse) -> DeliveryError | None:
    """The error that a response URL returned, as text or in JSON; None if it accepted the answer.

    An unknown error counts as rejected blocks, because response URLs name few errors (observed, read 2026-11-29).
    """
    status, code = response.status_code, _response_code(response.body)
    if status == 200 and code not in ERRORS:
        return None
    if code not in ERRORS and status < 500 and status != 429:
        code = "expired_url" if status == 404 else "invalid_payload"
    return refusal(code if code in ERRORS else f"http_{status}", _wait_in(response.headers), status)


def _response_code(body: str) -> str:
    """The code in a response, which is JSON or plain text."""
    try:
        data = json.loads(body)
    except ValueError:
        return body.strip()
    return str(data.get("error", "")) if isinstance(data, dict) else ""


def error_code(error: BaseException) -> str:
    """Slack's error code, such as `not_in_channel`; without one the HTTP status, such as `http_503`."""
    data = getattr(getattr(error, "response", None), "data", None)
    code = data.get("error") if isinstance(data, Mapping) else None
    if isinstance(code, str) and code.isascii() and len(code) <= 80:
        return code
    return f"http_{_status(error)}" if _status(error) else type(error).__name__


def retry_after(error: BaseException) -> timedelta | None:
    """How long Slack asks to wait (`Retry-After` in seconds); None without that header."""
    return _wait_in(getattr(getattr(error, "response", None), "headers", None))


def _wait_in(headers: object) -> timedelta | None:
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
