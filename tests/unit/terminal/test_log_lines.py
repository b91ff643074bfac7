"""Log lines as JSON, plain text and coloured text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from bot.domain.durations import format_ns
from bot.domain.logs import Level, LogFilter, LogLine
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
    line = LogLine(5, "a\x1b]0;title\x07b\x0b\x9b2Jc\u202ed", replica="\x1b[2J")
    shown = LineFormatter(LineFormat.COLOUR).text([line])
    assert "␛]0;title␇b␋\ufffd2Jc\ufffdd" in shown
    assert "␛[2J" in shown


@given(st.text())
def test_escaped_text_has_no_control_characters(text: str) -> None:
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in escape_controls(text))


def test_terminal_shows_a_rank_tag_instead_of_the_prefix() -> None:
    lines = [LogLine(5, "[rank3]: 3: a"), LogLine(5, "[Rank 3] b", rank=3), LogLine(5, "c", rank=3), LogLine(5, "4: d")]
    shown = Text.from_ansi(LineFormatter(LineFormat.COLOUR).text(lines)).plain.splitlines()
    assert [row.split("000 ")[1] for row in shown] == ["r3 a", "r3 b", "r3 c", "4: d"]


def test_terminal_shows_labels_of_srun_as_ranks() -> None:
    lines = [LogLine(5, "3: a"), LogLine(5, "4: b"), LogLine(5, "3: c")]
    shown = Text.from_ansi(LineFormatter(LineFormat.COLOUR).text(lines)).plain.splitlines()
    assert [row.split("000 ")[1] for row in shown] == ["r3 a", "r4 b", "r3 c"]


@pytest.mark.parametrize("line_format", [LineFormat.PLAIN, LineFormat.JSON])
def test_other_formats_keep_the_prefix(line_format: LineFormat) -> None:
    assert "[rank3]: a" in LineFormatter(line_format, LogFilter(includes=("a",))).text([LogLine(5, "[rank3]: a")])


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (LogFilter(includes=("loss",)), "step 3 <loss> 2, val_<loss> 3"),
        (LogFilter(grep=r"(?i)LOSS \d"), "step 3 <loss 2>, val_<loss 3>"),
        (LogFilter(grep="p 3", includes=("3 loss", "2")), "ste<p 3 loss> <2>, val_loss 3"),
        (LogFilter(grep="x*"), "step 3 loss 2, val_loss 3"),
        (LogFilter(excludes=("loss",)), "step 3 loss 2, val_loss 3"),
    ],
)
def test_terminal_marks_matches(wanted: LogFilter, expected: str) -> None:
    shown = LineFormatter(LineFormat.COLOUR, wanted).text([LogLine(5, "step 3 loss 2, val_loss 3")])
    assert shown.split("\x1b[0m ")[1].replace("\x1b[7m", "<").replace("\x1b[27m", ">") == expected + "\n"


def test_marks_do_not_change_the_text() -> None:
    message = "é\udcff loss \x1b[31m loss" + "x" * 30_000
    for text in (message, message[:20]):
        shown = LineFormatter(LineFormat.COLOUR, LogFilter(includes=("loss",), grep="l.s")).text([LogLine(5, text)])
        plain = LineFormatter(LineFormat.COLOUR).text([LogLine(5, text)])
        assert shown.replace("\x1b[7m", "").replace("\x1b[27m", "") == plain
