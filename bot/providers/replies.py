"""What an HTTP answer means: status to error, Retry-After to a span, an error body to one line. Pure.

`bot.providers.http` gets the answers and raises the errors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

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
        case _:
            return ProtocolError, "answered with a redirect; check the base URL"


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
