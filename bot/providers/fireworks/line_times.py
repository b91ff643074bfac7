"""Find the times in the lines of a log file, and give every line a time. Pure.

A file states no times for its lines. A line that begins with a timestamp has that time. Any other line has the time of
the last such line before it; far after that line, a nanosecond more for each byte, because pages are cut by time. Times
never go back. They depend on the text alone: reading a line again, forward or backward, gives the same time.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bot.domain.durations import NS_PER_MS, NS_PER_SECOND, parse_rfc3339_ns

SHARED_BYTES = 16 * 1024
"""Up to this far after a line that states a time, lines have the same time."""
_DAY_NS = 86_400 * NS_PER_SECOND
_MOST_CHARS = 64
"""Characters of a timestamp and of what may come before it: a level, a name, a rank, a bracket."""
_STAMP = re.compile(
    rb"[^\n]{0,24}?(?<!\d)(\d{4}[-/]\d\d[-/]\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?"
    rb"\s?(Z|[+-]\d\d:?\d\d(?![\d-]))?"
)
_FIELD = re.compile(rb'"(?:timestamp|time|ts|asctime)"\s*:\s*(?:"([^"\n]{10,40})"|(\d{9,20}(?:\.\d+)?))')
_SECONDS, _MILLIS, _MICROS = 10**11, 10**14, 10**17
"""A number below is in seconds, in milliseconds, in microseconds; above the last, in nanoseconds."""


Seconds = dict[tuple[bytes, bytes, bytes | None], int | None]
"""Date, time of day and zone, and the nanosecond that they are; None: no time."""


class FileLine(NamedTuple):
    """One line of a file."""

    offset: int
    """Of its first byte."""
    end: int
    """Of the first byte after it and its newline."""
    text: bytes
    """Without its newline."""


class Anchor(NamedTuple):
    """The last line that stated a time."""

    time_ns: int
    offset: int = -SHARED_BYTES
    """By default before the file, so that each line of a file without times has its own."""

    def carry_to(self, offset: int) -> int:
        """Return the time of a line that states none."""
        return self.time_ns + max(0, offset - self.offset - SHARED_BYTES)


class TimedLine(NamedTuple):
    """A line with its time."""

    time_ns: int
    line: FileLine
    states_time: bool
    """Whether the line itself states a time."""


class LineClock:
    """Gives lines their times, in the order of the file."""

    __slots__ = ("_first_ns", "_last_ns", "_seconds", "anchor")

    def __init__(self, anchor: Anchor, first_ns: int, last_ns: int) -> None:
        """Begin after `anchor`. A stated time before `first_ns` or after `last_ns` is not the time of the line."""
        self.anchor = anchor
        self._first_ns, self._last_ns = first_ns - _DAY_NS, last_ns + _DAY_NS
        self._seconds: Seconds = {}

    def read(self, lines: Iterable[FileLine]) -> Iterator[TimedLine]:
        """Yield the lines with their times."""
        for line in lines:
            stated_ns = parse_line_time(line.text, self._seconds)
            if stated_ns is not None and not self._first_ns <= stated_ns <= self._last_ns:
                stated_ns = None
            carried_ns = self.anchor.carry_to(line.offset)
            if stated_ns is None:
                yield TimedLine(carried_ns, line, states_time=False)
                continue
            # Two processes that write one file may be some milliseconds out of order.
            self.anchor = Anchor(max(stated_ns, carried_ns), line.offset)
            yield TimedLine(self.anchor.time_ns, line, states_time=True)


def split_lines(data: bytes, offset: int, *, is_end: bool) -> list[FileLine]:
    """Split a part of a file that begins at the start of a line; `is_end`: its last line is whole without a newline."""
    lines: list[FileLine] = []
    start = 0
    while (newline := data.find(b"\n", start)) >= 0:
        lines.append(FileLine(offset + start, offset + newline + 1, data[start:newline].removesuffix(b"\r")))
        start = newline + 1
    if is_end and start < len(data):
        lines.append(FileLine(offset + start, offset + len(data), data[start:]))
    return lines


def parse_line_time(text: bytes, seconds: Seconds) -> int | None:
    """Return the time that a line states: at its start, or in a field of structured logging; else None.

    `seconds` keeps the whole seconds that were parsed, which most lines share.
    """
    if text[:1] == b"{":
        found = _FIELD.search(text, 0, 4096)
        return parse_time_field(_value(found)) if found else None
    found = _STAMP.match(text, 0, _MOST_CHARS)
    if found is None:
        return None
    date, clock, fraction, zone = found.groups()
    key = (date, clock, zone)
    if key not in seconds:
        text_of = date.replace(b"/", b"-") + b"T" + clock + (zone or b"Z")
        seconds[key] = parse_rfc3339_ns(text_of.decode("ascii"))
    second_ns = seconds[key]
    return second_ns if second_ns is None or fraction is None else second_ns + int(fraction.ljust(9, b"0"))


def parse_time_field(value: object) -> int | None:
    """Return the time of a field: a text, or seconds, milli-, micro- or nanoseconds since the epoch."""
    if isinstance(value, str):
        return parse_rfc3339_ns(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**63:
        return None
    for limit, unit_ns in ((_SECONDS, NS_PER_SECOND), (_MILLIS, NS_PER_MS), (_MICROS, 1000)):
        if value < limit:
            return round(value * unit_ns) if isinstance(value, float) else value * unit_ns
    return int(value)


def _value(found: re.Match[bytes]) -> str | float | None:
    if found[1] is not None:
        return found[1].decode("ascii", "replace")
    return float(found[2]) if b"." in found[2] else int(found[2])
