"""The multiset of lines already given: exact, small, and the same in another process."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.durations import NS_PER_MS
from bot.domain.logs import LogCursor, LogLine
from bot.errors import CursorLost, ProtocolError, ProviderError, Unavailable
from bot.providers.http.errors import BodyTooLarge
from bot.providers.paging.seen_lines import (
    MOST_SEEN,
    SeenLines,
    in_order,
    pack_cursor,
    retry_on_malformed_response,
    unpack_cursor,
)

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
@given(given_before=lines, more=lines)
def test_what_was_given_is_subtracted_copy_by_copy(given_before: list[LogLine], more: list[LogLine]) -> None:
    seen = SeenLines()
    seen.add(given_before)
    again = in_order([*given_before, *more])
    assert Counter(more) == Counter(seen.unseen(again))
    restored = SeenLines(seen.base_ms, seen.packed())
    assert Counter(more) == Counter(restored.unseen(again[::-1]))


def test_the_level_is_no_part_of_a_line() -> None:
    line = LogLine(BEGIN_NS, "x")
    seen = SeenLines()
    seen.add([line])
    assert [] == seen.unseen([line._replace(level=None)])
    assert [line._replace(replica="r")] == seen.unseen([line._replace(replica="r")])


def test_lines_out_of_the_span_are_forgotten() -> None:
    some = [LogLine(BEGIN_NS + ms * NS_PER_MS, f"{ms}") for ms in range(100)]
    seen, first_ms = SeenLines(), BEGIN_NS // NS_PER_MS
    seen.add(some)
    seen.keep(first_ms + 20, first_ms + 29)
    assert (10, 10, 5) == (len(seen), seen.count(0), seen.count(first_ms + 25))
    assert [*some[:20], *some[30:]] == seen.unseen(some)
    assert (first_ms + 20, first_ms + 29) == (seen.first_ms, seen.last_ms)


def test_it_may_follow_a_job_for_weeks() -> None:
    seen = SeenLines()
    for hour in range(24 * 21):
        at_ns = BEGIN_NS + hour * 3_600 * 10**9
        line = LogLine(at_ns, f"hour {hour}")
        seen.keep(at_ns // NS_PER_MS - 7_200_000)
        seen.add([line])
        assert [] == seen.unseen([line])
    assert 3 == len(seen)


def test_it_holds_eight_bytes_a_line_and_has_a_bound() -> None:
    seen = SeenLines()
    for begin in range(0, MOST_SEEN + 3_000, 1000):
        seen.add([LogLine(BEGIN_NS + (begin + number) * 10_000, "x") for number in range(1000)])
    assert (MOST_SEEN, 8 * MOST_SEEN) == (len(seen), len(seen.packed()))
    newest = LogLine(BEGIN_NS + (MOST_SEEN + 2_000) * 10_000, "x")
    assert [] == seen.unseen([newest])


def test_lines_are_ordered_by_time_and_then_as_they_came() -> None:
    some = [LogLine(2, "b"), LogLine(1, "x"), LogLine(2, "a"), LogLine(3, "c")]
    assert ["x", "b", "a", "c"] == [line.message for line in in_order([*some])]
    assert ["c", "b", "a", "x"] == [line.message for line in in_order([*some], newest_first=True)]


class _State(msgspec.Struct):
    place: int
    overlap: timedelta


def test_a_cursor_holds_a_providers_state_and_refuses_anything_else() -> None:
    state = _State(3, timedelta(seconds=4))
    assert state == unpack_cursor(pack_cursor(state), _State)
    for broken in (b"", b"\x93", msgspec.msgpack.encode({"place": "x"})):
        with pytest.raises(CursorLost):
            unpack_cursor(LogCursor(broken), _State)


@pytest.mark.parametrize(("problem", "calls"), [(ProtocolError, 2), (BodyTooLarge, 1), (Unavailable, 1)])
async def test_what_cannot_be_read_is_asked_for_once_more(problem: type[ProviderError], calls: int) -> None:
    asked = []

    async def ask(what: str) -> str:
        asked.append(what)
        raise problem

    with pytest.raises(problem):
        await retry_on_malformed_response(ask)("a page")
    assert ["a page"] * calls == asked
