"""Parse and format durations ("30m", "30 min"), relative times ("3 min ago") and timestamps.

Log timestamps are integers, in nanoseconds since the epoch. A float64 or a datetime would round them.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

Clock = Callable[[], datetime]
"""The current time, aware; a parameter wherever time matters."""

NS_PER_SECOND = 1_000_000_000
NS_PER_MS = 1_000_000

EARLIEST_NS, LATEST_NS = 10**17, 9 * 10**18
"""Numbers in this range are nanoseconds since the epoch: the years 1973 to 2255."""
_POWERS = {
    **dict.fromkeys((8, 9, 10), 9),
    **dict.fromkeys((11, 12, 13), 6),
    **dict.fromkeys((14, 15, 16), 3),
    **dict.fromkeys((17, 18, 19), 0),
    **dict.fromkeys((20, 21, 22), -3),
}
"""The power of ten that converts a number to nanoseconds, by the power of its first digit."""
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{0,40})?(?:[eE][+-]?\d{1,3})?")

_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1
"""The range of a signed 64-bit integer: the years 1677 to 2262. Timestamps beyond it are clamped for display."""
_LAST_PARSED_NS = 2**63 // NS_PER_SECOND * NS_PER_SECOND
"""The last whole second in range, in the year 2262."""

_SECONDS_MATTER = 600
"""Below this many seconds, a spoken duration includes seconds."""
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)", re.IGNORECASE)
_ISO_NUMBER = r"(\d+(?:[.,]\d+)?)"
_ISO_DURATION = re.compile(
    rf"P(?=[\dT])(?:{_ISO_NUMBER}W)?(?:{_ISO_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_ISO_NUMBER}H)?(?:{_ISO_NUMBER}M)?(?:{_ISO_NUMBER}S)?)?$",
    re.IGNORECASE,
)
"""ISO 8601 without years and months, whose length varies."""
_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9})\d*)?\s*([Zz]|[+-]\d{2}:?\d{2})?$"
)


def parse_duration(text: str) -> timedelta | None:
    """Parse "90s", "30m", "2h", "3d", "1w", a combination such as "1h30m", or ISO 8601 such as "PT1H30M"; else None.

    A span that is too long for a timedelta becomes `timedelta.max`, so that the caller can name its own limit.
    """
    stripped = text.strip()
    if not stripped:
        return None
    seconds = _iso_seconds(stripped) if stripped[:1] in "Pp" else _seconds(stripped)
    if seconds is None:
        return None
    return timedelta(seconds=seconds) if seconds < timedelta.max.total_seconds() else timedelta.max


def _seconds(text: str) -> float | None:
    position, seconds = 0, 0.0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            return None
        seconds += float(part[1]) * _UNIT_SECONDS[part[2].lower()]
        position = part.end()
    return seconds


def _iso_seconds(text: str) -> float | None:
    found = _ISO_DURATION.match(text)
    if found is None:
        return None
    parts = zip(found.groups(), ("w", "d", "h", "m", "s"), strict=True)
    return sum(float(number.replace(",", ".")) * _UNIT_SECONDS[unit] for number, unit in parts if number)


def format_duration(span: timedelta) -> str:
    """Format as `parse_duration` reads it, the two largest units, ignoring the sign: "1h 30m", "45s", "3d 2h"."""
    seconds, parts = int(abs(span.total_seconds())), list[str]()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
    return " ".join(filter(None, parts[:2])) or "0s"


def spoken_duration(span: timedelta) -> str:
    """Format for people, ignoring the sign: "45 s", "3 min 5 s", "1 h 20 min", "2 d"; no seconds from 10 min on."""
    seconds = int(abs(span.total_seconds()))
    seconds -= seconds % 60 if seconds >= _SECONDS_MATTER else 0
    parts, sizes = list[str](), (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for unit, size in sizes:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count:,} {unit}" if count else "")
    return " ".join(filter(None, parts[:2])) or "0 s"


def spoken_seconds(seconds: float) -> str:
    """Format seconds for people, such as "3 min 5 s"."""
    return spoken_duration(timedelta(seconds=seconds))


def format_ago(timestamp: datetime, now: datetime) -> str:
    """Format a time relative to `now`: "just now", "4 min 10 s ago", "in 5 min"."""
    span = now - timestamp
    if timedelta(0) <= span < timedelta(seconds=2):
        return "just now"
    words = spoken_duration(span)
    return f"{words} ago" if span > timedelta(0) else f"in {words}"


def ns_from_datetime(timestamp: datetime) -> int:
    """Convert an aware datetime to nanoseconds since the epoch, exactly."""
    delta = timestamp - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * NS_PER_SECOND + delta.microseconds * 1000


def datetime_from_ns(timestamp_ns: int) -> datetime:
    """Convert to an aware UTC datetime, cut to microseconds. Values out of range are clamped."""
    seconds, rest = divmod(_bounded(timestamp_ns), NS_PER_SECOND)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=rest // 1000)


def _bounded(timestamp_ns: int) -> int:
    return min(max(timestamp_ns, _FIRST_NS), _LAST_NS)


def format_ns(timestamp_ns: int) -> str:
    """Format as RFC 3339 in UTC with nanoseconds: "2026-03-13T10:00:00.123456789Z"."""
    seconds, rest = divmod(_bounded(timestamp_ns), NS_PER_SECOND)
    second = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{second:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def format_iso_ms(timestamp_ns: int) -> str:
    """Format as ISO 8601 in UTC with milliseconds: "2026-03-13T10:00:00.123Z"."""
    return f"{format_ns(timestamp_ns)[:-7]}Z"


def scale_to_ns(number: int | float | Decimal) -> int | None:
    """Return the time that a number since the epoch means, in nanoseconds, whatever its unit.

    The magnitude shows the unit: seconds, milliseconds, microseconds, nanoseconds or picoseconds of the years 1973 to
    2255 do not overlap. Returns None for any other number, such as 0, a negative one or an uptime.
    """
    try:
        exact = Decimal(str(number)) if isinstance(number, float) else Decimal(number)
        power = _POWERS.get(exact.adjusted()) if exact.is_finite() and exact > 0 else None
    except (InvalidOperation, ValueError):
        return None
    if power is None:
        return None
    scaled = int(exact.scaleb(power))
    return scaled if EARLIEST_NS <= scaled <= LATEST_NS else None


def parse_timestamp_ns(text: str) -> int | None:
    """Parse an RFC 3339 timestamp or a number since the epoch in any unit; None for other text and before 1973."""
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        return scale_to_ns(Decimal(stripped))
    return _plausible(parse_rfc3339_ns(stripped))


def _plausible(stamp_ns: int | None) -> int | None:
    return stamp_ns if stamp_ns is not None and stamp_ns >= EARLIEST_NS else None


def parse_rfc3339_ns(text: str) -> int | None:
    """Parse an RFC 3339 timestamp to nanoseconds since the epoch. Without a zone it is in UTC.

    Returns None for other text and for years outside 1970 to 2262. Platforms use such years for "no time": Go's zero
    time is in year 1.
    """
    found = _RFC3339.match(text.strip())
    if found is None:
        return None
    date, clock, fraction, zone = found.groups()
    offset = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        second_ns = ns_from_datetime(datetime.fromisoformat(f"{date}T{clock}{offset}"))
    except ValueError:
        return None
    return second_ns + int((fraction or "0").ljust(9, "0")) if 0 <= second_ns < _LAST_PARSED_NS else None


def timestamp_parser() -> Callable[[str], int | None]:
    """Return a faster `parse_timestamp_ns` for one page of lines. It caches whole seconds, which most lines share."""
    seconds: dict[str, int | None] = {}

    def parse(text: str) -> int | None:
        second, fraction = text[:19], text[20:-1]
        if text[19:20] != "." or text[-1:] != "Z" or not fraction.isdecimal() or len(fraction) > 9:
            return parse_timestamp_ns(text)
        if second not in seconds:
            seconds[second] = _plausible(parse_rfc3339_ns(second))
        whole = seconds[second]
        return None if whole is None else whole + int(fraction.ljust(9, "0"))

    return parse
