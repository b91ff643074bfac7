"""Spans and moments as people type and read them: "30m" to a timedelta and back, "3 minutes ago", RFC 3339.

Log timestamps are whole nanoseconds since the epoch (`int`): a float64 cannot hold them and a datetime stops at
microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""The current time, aware; a parameter wherever time matters."""

NS_PER_SECOND = 1_000_000_000
NS_PER_MS = 1_000_000

_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1
"""What 64 bits hold, the years 1677 to 2262: a stamp beyond them is foreign nonsense, and shown as the nearest."""

_LAST_STAMP_NS = 2**63 // NS_PER_SECOND * NS_PER_SECOND
"""The last whole second that 64 bits hold, in the year 2262."""

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)", re.IGNORECASE)
_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9})\d*)?\s*([Zz]|[+-]\d{2}:?\d{2})?$"
)


def parse_duration(text: str) -> timedelta | None:
    """Read "90s", "30m", "2h", "3d", "1w" or a chain like "1h30m"; None when it is none of these."""
    stripped = text.strip()
    position, seconds = 0, 0.0
    while position < len(stripped):
        part = _PART.match(stripped, position)
        if part is None:
            return None
        seconds += float(part[1]) * _UNIT_SECONDS[part[2].lower()]
        position = part.end()
    if not stripped or seconds > timedelta.max.total_seconds() / 2:
        return None
    return timedelta(seconds=seconds)


def format_duration(span: timedelta) -> str:
    """The two largest units: "1h 30m", "45s", "3d 2h"."""
    seconds = int(abs(span.total_seconds()))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0s"


def format_ago(moment: datetime, now: datetime) -> str:
    """How long since: "just now", "4m 10s ago", "in 5m"."""
    span = now - moment
    if timedelta(0) <= span < timedelta(seconds=2):
        return "just now"
    words = format_duration(span)
    return f"{words} ago" if span > timedelta(0) else f"in {words}"


def ns_from_datetime(moment: datetime) -> int:
    """Whole nanoseconds since the epoch of an aware datetime, without passing through a float."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * NS_PER_SECOND + delta.microseconds * 1000


def datetime_from_ns(timestamp_ns: int) -> datetime:
    """The aware UTC datetime, cut to microseconds; of any integer, for foreign stamps may be anything."""
    seconds, rest = divmod(_bounded(timestamp_ns), NS_PER_SECOND)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=rest // 1000)


def _bounded(timestamp_ns: int) -> int:
    return min(max(timestamp_ns, _FIRST_NS), _LAST_NS)


def format_ns(timestamp_ns: int) -> str:
    """RFC 3339 in UTC with all nine digits: "2026-03-13T10:00:00.123456789Z"."""
    seconds, rest = divmod(_bounded(timestamp_ns), NS_PER_SECOND)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def parse_rfc3339_ns(text: str) -> int | None:
    """Nanoseconds since the epoch of an RFC 3339 stamp, up to nine fraction digits; without a zone it is UTC.

    None when it is no stamp or stands outside the years 1970 to 2262: it means "no time" (Go's zero time is of year 1),
    and 64 bits may not hold it.
    """
    found = _RFC3339.match(text.strip())
    if found is None:
        return None
    date, clock, fraction, zone = found.groups()
    offset = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}{offset}")
    except ValueError:
        return None
    second_ns = ns_from_datetime(moment)
    return second_ns + int((fraction or "0").ljust(9, "0")) if 0 <= second_ns < _LAST_STAMP_NS else None


def stamp_parser() -> Callable[[str], int | None]:
    """A `parse_rfc3339_ns` for one page: the calendar is worked out once a second, as a page has many stamps of few."""
    seconds: dict[str, int | None] = {}

    def parse(text: str) -> int | None:
        second, fraction = text[:19], text[20:-1]
        if text[19:20] != "." or text[-1:] != "Z" or not fraction.isdecimal() or len(fraction) > 9:
            return parse_rfc3339_ns(text)
        if second not in seconds:
            seconds[second] = parse_rfc3339_ns(second)
        whole = seconds[second]
        return None if whole is None else whole + int(fraction.ljust(9, "0"))

    return parse
