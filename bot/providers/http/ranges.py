"""Continue a broken download with a range request (RFC 9110, sections 13.1.5 and 14). Pure."""

import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

_CONTENT_RANGE = re.compile(r"bytes (\d+)-")
_STRONG_AFTER = timedelta(minutes=1)
"""A modification time identifies a version only if the response came this much later (RFC 9110, 8.8.2.2)."""


def range_headers(headers: Mapping[str, str], received: int) -> dict[str, str]:
    """Return the headers of a request for the bytes after the first `received` ones of an earlier response.

    Without `Range` among them, the response begins at the first byte: the server offers no ranges, has compressed the
    response, or does not identify its version. Ranges of a compressed response count compressed bytes.
    """
    plain = {"Accept-Encoding": "identity"}
    version = _version(headers)
    is_plain = headers.get("content-encoding", "identity").strip().lower() == "identity"
    if not received or version is None or not is_plain or "bytes" not in headers.get("accept-ranges", "").lower():
        return plain
    return {**plain, "Range": f"bytes={received}-", "If-Range": version}


def continues_at(headers: Mapping[str, str], received: int) -> bool:
    """Whether a partial response (206) begins at this byte."""
    found = _CONTENT_RANGE.match(headers.get("content-range", "").strip().lower())
    return found is not None and int(found[1]) == received


def _version(headers: Mapping[str, str]) -> str | None:
    """The strong validator of a response: its ETag, or its modification time if that is old enough."""
    tag = headers.get("etag", "").strip()
    if tag:
        return None if tag.startswith("W/") else tag
    try:
        modified, sent = (parsedate_to_datetime(headers.get(name, "")) for name in ("last-modified", "date"))
        return headers["last-modified"] if sent - modified >= _STRONG_AFTER else None
    except (ValueError, TypeError, KeyError):
        return None
