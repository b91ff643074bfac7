"""Times as people type them, in any zone and through clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.durations import datetime_from_ns, ns_from_datetime
from bot.domain.times import LAST_NS, Ago, is_local, read_typed_time, resolve_ns

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 29, 9, 30, tzinfo=BERLIN)
zones = st.sampled_from(ZONES).map(ZoneInfo)
nows = st.integers(31_536_000, 4_102_444_800).map(lambda second: datetime.fromtimestamp(second, UTC))
clocks = st.times().map(lambda one: f"{one.hour:02}:{one.minute:02}:{one.second:02}.{one.microsecond:06}")


def local(text: str, now: datetime = NOW, *, is_end: bool = False) -> str:
    """The time in Berlin that a text means."""
    typed = read_typed_time(text)
    assert typed is not None
    found = resolve_ns(typed, now, BERLIN, is_end=is_end)
    return "none" if found is None else f"{datetime_from_ns(found).astimezone(BERLIN):%Y-%m-%d %H:%M:%S %z}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-29 09:30:00 +0100"),
        ("today", "2026-11-29 00:00:00 +0100"),
        ("Yesterday", "2026-11-28 00:00:00 +0100"),
        ("sunday", "2026-11-29 00:00:00 +0100"),
        ("last sunday", "2026-11-22 00:00:00 +0100"),
        ("mon", "2026-11-23 00:00:00 +0100"),
        ("sunday 23:00", "2026-11-22 23:00:00 +0100"),
        ("2 days ago", "2026-11-27 09:30:00 +0100"),
        ("an hour ago", "2026-11-29 08:30:00 +0100"),
        ("1h30m", "2026-11-29 08:00:00 +0100"),
        ("03:00", "2026-11-29 03:00:00 +0100"),
        ("09:30", "2026-11-29 09:30:00 +0100"),
        ("9:31", "2026-11-28 09:31:00 +0100"),
        ("3am", "2026-11-29 03:00:00 +0100"),
        ("3:30 PM", "2026-11-28 15:30:00 +0100"),
        ("12am", "2026-11-29 00:00:00 +0100"),
        ("noon", "2026-11-28 12:00:00 +0100"),
        ("midnight", "2026-11-29 00:00:00 +0100"),
        ("yesterday at 3am", "2026-11-28 03:00:00 +0100"),
        ("2026-11-29", "2026-11-29 00:00:00 +0100"),
        ("2026-07-01", "2026-07-01 00:00:00 +0200"),
        ("2026-11-29 03:00", "2026-11-29 03:00:00 +0100"),
        ("2026-11-29T03:00:00Z", "2026-11-29 04:00:00 +0100"),
        ("2026-11-29T03:00+05:30", "2026-11-28 22:30:00 +0100"),
        ("29 Nov 03:06 UTC", "2026-11-29 04:06:00 +0100"),
        ("PT1H30M", "2026-11-29 08:00:00 +0100"),
        ("P1DT2H ago", "2026-11-28 07:30:00 +0100"),
        ("P1W", "2026-11-22 09:30:00 +0100"),
        ("PT0.5H", "2026-11-29 09:00:00 +0100"),
        ("1764400000", "2025-11-29 08:06:40 +0100"),
        ("@1764400000", "2025-11-29 08:06:40 +0100"),
        ("1764400000.5", "2025-11-29 08:06:40 +0100"),
        ("1764400000123", "2025-11-29 08:06:40 +0100"),
        ("1764400000123456", "2025-11-29 08:06:40 +0100"),
        ("1764400000123456789", "2025-11-29 08:06:40 +0100"),
        ("123456789", "1973-11-29 22:33:09 +0100"),
        ("1" * 40, "none"),
        ("Nov 29, 2025", "2025-11-29 00:00:00 +0100"),
        ("30 november", "2025-11-30 00:00:00 +0100"),
        ("29 feb", "2024-02-29 00:00:00 +0100"),
        ("2026-03-29 02:30", "none"),
        ("2400-01-01", "none"),
        ("0001-01-01", "none"),
    ],
)
def test_times_as_people_type_them(text: str, expected: str) -> None:
    assert expected == local(text)


@pytest.mark.parametrize(
    "text", ["", "3", "soon", "11/29", "24:00", "25:00", "3:60", "13pm", "0am", "2026-13-01", "2026-02-30", "31 apr",
             "mo", "ago", "-5m", "yesterday tomorrow", "03:00 yesterday maybe", "2026-11-29T03:00+99:00", "job:3"],
)  # fmt: skip
def test_other_text_is_not_a_time(text: str) -> None:
    assert read_typed_time(text) is None


def test_a_day_ends_with_its_last_nanosecond() -> None:
    typed = read_typed_time("2026-10-25")  # 25 hours long
    assert typed is not None
    first, last = (resolve_ns(typed, NOW, BERLIN, is_end=is_end) for is_end in (False, True))
    assert first is not None
    assert last == first + 25 * 3600 * 10**9 - 1


def test_a_repeated_hour_counts_whole() -> None:
    assert "2026-10-25 02:30:00 +0200" == local("2026-10-25 02:30")
    assert "2026-10-25 02:30:00 +0100" == local("2026-10-25 02:30", is_end=True)
    assert "2026-10-25 02:30:00 +0200" == local("02:30", datetime(2026, 10, 25, 1, 0, tzinfo=UTC))
    assert "2026-10-25 02:30:00 +0100" == local("02:30", datetime(2026, 10, 25, 2, 0, tzinfo=UTC))


def test_a_skipped_time_of_day_is_that_of_the_day_before() -> None:
    assert "2026-03-28 02:30:00 +0100" == local("02:30", datetime(2026, 3, 29, 12, tzinfo=UTC))


def test_end_of_a_window_is_the_first_such_time_after_its_start() -> None:
    typed, start = read_typed_time("04:00"), ns_from_datetime(datetime(2026, 11, 27, 5, tzinfo=BERLIN))
    assert typed is not None
    found = resolve_ns(typed, NOW, BERLIN, is_end=True, after_ns=start)
    assert found == ns_from_datetime(datetime(2026, 11, 28, 4, tzinfo=BERLIN))


def test_nanoseconds_are_kept() -> None:
    typed = read_typed_time("1970-01-01T00:00:00.123456789Z")
    assert typed is not None
    assert resolve_ns(typed, NOW, BERLIN) == 123456789


@given(clocks, nows, zones)
@example("02:30:00.000000", datetime(2026, 3, 29, 12, tzinfo=UTC), BERLIN)
@example("02:15:00.000000", datetime(2026, 4, 4, 16, tzinfo=UTC), ZoneInfo("Australia/Lord_Howe"))
def test_a_time_of_day_is_the_last_one(clock: str, now: datetime, zone: ZoneInfo) -> None:
    typed = read_typed_time(clock)
    assert typed is not None
    assert is_local(typed)
    found = resolve_ns(typed, now, zone)
    assert found is not None
    moment = datetime_from_ns(found)
    assert now - timedelta(hours=50) < moment <= now
    assert f"{moment.astimezone(zone):%H:%M:%S.%f}" == clock
    later = (moment + timedelta(minutes=minutes) for minutes in range(30, 60 * 24, 30))
    assert not [one for one in later if one <= now and f"{one.astimezone(zone):%H:%M:%S.%f}" == clock]


@given(st.dates(date(1970, 1, 2), date(2262, 4, 10)), zones)
@example(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"))  # has no midnight
def test_a_date_covers_exactly_its_day(day: date, zone: ZoneInfo) -> None:
    typed = read_typed_time(f"{day:%Y-%m-%d}")
    assert typed is not None
    first, last = (resolve_ns(typed, NOW, zone, is_end=is_end) for is_end in (False, True))
    assert first is not None
    assert last is not None
    for ns, expected in ((first, day), (first - 1000, day - timedelta(days=1)), (last, day)):
        assert datetime_from_ns(ns).astimezone(zone).date() == expected
    assert datetime_from_ns(last + 1).astimezone(zone).date() == day + timedelta(days=1)


@given(st.text(alphabet="0123456789:-+TZ apmfebyestrdagonow.,", max_size=25), nows, zones, st.booleans())
def test_any_text_is_a_time_in_range_or_none(text: str, now: datetime, zone: ZoneInfo, is_end: bool) -> None:
    typed = read_typed_time(text)
    if typed is not None:
        found = resolve_ns(typed, now, zone, is_end=is_end)
        assert found is None or 0 <= found <= LAST_NS
        assert not (isinstance(typed, Ago) and is_local(typed))


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("1764400000.123456789", 1_764_400_000_123_456_789),
        ("1764400000123.5", 1_764_400_000_123_500_000),
        ("1764400000123456", 1_764_400_000_123_456_000),
        ("1764400000123456789", 1_764_400_000_123_456_789),
    ],
)
def test_epoch_is_exact_in_every_unit(text: str, expected_ns: int) -> None:
    typed = read_typed_time(text)
    assert typed is not None
    assert resolve_ns(typed, NOW, BERLIN) == expected_ns


@pytest.mark.parametrize(
    "text", ["P", "PT", "P1", "P1H", "P1Y", "P1M", "PT1D", "P-1D", "12345678", "1e30", "NaN", "-1h"]
)
def test_other_numbers_and_durations_are_not_times(text: str) -> None:
    assert read_typed_time(text) is None
