"""`python -m bench`: every measurement, one after the other, and the report in docs/benchmarks.md.

`--full` adds the log of five million lines; names of parts measure only those and print them, and write nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench import decoding, diagnosis, drawing, fetching, filtering, latency, polling, redacting, scanning, searching
from bench.measuring import machine
from bench.report import Row, Section, render

REPORT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure against peers and limits.")
    parser.add_argument(
        "parts",
        nargs="*",
        help="fetching, filtering, polling, latency, searching, decoding, starting, redacting, diagnosis, scanning, "
        "drawing",
    )
    parser.add_argument("--full", action="store_true", help="also five million lines; takes minutes more")
    given = parser.parse_args()
    parts: Mapping[str, Callable[[], Section]] = {
        "fetching": lambda: fetching.section(full=given.full),
        "filtering": filtering.section,
        "polling": polling.section,
        "latency": latency.section,
        "searching": searching.section,
        "decoding": decoding.decoding,
        "starting": decoding.starting,
        "redacting": redacting.section,
        "diagnosis": _diagnosis,
        "scanning": scanning.section,
        "drawing": drawing.section,
    }
    unknown = sorted(set(given.parts) - set(parts))
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    where = machine()
    sections = []
    for name in given.parts or parts:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        sections.append(parts[name]())
    report = render(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", where, sections)
    print(report)
    if not given.parts:
        REPORT.write_text(report, encoding="utf-8")


def _diagnosis() -> Section:
    rows = [
        Row(
            name,
            f"{figure:,.2f} {unit}" if figure < 100 else f"{figure:,.0f} {unit}",
            peer,
            "",
            ratio if peer else None,
            f"≥ {least:g}" if peer else "",
            ratio >= least if peer else None,
        )
        for name, figure, unit, peer, ratio, least in diagnosis.run()
    ]
    text = (
        "Reading a log for failures, hangs and losses: the ratio says how many times better it is than the comparison."
    )
    return Section("Diagnosis", text, rows)


main()
