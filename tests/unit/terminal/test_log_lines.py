"""Log lines as JSON, plain text and coloured text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.durations import format_ns
from bot.domain.logs import Level, LogLine
from bot.terminal.log_lines import LineFormat, LineFormatter, escape_controls

LINE = LogLine(1_773_396_000_123_456_789, "loss \x1b[31m0.1\n  next", rank=3, level=Level.ERROR, request_id="r-1")

lines = st.builds(
    LogLine,
    st.integers(0, 4_000_000_000_000_000_000),
    st.text() | st.just("\udcff"),
    st.none() | st.integers(0, 10),
    st.none() | st.text(),
    st.none() | st.sampled_from(Level),
    st.none() | st.text(),
)


@given(st.lists(lines, max_size=8))
def test_json_has_all_fields_of_the_line(given_lines: list[LogLine]) -> None:
    rows = [json.loads(row) for row in LineFormatter(LineFormat.JSON).text(given_lines).split("\n")[:-1]]
    assert rows == [
        {
            "timestamp": format_ns(line.timestamp_ns),
            "level": None if line.level is None else line.level.name,
            "source": line.source,
            "message": line.message,
            "request_id": line.request_id,
        }
        for line in given_lines
    ]


def test_plain_format_keeps_the_message_unchanged() -> None:
    assert LineFormatter(LineFormat.PLAIN).text([LINE, LogLine(5, "x")]) == (
        "2026-03-13 10:00:00.123Z ERROR    rank 3 loss \x1b[31m0.1\n  next\n1970-01-01 00:00:00.000Z -        - x\n"
    )


def test_coloured_format_escapes_control_characters() -> None:
    shown = LineFormatter(LineFormat.COLOUR).text([LogLine(5, "a\x1b]0;title\x07b\r\x9b2Jc\u202ed", replica="\x1b[2J")])
    assert "␛]0;title␇b␍\ufffd2Jc\ufffdd" in shown
    assert "␛[2J" in shown


@given(st.text())
def test_escaped_text_has_no_control_characters(text: str) -> None:
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in escape_controls(text))
