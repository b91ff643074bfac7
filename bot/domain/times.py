"""Parse times as people type them: `03:00`, `yesterday`, `2 days ago`, `29 Nov 03:06`, `2026-11-29`, epochs. Pure.

`read_typed_time` reads the form; `resolve_ns` needs the current time and the person's time zone. A bare time of day is
the last such time, a bare day its midnight, a weekday the last such day. An hour that a clock change repeats counts
whole: a start is its first occurrence, an end its last.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from bot.domain.durations import NS_PER_SECOND, ns_from_datetime, parse_duration

LAST_NS = 2**63 - 1
"""The last nanosecond of a signed 64-bit integer, in the year 2262."""
_DAY = timedelta(days=1)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_WORDS = {"today": 0, "yesterday": 1, "tomorrow": -1}
_CLOCK_WORDS = {"midnight": 0, "noon": 12 * 3600 * NS_PER_SECOND}
_LONG_UNITS = re.compile(r"(?i)(?<=\d)\s*(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)\b")
_BETWEEN_PARTS = re.compile(r"(?i)(?<=\d[smhdw])(?:\s+and)?\s+(?=\d)")
_ONE = re.compile(r"(?i)^(?:an?|one)\s+(?=[a-z])")
_AGO = re.compile(r"(?i)(.+?)\s+ago$")
_ZONE = re.compile(r"(?i)\s*(?<=[\d m])(z|utc|gmt|[+-]\d{2}:?\d{2})$")
_CLOCK = re.compile(
    r"(?i)(?:^|\s+|(?<=\d)t|\s+at\s+)(\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9})\d*)?)?)?\s*([ap]m)?$"
)
_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})$")
_EPOCH = re.compile(r"@?(\d{9,})(?:[.,](\d{1,9})\d*)?$", re.ASCII)
"""The shortest one in seconds is in 1973. A shorter number could be anything."""
_EPOCH_UNITS = ((10**11, NS_PER_SECOND), (10**14, 10**6), (10**17, 10**3))
"""Numbers below a bound, and their unit in nanoseconds: seconds up to the year 5138, then milli- and microseconds."""
_MAX_EPOCH_DIGITS = 30
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_DAY_MONTH = re.compile(rf"(?i)(?P<day>\d{{1,2}})\.?\s+(?P<month>{_MONTH})(?:\s+(?P<year>\d{{4}}))?$")
_MONTH_DAY = re.compile(rf"(?i)(?P<month>{_MONTH})\s+(?P<day>\d{{1,2}})(?:,?\s+(?P<year>\d{{4}}))?$")


@dataclass(frozen=True, slots=True)
class Ago:
    """A time relative to now."""

    span: timedelta


@dataclass(frozen=True, slots=True)
class LastWeekday:
    """The last such weekday; today counts unless `before_today`."""

    number: int
    """0 is Monday."""
    before_today: bool = False


@dataclass(frozen=True, slots=True)
class LastDate:
    """The last such day of a month."""

    month: int
    day: int


Day = date | timedelta | LastWeekday | LastDate
"""A calendar day; a timedelta counts back from today."""


@dataclass(frozen=True, slots=True)
class WallTime:
    """A day, a time of day, or both, as a clock on the wall shows them."""

    day: Day | None
    clock_ns: int | None
    """Nanoseconds since midnight; None is the whole day."""
    offset: timezone | None = None
    """None: the time zone of the person."""


@dataclass(frozen=True, slots=True)
class EpochTime:
    """A time in nanoseconds since the epoch, typed as a number of seconds or a smaller unit."""

    ns: int


TypedTime = Ago | WallTime | EpochTime


def parse_long_duration(text: str) -> timedelta | None:
    """Parse a duration with short or long units: `30m`, `1h 30m`, `45 min`, `2 days`, `an hour`; else None."""
    counted = _LONG_UNITS.sub(lambda unit: unit[1][0].lower(), _ONE.sub("1 ", text.strip()))
    return parse_duration(_BETWEEN_PARTS.sub("", counted))


def read_typed_time(text: str) -> TypedTime | None:
    """Read the form of a time; None when the text is not a time."""
    typed = " ".join(text.lower().split())
    if typed == "now":
        return Ago(timedelta(0))
    ago = _AGO.match(typed)
    if (span := parse_long_duration(ago[1] if ago else typed)) is not None:
        return Ago(span)
    if epoch := _EPOCH.match(typed):
        return EpochTime(_epoch_ns(epoch[1], epoch[2] or ""))
    zone = _ZONE.search(typed)
    offset = _offset(zone[1]) if zone else None
    if zone and offset is None:
        return None
    return _read_wall_time(typed[: zone.start()] if zone else typed, offset)


def is_local(typed: TypedTime | None) -> bool:
    """Whether the time depends on the person's time zone."""
    return isinstance(typed, WallTime) and typed.offset is None


def resolve_ns(
    typed: TypedTime, now: datetime, zone: tzinfo, *, is_end: bool = False, after_ns: int | None = None
) -> int | None:
    """Return nanoseconds since the epoch; None when there is no such time from 1970 to 2262.

    Args:
        typed: what `read_typed_time` returned.
        now: the current time.
        zone: the person's time zone.
        is_end: whether a day means its last nanosecond, and a repeated hour its second occurrence.
        after_ns: a bare time of day is the first one from here on, instead of the last one before `now`.
    """
    try:
        if isinstance(typed, Ago):
            found: int | None = ns_from_datetime(now - typed.span)
        elif isinstance(typed, EpochTime):
            found = typed.ns
        else:
            found = _resolve_wall_time(typed, now, typed.offset or zone, is_end, after_ns)
    except (OverflowError, ValueError):
        return None
    return found if found is not None and 0 <= found <= LAST_NS else None


