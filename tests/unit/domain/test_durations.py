"""Timestamps from platforms: parsing, formatting and clamping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.durations import datetime_from_ns, format_ns, parse_rfc3339_ns, spoken_duration, timestamp_parser


@pytest.mark.parametrize(
    ("timestamp_ns", "year", "shown"),
    [
        (1_773_396_000_123_456_789, 2026, "2026-03-13T10:00:00.123456789Z"),
        (2**63 * 100, 2262, "2262-04-11T23:47:16.854775807Z"),
        (-(2**70), 1677, "1677-09-21T00:12:43.145224192Z"),
    ],
)
def test_timestamp_out_of_range_is_clamped(timestamp_ns: int, year: int, shown: str) -> None:
    assert datetime_from_ns(timestamp_ns).year == year
    assert datetime_from_ns(timestamp_ns).tzinfo is UTC
    assert format_ns(timestamp_ns) == shown


def test_timestamp_is_cut_to_microseconds() -> None:
    assert datetime_from_ns(1_999) == datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.5Z",
        "1969-12-31T23:59:59.999999999Z",
        "2262-04-11T23:47:16.9Z",
        "9999-12-31T23:59:59.123Z",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_timestamp_in_implausible_year_is_not_parsed(text: str) -> None:
    assert [None, None] == [parse_rfc3339_ns(text), timestamp_parser()(text)]


def test_first_and_last_second_in_range_are_parsed() -> None:
    assert 0 == parse_rfc3339_ns("1970-01-01T00:00:00Z")
    assert "2262-04-11T23:47:15.999999999Z" == format_ns(parse_rfc3339_ns("2262-04-11T23:47:15.999999999Z") or 0)


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [
        (0, "0 s"),
        (45.9, "45 s"),
        (115, "1 min 55 s"),
        (180, "3 min"),
        (-180, "3 min"),
        (659, "10 min"),
        (4_800, "1 h 20 min"),
        (3_645, "1 h"),
        (172_800, "2 d"),
        (97_200, "1 d 3 h"),
    ],
)
def test_spoken_duration_has_two_units_and_no_seconds_from_ten_minutes_on(seconds: float, spoken: str) -> None:
    assert spoken_duration(timedelta(seconds=seconds)) == spoken
