"""Filtering a million lines on one core, beside ripgrep on the same text and beside Python's `re`."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.measuring import in_turns
from bench.report import Row, Section
from bench.texts import log_lines
from bot.commands.handlers.log_filter import LineFilter
from bot.domain.logs import LogFilter, LogLine

LINES = 1_000_000
PAGE = 10_000
"""Lines filtered at once, as when they come page by page."""
WANTED = LogFilter(
    grep=r"loss:? [0-9.]+(E\+00)? .*(lr 1e-4|norm)", includes=("rank", "step", "loss"), excludes=("warmup", "rank7")
)


def section() -> Section:
    """All figures of filtering."""
    lines = log_lines(LINES)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "log")
        text.write_text("".join(f"{line.message}\n" for line in lines), encoding="utf-8")
        ripgrep = shutil.which("rg")
        works: dict[str, Callable[[], object]] = {
            "ours": lambda: _ours(lines, WANTED),
            "pattern": lambda: _ours(lines, LogFilter(grep=WANTED.grep)),
            "re": lambda: _python_re(lines),
        }
        if ripgrep is not None:
            works["pipe"] = lambda: _run(_pipe(ripgrep, text))
            works["search"] = lambda: _run(f"{ripgrep} -j1 -N -e '{WANTED.grep}' {text} >/dev/null")
            piped = int(subprocess.check_output(_pipe(ripgrep, text).replace(">/dev/null", "| wc -l"), shell=True))  # noqa: S602
            assert piped == _ours(lines, WANTED) == _python_re(lines)
        took = in_turns(works, times=5)
    return Section("Filtering", _TEXT, _rows(took))


_TEXT = (
    f"{LINES:,} lines of about 90 characters through a pattern, three includes and two excludes. Ours and `re` have the"
    " lines in memory, in pages; ripgrep reads a file that is in the page cache, once as a pipe of six stages, which"
    " gives the same lines (checked), and once only searching for the pattern. The pipe may use several cores."
)


def _rows(took: dict[str, float]) -> list[Row]:
    def speed(name: str) -> str:
        return f"{LINES / took[name]:,.0f} lines/s"

    ours = took["ours"]
    rows = [
        Row("Filter", speed("ours"), "Python `re`", speed("re"), took["re"] / ours),
        Row("Filter", speed("ours"), target="≥ 2,000,000 lines/s", met=ours <= LINES / 2_000_000),
    ]
    for name, what in (("pipe", "ripgrep, six stages"), ("search", "ripgrep, pattern only")):
        if name in took:
            ratio = took[name] / ours
            rows.append(Row("Filter", speed("ours"), what, speed(name), ratio, "≥ 0.25 of its speed", ratio >= 0.25))
    if "search" in took:
        ratio = took["search"] / took["pattern"]
        rows.append(Row("Pattern only", speed("pattern"), "ripgrep, pattern only", speed("search"), ratio))
    return rows


def _ours(lines: Sequence[LogLine], wanted: LogFilter) -> int:
    line_filter = LineFilter(wanted)
    return sum(len(line_filter.apply(lines[start : start + PAGE]).lines) for start in range(0, len(lines), PAGE))


def _python_re(lines: Sequence[LogLine]) -> int:
    search = re.compile(WANTED.grep or "").search
    one, two, three = WANTED.includes
    four, five = WANTED.excludes
    return sum(
        one in (text := line.message) and two in text and three in text and four not in text and five not in text
        and search(text) is not None
        for line in lines
    )  # fmt: skip


def _pipe(ripgrep: str, text: Path) -> str:
    stages = [f"{ripgrep} -j1 -N -e '{WANTED.grep}' {text}"]
    stages += [f"{ripgrep} -j1 -F -e {one}" for one in WANTED.includes]
    stages += [f"{ripgrep} -j1 -F -v -e {one}" for one in WANTED.excludes]
    return " | ".join(stages) + " >/dev/null"


def _run(command: str) -> None:
    subprocess.run(command, shell=True, check=True)  # noqa: S602 - a pipe, from constants


if __name__ == "__main__":
    for row in section().rows:
        print(row)
