"""The level is read from the header of a line, in any logger's format, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.levels import level_of, reaches, stated_level
from bot.domain.logs import Level, LogLine
from tests.unit.domain.level_formats import FORMATS, NO_LEVEL

COLOURS = ("\x1b[31m{}\x1b[0m", "\x1b[1;31m{}\x1b[0m\x1b[K")


@pytest.mark.parametrize(
    ("line", "level"), [(line, level) for _, line, level in FORMATS], ids=[row[0] for row in FORMATS]
)
def test_level_of_each_format(line: str, level: Level) -> None:
    assert stated_level(line) == level


@pytest.mark.parametrize(
    ("line", "level"), [(line, level) for _, line, level in FORMATS], ids=[row[0] for row in FORMATS]
)
@pytest.mark.parametrize("colour", COLOURS)
def test_level_of_each_format_in_colour(line: str, level: Level, colour: str) -> None:
    assert stated_level(colour.format(line)) == level


@pytest.mark.parametrize("line", NO_LEVEL)
def test_line_without_an_error_level(line: str) -> None:
    level = stated_level(line)

    assert level is None or level < Level.ERROR


def test_tables_are_large_enough() -> None:
    assert len(FORMATS) >= 80
    assert len(NO_LEVEL) >= 80


@pytest.mark.parametrize("minimum", list(Level))
@pytest.mark.parametrize(
    ("line", "level"), [(line, level) for _, line, level in FORMATS], ids=[row[0] for row in FORMATS]
)
def test_filter_agrees_with_the_stated_level(minimum: Level, line: str, level: Level) -> None:
    assert reaches(minimum)(LogLine(1, line)) == (level >= minimum)


@pytest.mark.parametrize(
    "message",
    [
        '{"level":"' + "1" * 5000 + '"}',
        '{"error":"x","level":"\u00b2"}',
        '{"error":' + "[" * 3000,
        '{"log":' * 3000,
        '{"level":"error","x":' + "[" * 100_000,
    ],
)
def test_hostile_json_is_read_without_an_exception(message: str) -> None:
    stated_level(message)
    reaches(Level.ERROR)(LogLine(1, message))


def test_level_of_the_platform_wins() -> None:
    line = LogLine(1, "ERROR:root:bad", level=Level.INFO)

    assert level_of(line) == Level.INFO
    assert not reaches(Level.ERROR)(line)


@given(st.text(), st.sampled_from([line for _, line, _ in FORMATS]))
def test_any_text_is_read_without_an_exception(text: str, line: str) -> None:
    stated_level(text)
    stated_level(line[: len(text)] + text)
    stated_level(text + "\udcff" + line)


@given(st.sampled_from(FORMATS), st.text(alphabet="abcERROR :[]-=", max_size=40))
def test_message_after_the_header_does_not_change_the_level(row: tuple[str, str, Level], message: str) -> None:
    _, line, level = row
    if line.startswith("{") or "\n" in line:
        return
    assert stated_level(f"{line} {message}") == level
