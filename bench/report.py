"""The report: rows of figures, each beside what it was measured against, as Markdown. Measures nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEADER = """# Benchmarks

Written by `make bench`; do not edit. Each figure is compared with something measured in the same run, in turns,
and is the median of several rounds. Ratios are comparable between machines, absolute figures are not.

{when}, {machine}.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    what: str
    figure: str
    against: str = ""
    """What it is compared with."""
    other: str = ""
    """That one's figure."""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    """None: no target."""


@dataclass(frozen=True, slots=True)
class Section:
    """Figures of one kind."""

    title: str
    text: str
    """What was done, in a few sentences."""
    rows: Sequence[Row]


def render(when: str, machine: str, sections: Iterable[Section]) -> str:
    """The whole report."""
    return "\n".join([HEADER.format(when=when, machine=machine), *(_section(one) for one in sections)])


def _section(section: Section) -> str:
    head = ("| What | Figure | Against | Its figure | Ratio | Target | Met |", "|---|---:|---|---:|---:|---|---|")
    rows = "\n".join((*head, *(_row(row) for row in section.rows)))
    return f"## {section.title}\n\n{section.text}\n\n{rows}\n"


def _row(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    met = {None: "", True: "yes", False: "**no**"}[row.met]
    cells = (row.what, row.figure, row.against, row.other, ratio, row.target, met)
    return "| " + " | ".join(cells) + " |"


def megabytes(size_bytes: float) -> str:
    """Bytes as MB, the unit of the targets."""
    return f"{size_bytes / 1e6:,.0f} MB"
