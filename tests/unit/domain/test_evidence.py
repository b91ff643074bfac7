"""The time at which evidence begins, around which the log is shown."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.alerts import Evidence, ExcerptLine
from bot.domain.durations import ns_from_datetime
from tests.fakes.provider import NOW

NOW_NS = ns_from_datetime(NOW)
EARLIER, LATER = ExcerptLine("before", NOW_NS - 5), ExcerptLine("after", NOW_NS + 700)


def test_root_line_decides() -> None:
    evidence = Evidence("", lines=(EARLIER, LATER), root=1, first_at=NOW - timedelta(minutes=1))
    assert evidence.start_ns == NOW_NS + 700


def test_first_time_is_exact_if_a_line_has_it() -> None:
    assert Evidence("", lines=(EARLIER, LATER), first_at=NOW).start_ns == NOW_NS + 700
    assert Evidence("", lines=(EARLIER,), first_at=NOW).start_ns == NOW_NS


def test_lines_without_times_fall_back_to_the_first_or_last_time() -> None:
    untimed = (ExcerptLine("a"), ExcerptLine("b"))
    assert Evidence("", lines=untimed, root=0, first_at=NOW).start_ns == NOW_NS
    assert Evidence("", lines=untimed, last_at=NOW).start_ns == NOW_NS


def test_first_timed_line_is_the_start_without_other_times() -> None:
    assert Evidence("", lines=(ExcerptLine("a"), EARLIER, LATER)).start_ns == NOW_NS - 5


def test_evidence_without_any_time_has_no_start() -> None:
    assert Evidence("", root=3).start_ns is None
