"""Times and spans that can be typed, in a person's zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.commands.parsing.parser import has_local_time, parse
from bot.commands.subcommands.arguments import InputContext, Window
from bot.commands.subcommands.jobs import MetricsCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.domain.durations import ns_from_datetime
from bot.errors import UsageError


def test_a_long_span_begins_with_the_epoch() -> None:
    command = parse("logs a:b --since 999999h")
    assert isinstance(command, LogsCommand)
    assert command.window.begin_ns(datetime(2026, 11, 29, tzinfo=UTC)) == 0


BERLIN = ZoneInfo("Europe/Berlin")


SUNDAY = InputContext(datetime(2026, 11, 29, 9, 30, tzinfo=BERLIN), BERLIN)


@pytest.mark.parametrize(
    ("options", "start", "end"),
    [
        ("--since yesterday", (28, 0, 0), None),
        ("--since today", (29, 0, 0), None),
        ("--since monday", (23, 0, 0), None),
        ("--since 03:00", (29, 3, 0), None),
        ("--since 10:00", (28, 10, 0), None),
        ("--since yesterday 3am", (28, 3, 0), None),
        ("--since 2026-11-27", (27, 0, 0), None),
        ("--since 2026-11-27 03:00", (27, 3, 0), None),
        ("--start 2 days ago --end 1 day ago", (27, 9, 30), (28, 9, 30)),
        ("--start 09:00 --end 09:45", (29, 9, 0), (29, 9, 45)),
        ("--since 2h --end 1h", (29, 7, 30), (29, 8, 30)),
        ("--start 28 Nov 03:06 UTC", (28, 4, 6), None),
    ],
)
def test_times_are_read_in_the_persons_zone(
    options: str, start: tuple[int, int, int], end: tuple[int, int, int] | None
) -> None:
    day, hour, minute = start
    start_ns = ns_from_datetime(datetime(2026, 11, day, hour, minute, tzinfo=BERLIN))
    end_ns = None if end is None else ns_from_datetime(datetime(2026, 11, *end, tzinfo=BERLIN))
    for text in (f"metrics a:b {options}", f"metrics {options} a:b"):
        assert MetricsCommand("a:b", Window(None, start_ns, end_ns)) == parse(text, SUNDAY)


def test_durations_count_back_from_now() -> None:
    for text in ("1h30m", "90 min", "90 minutes ago", "'1 hour 30 minutes'", "1h 30m"):
        assert MetricsCommand("a:b", Window(timedelta(minutes=90))) == parse(f"metrics a:b --since {text}", SUNDAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("logs a:b --since 03:00", True),
        ("logs a:b --since=yesterday", True),
        ("logs a:b —since 2026-11-29 03:00", True),
        ("logs a:b --since monday 14:30 --all", True),
        ("logs a:b --since 2h", False),
        ("logs a:b --since 2 days ago", False),
        ("logs a:b --start 2026-11-29T03:00:00Z --end 03:00 UTC", True),
        ("logs a:b --start 2026-11-29T03:00:00Z", False),
        ("why a:b", False),
        ("notify quiet 22:00-07:00", True),
        ("notify reminders 45m", False),
    ],
)
def test_local_times_are_noticed_before_parsing(text: str, expected: bool) -> None:
    assert expected == has_local_time(text)


def test_time_that_the_clocks_skip_is_explained() -> None:
    with pytest.raises(UsageError, match="The clocks skipped `2026-03-29 02:30` that night"):
        parse("logs a:b --start 2026-03-29 02:30", SUNDAY)
