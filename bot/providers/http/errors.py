"""Turn HTTP statuses into errors, transport errors into messages, and error bodies into one line. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from bot.errors import (
    AuthFailed,
    BadRequest,
    JobNotFound,
    NotSupported,
    ProtocolError,
    ProviderError,
    RateLimited,
    Unavailable,
)
from bot.providers.http.body import BrokenBody
from bot.providers.http.transport import TlsFailed, UntrustedCertificate

TRANSPORT_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, BrokenBody)
"""Everything that sending a request or reading its response may raise."""

_MESSAGE_KEYS = ("message", "detail", "error_description", "error", "title")


class BodyTooLarge(ProtocolError):
    """The platform's response is too large. Request less."""


def error_for_status(status: int) -> tuple[type[ProviderError], str]:
    """Return the error class for a status, and what the platform did, as the rest of a sentence."""
    match status:
        case 401 | 402 | 403 | 407:
            return AuthFailed, "rejected the API key; check that it is valid and has read access"
        case 404 | 410:
            return JobNotFound, "could not find the job"
        case 405 | 501:
            return NotSupported, "does not support this request"
        case 429:
            return RateLimited, "is rate limiting requests"
        case 408 | 425:
            return Unavailable, "timed out"
        case _ if status >= 500:
            return Unavailable, "failed with a server error"
        case _ if status >= 400:
            return BadRequest, "rejected the request"
        case _ if status >= 300:
            return ProtocolError, "sent a redirect; check the base URL"
        case _:
            return ProtocolError, "sent an unexpected status"


def describe_transport_error(provider: str, error: Exception) -> str:
    """Return a sentence on why there is no complete response. Never quotes the error, which may contain the URL."""
    match error:
        case UntrustedCertificate():
            return f"The TLS certificate of {provider} is not trusted. Nothing was sent."
        case TlsFailed():
            return f"The TLS handshake with {provider} failed. Nothing was sent."
        case httpx.ProxyError():
            return f"The proxy for {provider} refused the connection or cannot be reached."
        case httpx.TimeoutException():
            return f"{provider} did not answer in time."
        case httpx.ConnectError():
            return f"{provider} cannot be reached: the connection failed."
        case httpx.ReadError():
            return f"{provider} closed the connection before the response was complete."
        case httpx.RemoteProtocolError():
            return f"{provider} sent an invalid HTTP response."
        case BrokenBody():
            return f"{provider} sent a damaged or truncated response."
        case _:
            return f"The connection to {provider} failed ({type(error).__name__})."


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Parse `Retry-After`, given in seconds or as a date (RFC 9110, 10.2.3); None if missing or invalid."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    with contextlib.suppress(ValueError, OverflowError):
        return max(timedelta(0), timedelta(seconds=float(text)))
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        date = parsedate_to_datetime(text)
        return max(timedelta(0), date.replace(tzinfo=date.tzinfo or UTC) - now)
    return None


def extract_message(body: bytes) -> str:
    """Return the message field of a JSON error in any of the usual shapes, else the plain text; "" for HTML."""
    try:
        found: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        text = body.decode("utf-8", "replace")
        return "" if text.lstrip().startswith("<") else text
    for _ in range(4):
        if not isinstance(found, dict):
            break
        found = next((found[key] for key in _MESSAGE_KEYS if found.get(key)), None)
    return found if isinstance(found, str) else ""
