"""The level is read from the header of a line, in any logger's format, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.levels import level_of, reaches, stated_level
from bot.domain.logs import Level, LogLine
from tests.unit.domain.level_formats import FORMATS, NO_LEVEL

LAUNCHERS = (
    "[rank3]: ", "[Rank 3] ", "[rank: 3] ", "[default3]:", "[local_rank=3] ", "3: ", "  3: ", "10.0.0.3: ", "Rank 3 | ",
    "[1,3]<stderr>: ", "[1,mpirank:3,algo-1]<stderr>:", "[3]<stderr>:", "RANK_3> ", "(pod-3) ", "trainer-3  | ",
    "(RayWorker rank=3) ", "(RayTrainWorker pid=123, ip=10.0.0.3) ", "(RayWorker(rank=3) pid=12) ", "[worker-3] ",
    "[pod/trainer-3/main] ", "[1/algo-1/3 (pid 12)] ", "[node3:1234] ", "2026-11-29T03:06:22Z worker-1 | 3: [rank3]: ",
    "2026-11-29T03:06:22.123456789Z ", "2026-11-29T03:06:22.1Z stdout F ", "[  123.456789] ",
    "\x1b[36m(RayTrainWorker pid=1)\x1b[0m ", "trainer-0 main ",
)  # fmt: skip
"""Prefixes of launchers and log shippers, `bot.diagnosis.reading.prefixes`."""
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


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("W 11-29 03:06:22 instance_utils.py:112] bad", Level.WARNING),
        ("E 03:06:22.118 main.rs bad", Level.ERROR),
        ("E 11 29", None),
    ],
)
def test_letter_before_a_day_or_a_time(line: str, level: Level | None) -> None:
    assert stated_level(line) == level


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_level_after_the_prefix_of_a_launcher(launcher: str) -> None:
    lines = [(line, level) for _, line, level in FORMATS if not line.startswith(("{", "<")) and " main " not in line]

    assert [line for line, level in lines if stated_level(launcher + line) != level] == []


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_no_error_after_the_prefix_of_a_launcher(launcher: str) -> None:
    found = {line: stated_level(launcher + line) for line in NO_LEVEL}

    assert [line for line, level in found.items() if level is not None and level >= Level.ERROR] == []


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