def _epoch_ns(digits: str, fraction: str) -> int:
    """The unit follows from the magnitude: no two units share a year between 1973 and 2262."""
    number = int(digits[:_MAX_EPOCH_DIGITS])
    unit_ns = next((unit_ns for bound, unit_ns in _EPOCH_UNITS if number < bound), 1)
    return number * unit_ns + int(fraction.ljust(9, "0") or "0") * unit_ns // NS_PER_SECOND


def _offset(text: str) -> timezone | None:
    if text[0] not in "+-":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span) if span < _DAY and minutes < 60 else None


def _read_wall_time(text: str, offset: timezone | None) -> WallTime | None:
    """Read `[day] [clock]`."""
    for word, of_word_ns in _CLOCK_WORDS.items():
        if text == word or text.endswith(f" {word}"):
            return _with_day(text.removesuffix(word), of_word_ns, offset)
    clock = _CLOCK.search(text)
    clock_ns = _clock_ns(clock) if clock else None
    if clock and clock_ns is not None:
        return _with_day(text[: clock.start()], clock_ns, offset)
    day = _read_day(text)
    return None if day is None else WallTime(day, None, offset)


def _with_day(text: str, clock_ns: int, offset: timezone | None) -> WallTime | None:
    words = text.strip().removesuffix(",")
    day = _read_day(words)
    return None if words and day is None else WallTime(day, clock_ns, offset)


def _clock_ns(found: re.Match[str]) -> int | None:
    """The time of day; None for a bare number, which could be anything, and for impossible times."""
    hour_text, minute, second, fraction, half = found.groups()
    hour = int(hour_text)
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    elif minute is None:
        return None
    if hour > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    seconds = hour * 3600 + int(minute or 0) * 60 + int(second or 0)
    return seconds * NS_PER_SECOND + int((fraction or "0").ljust(9, "0"))


def _read_day(text: str) -> Day | None:
    if text in _DAY_WORDS:
        return timedelta(days=_DAY_WORDS[text])
    name = text.removeprefix("last ")
    if len(name) >= 3 and name.isalpha():
        numbers = [number for number, weekday in enumerate(_WEEKDAYS) if weekday.startswith(name)]
        return LastWeekday(numbers[0], before_today=name != text) if numbers else None
    try:
        if iso := _ISO_DAY.match(text):
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        named = _DAY_MONTH.match(text) or _MONTH_DAY.match(text)
        if named is None:
            return None
        month, day = _MONTHS.index(named["month"][:3]) + 1, int(named["day"])
        date(2000, month, day)  # a leap year
        return date(int(named["year"]), month, day) if named["year"] else LastDate(month, day)
    except ValueError:
        return None


def _resolve_wall_time(typed: WallTime, now: datetime, zone: tzinfo, is_end: bool, after_ns: int | None) -> int | None:
    today = now.astimezone(zone).date()
    if typed.clock_ns is None:
        assert typed.day is not None
        day = _find_day(typed.day, today)
        return _midnight_ns(day + _DAY, zone) - 1 if is_end else _midnight_ns(day, zone)
    now_ns = ns_from_datetime(now)
    if typed.day is not None:
        day = _find_day(typed.day, today)
        found = list(_occurrences(day, typed.clock_ns, zone))
        if found and found[0] > now_ns and isinstance(typed.day, LastWeekday):
            found = list(_occurrences(day - _DAY * 7, typed.clock_ns, zone))
        return (found[-1] if is_end else found[0]) if found else None
    if after_ns is not None:
        first = datetime.fromtimestamp(after_ns // NS_PER_SECOND, zone).date()
        days = [first + _DAY * number for number in range(4)]
        return min(ns for day in days for ns in _occurrences(day, typed.clock_ns, zone) if ns >= after_ns)
    days = [today - _DAY * number for number in range(4)]
    return max(ns for day in days for ns in _occurrences(day, typed.clock_ns, zone) if ns <= now_ns)


def _find_day(day: Day, today: date) -> date:
    match day:
        case timedelta():
            return today - day
        case LastWeekday():
            back = (today.weekday() - day.number) % 7
            return today - timedelta(days=back or (7 if day.before_today else 0))
        case LastDate():
            years = range(today.year, today.year - 9, -1)
            dates = (date(year, day.month, day.day) for year in years if day.day < 29 or _exists(year, day))
            return next(one for one in dates if one <= today)
        case _:
            return day


def _exists(year: int, day: LastDate) -> bool:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return day.month != 2 or leap


def _midnight_ns(day: date, zone: tzinfo) -> int:
    """The first moment of a day, also where a clock change skips midnight."""
    return ns_from_datetime(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC))


def _occurrences(day: date, clock_ns: int, zone: tzinfo) -> Iterator[int]:
    """The moments at which a clock shows this time on this day: none if it is skipped, two if it is repeated."""
    seconds, rest = divmod(clock_ns, NS_PER_SECOND)
    wall = datetime.combine(day, time()) + timedelta(seconds=seconds)
    moments = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    for moment in sorted(moments):
        if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
            yield ns_from_datetime(moment) + rest
