"""Turn HTTP statuses into errors, transport errors into messages, and error bodies into one line. Pure."""

import contextlib
from collections.abc import Container, Mapping
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

TRANSPORT_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, BrokenBody)
"""Everything that sending a request or reading its response may raise."""

_MESSAGE_KEYS = ("message", "detail", "error_description", "error", "title")


class BodyTooLarge(ProtocolError):
    """The platform's response is too large. Request less."""


class UntrustedCertificate(httpx.ConnectError):
    """The remote's TLS certificate is not trusted, so nothing was sent."""


class TlsFailed(httpx.ConnectError):
    """The TLS handshake failed, so nothing was sent."""


_STATUSES: tuple[tuple[Container[int], type[ProviderError], str], ...] = (
    ((401, 402, 403, 407), AuthFailed, "rejected the API key; check that it is valid and has read access"),
    ((404, 410), JobNotFound, "has no such job"),
    ((405, 501), NotSupported, "does not support this request"),
    ((429,), RateLimited, "is rate limiting requests"),
    ((408, 425), Unavailable, "timed out"),
    (range(500, 1000), Unavailable, "failed with a server error"),
    (range(400, 500), BadRequest, "rejected the request"),
    (range(300, 400), ProtocolError, "sent a redirect; check the base URL"),
)
_TRANSPORT_MESSAGES: tuple[tuple[type[Exception], str], ...] = (
    (
        UntrustedCertificate,
        "The TLS certificate of {} is not trusted. To trust a company's CA, set SSL_CERT_FILE.",
    ),
    (TlsFailed, "The TLS handshake with {} failed. Nothing was sent."),
    (httpx.ProxyError, "The proxy for {} refused the connection or cannot be reached."),
    (httpx.TimeoutException, "{} did not answer in time."),
    (httpx.ConnectError, "{} cannot be reached: the connection failed."),
    (httpx.ReadError, "{} closed the connection before the response was complete."),
    (httpx.RemoteProtocolError, "{} sent an invalid HTTP response."),
    (BrokenBody, "{} sent a damaged or truncated response."),
)


def error_for_status(status: int) -> tuple[type[ProviderError], str]:
    """Return the error class for a status, and what the platform did, as the rest of a sentence."""
    matching = ((error_class, text) for statuses, error_class, text in _STATUSES if status in statuses)
    return next(matching, (ProtocolError, "sent an unexpected status"))


def describe_transport_error(provider: str, error: Exception) -> str:
    """Return a sentence on why there is no complete response. Never quotes the error, which may contain the URL."""
    texts = (text.format(provider) for error_class, text in _TRANSPORT_MESSAGES if isinstance(error, error_class))
    return next(texts, f"The connection to {provider} failed ({type(error).__name__}).")


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Parse `Retry-After`, given in seconds or as a date (RFC 9110, 10.2.3); None if missing or invalid."""
    text = headers.get("retry-after", "").strip()
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
