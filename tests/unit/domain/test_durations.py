"""Moments of foreign stamps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.durations import datetime_from_ns, format_ns


@pytest.mark.parametrize(
    ("stamp_ns", "year", "shown"),
    [
        (1_773_396_000_123_456_789, 2026, "2026-03-13T10:00:00.123456789Z"),
        (2**63 * 100, 2262, "2262-04-11T23:47:16.854775807Z"),
        (-(2**70), 1677, "1677-09-21T00:12:43.145224192Z"),
    ],
)
def test_a_stamp_from_no_calendar_is_shown_as_the_nearest(stamp_ns: int, year: int, shown: str) -> None:
    assert datetime_from_ns(stamp_ns).year == year
    assert datetime_from_ns(stamp_ns).tzinfo is UTC
    assert format_ns(stamp_ns) == shown


def test_a_stamp_is_cut_to_microseconds() -> None:
    assert datetime_from_ns(1_999) == datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
