"""The system clock can jump, so the bot reads it in one place. A command that ends soon may read it too."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
READS = re.compile(r"datetime\.now\(|datetime\.today\(|\btime\.time(?:_ns)?\b|date\.today\(")
ALLOWED = {"bot/steady_clock.py", "bot/__main__.py", "bot/check.py", "bot/terminal/scan_follow.py"}


def test_only_the_steady_clock_reads_the_system_clock() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "bot").rglob("*.py"))
        if READS.search(path.read_text(encoding="utf-8"))
    }
    assert ALLOWED == readers


def test_one_clock_is_created_for_the_process() -> None:
    paths = sorted((ROOT / "bot").rglob("*.py"))
    creators = {path.name for path in paths if "SteadyClock()" in path.read_text(encoding="utf-8")}
    assert {"steady_clock.py"} == creators
