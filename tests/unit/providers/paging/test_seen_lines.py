"""SeenLines is exact, small, and the same in another process."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogLine
from bot.providers.paging.seen_lines import SeenLines, in_order

BEGIN_NS = 1_700_000_000_000_000_000

lines = st.lists(
    st.builds(
        LogLine,
        st.integers(0, 40 * NS_PER_MS).map(lambda offset: BEGIN_NS + offset),
        st.sampled_from(["a", "b", "", "\x00", "\udfff lone", "ü" * 300]),
        st.sampled_from([None, 0, 1]),
        st.sampled_from([None, "r1", "r2"]),
        st.none(),
        st.sampled_from([None, "q"]),
    ),
    max_size=40,
).map(in_order)


@settings(max_examples=300, deadline=None)
@given(emitted=lines, more=lines)
def test_emitted_lines_are_subtracted_copy_by_copy(emitted: list[LogLine], more: list[LogLine]) -> None:
    seen = SeenLines()
    seen.add(emitted)
    again = in_order([*emitted, *more])
    assert Counter(more) == Counter(seen.unseen(again))
    restored = SeenLines(seen.base_ms, seen.packed())
    assert Counter(more) == Counter(restored.unseen(again[::-1]))


def test_the_level_does_not_identify_a_line() -> None:
    line = LogLine(BEGIN_NS, "x")
    seen = SeenLines()
    seen.add([line])
    assert [] == seen.unseen([line._replace(level=None)])
    assert [line._replace(replica="r")] == seen.unseen([line._replace(replica="r")])


def test_keep_forgets_lines_outside_the_span() -> None:
    some = [LogLine(BEGIN_NS + ms * NS_PER_MS, f"{ms}") for ms in range(100)]
    seen, first_ms = SeenLines(), BEGIN_NS // NS_PER_MS
    seen.add(some)
    seen.keep(first_ms + 20, first_ms + 29)
    assert (10, 10, 5) == (len(seen), seen.count(0), seen.count(first_ms + 25))
    assert [*some[:20], *some[30:]] == seen.unseen(some)
    assert (first_ms + 20, first_ms + 29) == (seen.first_ms, seen.last_ms)


def test_a_follower_can_run_for_weeks() -> None:
    seen = SeenLines()
    for hour in range(24 * 21):
        at_ns = BEGIN_NS + hour * 3_600 * 10**9
        line = LogLine(at_ns, f"hour {hour}")
        seen.keep(at_ns // NS_PER_MS - 7_200_000)
        seen.add([line])
        assert [] == seen.unseen([line])
    assert 3 == len(seen)


def test_the_oldest_lines_are_dropped_beyond_the_maximum() -> None:
    seen = SeenLines(most=2_500)
    for begin in range(0, 6_000, 1000):
        seen.add([LogLine(BEGIN_NS + (begin + number) * 10_000, "x") for number in range(1000)])
    assert (2_500, 8 * 2_500, True) == (len(seen), len(seen.packed()), seen.is_full)
    oldest, newest = LogLine(BEGIN_NS, "x"), LogLine(BEGIN_NS + 5_999 * 10_000, "x")
    assert [oldest] == seen.unseen([oldest])
    assert [] == seen.unseen([newest])


def test_lines_are_sorted_by_time_and_then_by_arrival() -> None:
    some = [LogLine(2, "b"), LogLine(1, "x"), LogLine(2, "a"), LogLine(3, "c")]
    assert ["x", "b", "a", "c"] == [line.message for line in in_order([*some])]
    assert ["c", "b", "a", "x"] == [line.message for line in in_order([*some], newest_first=True)]
