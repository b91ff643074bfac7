"""What an HTTP answer means: status to error, Retry-After to a span, an error body to one line, none to words. Pure.

`bot.providers.http.client` gets the answers and raises the errors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
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
from bot.providers.http.transport import NoTls, NotTrusted

_MESSAGE_KEYS = ("message", "detail", "error_description", "error", "title")


class BodyTooLarge(ProtocolError):
    """The platform's answer is larger than we take in; ask for less."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer, decompressed."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes


def retry_after_of(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long `Retry-After` asks to wait, given in seconds or as a date (RFC 9110, 10.2.3); None when it does not."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    with contextlib.suppress(ValueError, OverflowError):
        return max(timedelta(0), timedelta(seconds=float(text)))
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        moment = parsedate_to_datetime(text)
        return max(timedelta(0), moment.replace(tzinfo=moment.tzinfo or UTC) - now)
    return None


def kind_of(status: int) -> tuple[type[ProviderError], str]:
    """The error that a status stands for, and the words for it."""
    match status:
        case 401 | 402 | 403 | 407:
            return AuthFailed, "refused the key; check that it is valid and may read this"
        case 404 | 410:
            return JobNotFound, "knows no such job"
        case 405 | 501:
            return NotSupported, "does not offer that"
        case 429:
            return RateLimited, "asks us to slow down"
        case 408 | 425:
            return Unavailable, "gave up waiting"
        case _ if status >= 500:
            return Unavailable, "has trouble of its own"
        case _ if status >= 400:
            return BadRequest, "refused the request"
        case _ if status >= 300:
            return ProtocolError, "answered with a redirect; check the base URL"
        case _:
            return ProtocolError, "answered in a way that we did not ask for"


def no_answer(provider: str, error: Exception) -> str:
    """Why there is no answer, or no whole one. The error's own words are not shown: they may hold the URL."""
    match error:
        case NotTrusted():
            return f"The TLS certificate of {provider} is not trusted, so nothing was sent there."
        case NoTls():
            return f"No secure connection to {provider} could be made; it does not speak TLS as it should."
        case httpx.ProxyError():
            return f"The proxy on the way to {provider} refused, or cannot be reached."
        case httpx.TimeoutException():
            return f"{provider} did not answer in time."
        case httpx.ConnectError():
            return f"{provider} cannot be reached: no connection to its address."
        case httpx.ReadError():
            return f"{provider} broke off the connection before its answer was complete."
        case httpx.RemoteProtocolError():
            return f"{provider} answered with something that is no HTTP."
        case BrokenBody():
            return f"{provider} sent an answer that is damaged or cut off."
        case _:
            return f"The connection to {provider} failed ({type(error).__name__})."


def message_of(body: bytes) -> str:
    """The message field of a JSON error in any of the usual shapes, else the text itself; nothing of an HTML page."""
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
