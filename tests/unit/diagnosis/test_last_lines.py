"""The last errors, warnings and lines are kept, from lines and from files of any length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.diagnosis.diagnoser import PAGE, Diagnoser
from bot.diagnosis.last_lines import KEPT, LastLinesReader, last_lines_of
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import ExcerptLine
from bot.domain.logs import Level, LogLine

STEPS = [f"step {number} loss 2.{number} eval_error: 0.06" for number in range(50)]
EVICTED = "launcher: received SIGTERM, the node is being reclaimed"
LOG = [
    *STEPS, "WARNING a", "ERROR b", "[rank3]:[E1129 03:06:22.1 x.cpp:6] c", "WARNING d", "WARNING e", "WARNING f",
    *STEPS, EVICTED, "ERROR g", "ERROR h", "saving", "",
]  # fmt: skip
NOTABLE = ["[rank3]:[E1129 03:06:22.1 x.cpp:6] c", "WARNING d", "WARNING e", "WARNING f", "ERROR g", "ERROR h"]


def messages(lines: tuple[ExcerptLine, ...]) -> list[str]:
    return [line.message for line in lines if line.message]


def read(lines: list[str], size: int) -> LastLinesReader:
    reader = LastLinesReader()
    given_lines = [LogLine(number + 1, text) for number, text in enumerate(lines)]
    for start in range(0, len(lines), size):
        reader.feed(given_lines[start : start + size])
    return reader


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_lines_are_kept_however_they_arrive(size: int) -> None:
    last = read(LOG, size).result()

    assert messages(last.notable) == NOTABLE
    assert messages(last.ending) == [*NOTABLE[:4], EVICTED, "ERROR g", "ERROR h", "saving"]
    assert (last.errors, last.warnings) == (4, 4)


def test_lines_of_a_file_are_kept() -> None:
    last = last_lines_of("\n".join(LOG).encode())

    assert messages(last.notable) == NOTABLE
    assert messages(last.ending) == [*NOTABLE[:4], EVICTED, "ERROR g", "ERROR h", "saving"]
    assert (last.errors, last.warnings) == (None, None)


def test_level_of_the_platform_counts() -> None:
    reader = LastLinesReader()
    reader.feed([LogLine(1, "KV cache is exhausted", level=Level.ERROR), LogLine(2, "ERROR x", level=Level.INFO)])

    assert messages(reader.result().notable) == ["KV cache is exhausted"]


def test_unfinished_line_is_among_the_last(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner, last_lines=True)
    diagnoser.feed_page(b"step 1\nWARNING a\n 3%|# | 3/9\r 4%|# | 4/9\n[rank3]:[E1129 x.cpp:6] Watchd")

    assert messages(diagnoser.report().last_lines.ending) == [
        "step 1", "WARNING a", " 4%|# | 4/9", "[rank3]:[E1129 x.cpp:6] Watchd"
    ][1:]  # fmt: skip


def test_memory_does_not_grow_with_a_file(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner, last_lines=True)
    diagnoser.feed_page(b"ERROR first\n" + b"x" * 99 + b"\n")
    for _ in range(12):
        diagnoser.feed_page((b"x" * 1023 + b"\n") * (PAGE // 1024))

    assert "ERROR first" not in messages(diagnoser.report().last_lines.ending)


@given(st.lists(st.sampled_from([*LOG, "x\udcff", "\x1b[31mERROR\x1b[0m y", "W" * 900])), st.integers(1, 9))
def test_file_and_lines_agree(lines: list[str], size: int) -> None:
    from_lines = read(lines, size).result()
    from_file = last_lines_of("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))

    assert len(from_file.ending) <= 4 * KEPT
    assert [text.replace("\x1b[31m", "").replace("\x1b[0m", "") for text in messages(from_lines.notable)] == messages(
        from_file.notable
    )
