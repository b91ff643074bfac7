"""Escaping, truncation and code blocks of Slack messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.render.blocks import code_sections, section
from bot.slack.render.message import BLOCKS_BUDGET, MAX_SECTION_TEXT, Message
from bot.slack.render.text import clean, code, cut, escape, fence, link, one_line, person, slack_time, slack_time_range
from tests.unit.slack.factories import HOSTILE
from tests.unit.slack.validity import problems, shown

ANY_TEXT = st.text(st.characters(codec=None), max_size=400)


@pytest.mark.parametrize(
    ("foreign", "expected"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("a & b", "a &amp; b"),
        ("&lt;", "&amp;lt;"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("bell\x07", "bell␇"),
        ("10%\r20%", "10%␍20%"),
        ("one\r\ntwo", "one\ntwo"),
        ("\ud800", "\ufffd"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("tab\tkept", "tab\tkept"),
    ],
)
def test_foreign_text_is_escaped(foreign: str, expected: str) -> None:
    assert expected == escape(foreign)


@given(ANY_TEXT)
def test_any_escaped_text_makes_a_valid_message(foreign: str) -> None:
    blocks = (section(f"{one_line(foreign, 200)} {code(foreign)}\n{fence([cut(escape(foreign), 500)])}"),)
    assert [] == problems(Message(f"It says {one_line(foreign, 300)}.", blocks))


@given(ANY_TEXT, st.integers(min_value=1, max_value=60))
def test_truncated_text_fits_and_never_splits_an_entity(foreign: str, limit: int) -> None:
    short = cut(escape(foreign), limit)
    assert len(short) <= limit
    assert [] == problems(Message("x", (section(f"{short} x"),)))


def test_truncated_text_ends_with_an_ellipsis() -> None:
    assert "abcdefghi…" == cut("abcdefghijklm", 10)


def test_truncation_drops_a_link_it_would_split() -> None:
    assert "see …" == cut("see <https://example.org/a/long/path|label> now", 20)


@pytest.mark.parametrize("run", ["```", "````", "`````` x", "a```b```c"])
def test_backticks_in_a_line_cannot_end_its_code_block(run: str) -> None:
    assert fence([run]).count("```") == 2


def test_backticks_in_inline_code_cannot_end_it() -> None:
    assert "`a\u02cbb\u02cb`" == code("a`b`")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://app.example/x?a=1&b=2", "<https://app.example/x?a=1&amp;b=2|job>"),
        ("javascript:alert(1)", "job"),
        ("https://x/>|<!channel>", "job"),
        ("https://" + "x" * 3000, "job"),
        (None, "job"),
    ],
)
def test_only_a_plain_url_becomes_a_link(url: str | None, expected: str) -> None:
    assert expected == link(url, "job")


def test_a_time_is_in_the_readers_zone_with_utc_as_fallback() -> None:
    token = slack_time(datetime(2026, 3, 3, 4, 5, 6, tzinfo=UTC))
    assert "<!date^1772510706^{date_short_pretty} {time}|3 Mar 04:05 UTC>" == token


def test_a_short_time_range_shows_the_date_once() -> None:
    start = datetime(2026, 3, 3, 4, 5, 6, tzinfo=UTC)
    first = "<!date^1772510706^{date_short_pretty} {time}|3 Mar 04:05 UTC>"
    assert f"{first} to <!date^1772514306^{{time}}|05:05 UTC>" == slack_time_range(start, start + timedelta(hours=1))
    last = "<!date^1772597106^{date_short_pretty} {time}|4 Mar 04:05 UTC>"
    assert f"{first} to {last}" == slack_time_range(start, start + timedelta(days=1))
    assert first == slack_time_range(start, start + timedelta(milliseconds=1))


@pytest.mark.parametrize(
    ("user", "expected"), [("U0ANNA", "<@U0ANNA>"), ("root", "root"), ("<!here>", "&lt;!here&gt;")]
)
def test_only_a_user_id_is_mentioned(user: str, expected: str) -> None:
    assert expected == person(user)


@given(st.lists(ANY_TEXT.map(escape), max_size=30), st.integers(min_value=100, max_value=8000))
def test_code_blocks_have_the_newest_lines_that_fit(rows: list[str], budget: int) -> None:
    blocks, count = code_sections(rows, budget)
    assert all(len(str(block["text"])) for block in blocks)
    assert 0 <= count <= len(rows)
    if blocks:
        assert [] == problems(Message("x", tuple(blocks)))
        assert shown(Message("x", tuple(blocks))).count("```") == 2 * len(blocks)


def test_the_oldest_lines_are_left_out() -> None:
    rows = [f"{number:05d} " + "x" * 90 for number in range(200)]
    blocks, count = code_sections(rows, 6000)
    text = shown(Message("x", tuple(blocks)))
    assert "00199" in text
    assert f"{200 - count:05d}" in text
    assert f"{199 - count:05d}" not in text
    assert 5000 < len(text) < 6200


def test_a_line_longer_than_a_section_is_truncated() -> None:
    blocks, count = code_sections(["y" * 5000], BLOCKS_BUDGET)
    assert 1 == count
    assert MAX_SECTION_TEXT == len(shown(Message("x", tuple(blocks))))


def test_hostile_text_is_readable_after_cleaning() -> None:
    assert "red" in clean(HOSTILE)
