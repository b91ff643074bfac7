"""Quiet hours, in the channel's time zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.alerts import Severity
from bot.domain.notify import NotifySettings, QuietHours

NIGHT = QuietHours(22 * 60, 7 * 60)
LUNCH = QuietHours(12 * 60, 13 * 60)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        (NIGHT, "2026-03-13T21:59", None),
        (NIGHT, "2026-03-13T22:00", "2026-03-14T07:00"),
        (NIGHT, "2026-03-14T03:00", "2026-03-14T07:00"),
        (NIGHT, "2026-03-14T07:00", None),
        (LUNCH, "2026-03-13T12:30", "2026-03-13T13:00"),
        (LUNCH, "2026-03-13T13:00", None),
        (QuietHours(22 * 60, 7 * 60, "America/New_York"), "2026-03-13T03:00", "2026-03-13T11:00"),
        (QuietHours(22 * 60, 7 * 60, "Asia/Tokyo"), "2026-03-13T12:59", None),
        (QuietHours(22 * 60, 7 * 60, "Asia/Tokyo"), "2026-03-13T13:00", "2026-03-13T22:00"),
        # In Berlin the clocks go from 02:00 to 03:00 that night, so it is an hour shorter.
        (QuietHours(22 * 60, 7 * 60, "Europe/Berlin"), "2026-03-28T21:00", "2026-03-29T05:00"),
    ],
)
def test_quiet_hours_end_in_their_time_zone(hours: QuietHours, now: str, end: str | None) -> None:
    assert hours.end_after(utc(now)) == (utc(end) if end else None)


def test_the_end_is_ahead_in_the_hour_that_a_clock_change_repeats() -> None:
    """On 25 October 2026 Berlin has 02:00 to 03:00 twice."""
    hours = QuietHours(60, 150, "Europe/Berlin")
    second_time = utc("2026-10-25T01:10")
    end = hours.end_after(second_time)
    assert end is not None
    assert end > second_time


def test_pages_break_through_only_if_the_channel_allows_it() -> None:
    night = utc("2026-03-14T03:00")
    kept = NotifySettings(quiet=NIGHT)
    assert kept.quiet_until(Severity.PAGE, night) == utc("2026-03-14T07:00")
    loud = NotifySettings(quiet=NIGHT, quiet_pages=False)
    assert loud.quiet_until(Severity.PAGE, night) is None
    assert loud.quiet_until(Severity.WARN, night) == utc("2026-03-14T07:00")
    assert NotifySettings().quiet_until(Severity.PAGE, night) is None
