"""Read the labels of logs: `labels.tsv`, in the format of docs/labelled-logs.md."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from bot.diagnosis.categories import Category
from bot.domain.alerts import Severity

OWN_CASES = Path(__file__).parent / "cases"
"""The project's own cases, written for it."""
LABELS_FILE = "labels.tsv"
HINTS_FILE = "hints.tsv"
"""Optional: more columns of the same logs."""
COLUMNS = (
    "file", "label", "expect", "categories", "root_lines", "rank", "must", "must_not", "framework", "source", "note",
)  # fmt: skip
CATEGORIES = frozenset(get_args(Category))
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "auth": ("launch", "storage", "code"),
    "checkpoint": ("storage", "data"),
    "gpu": ("gpu_fault",),
    "nan": ("numerics",),
    "network": ("launch", "collective", "storage", "scheduler"),
    "oom": ("gpu_memory", "host_memory"),
    "preemption": ("scheduler",),
    "serving": ("hang", "code", "gpu_fault"),
    "stopped": ("scheduler",),
}
"""Common names of causes → the categories that they stand for."""
_EXPECTATIONS = {
    "page": Severity.PAGE,
    "alert": Severity.PAGE,
    "warn": Severity.WARN,
    "info": Severity.INFO,
    "none": Severity.INFO,
}


_ALL = " & "
"""Joins words of which all are wanted."""


class LabelError(ValueError):
    """A labels file is missing or has an invalid row."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One log and its right diagnosis. What is empty is not asked."""

    name: str
    """The log's path below the folder that was read."""
    path: Path
    must_fail: bool
    """True if a failure must be reported, False if the log is healthy."""
    severity: Severity
    """Of a failing log, the severity of its worst failure; of a healthy one, the highest severity accepted."""
    categories: tuple[str, ...] = ()
    root_lines: tuple[int, ...] = ()
    ranks: tuple[tuple[str, ...], ...] = ()
    """The accepted answers: each is what the list of ranks must begin with."""
    must: tuple[tuple[str, ...], ...] = ()
    """The hint or title must contain all words of one of these, in lower case."""
    must_not: tuple[str, ...] = ()
    framework: str = ""
    note: str = ""


@dataclass(slots=True)
class LabelReader:
    """Reads all labels in a folder and its subfolders."""

    folder: Path
    notes: list[str] = field(default_factory=list)
    """What was ignored: logs that are missing, columns and categories without a meaning."""

    def read(self) -> list[Label]:
        """Return the labels in the order of their files.

        Raises:
            LabelError: there is not any labels file, or a row is invalid.
        """
        tables = sorted(self.folder.rglob(f"*{LABELS_FILE}"))
        if not tables:
            raise LabelError(f"No {LABELS_FILE} in {self.folder}. docs/labelled-logs.md describes the format.")
        return [label for table in tables for label in self._read_table(table)]

    def _read_table(self, table: Path) -> Iterator[Label]:
        more = {row["file"]: row for _, row in self._rows(table.with_name(HINTS_FILE))}
        seen = set[str]()
        for place, row in self._rows(table):
            if row["file"] in seen:
                raise LabelError(f"{place}: {row['file']} has a label already.")
            seen.add(row["file"])
            path = _find_log(table.parent, row["file"])
            if path is None:
                self.notes.append(f"{place}: {row['file']} does not exist.")
            else:
                yield self._parse(place, path, {**row, **more.get(row["file"], {})})

    def _rows(self, table: Path) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield each row with its place; cells without a value are left out."""
        if not table.exists():
            return
        with table.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if ignored := set(rows.fieldnames or ()).difference(COLUMNS):
                self.notes.append(f"{table}: columns not read: {', '.join(sorted(ignored))}.")
            for row in rows:
                place = f"{table}:{rows.line_num}"
                filled = {name: value.strip() for name, value in row.items() if name in COLUMNS and value}
                if filled and not filled.get("file"):
                    raise LabelError(f"{place}: the column `file` is empty.")
                if filled:
                    yield place, {name: value for name, value in filled.items() if value not in ("", "-")}

    def _parse(self, place: str, path: Path, row: Mapping[str, str]) -> Label:
        expect = row.get("expect", "page")
        label = row.get("label", "healthy" if expect == "none" else "fail")
        if expect not in _EXPECTATIONS or label not in ("fail", "healthy"):
            raise LabelError(
                f"{place}: `{label}` with `{expect}`. Use fail or healthy; expect page, warn, info or none."
            )
        if label == "fail" and expect == "none":
            raise LabelError(f"{place}: a failing log must expect page, warn or info.")
        return Label(
            name=str(path.relative_to(self.folder)),
            path=path,
            must_fail=label == "fail",
            severity=_EXPECTATIONS[expect],
            categories=self._categories(place, row),
            root_lines=tuple(_parse_line(place, one) for one in _split(row.get("root_lines", "").replace(",", "|"))),
            ranks=tuple(tuple(rank.strip() for rank in one.split(",")) for one in _split(row.get("rank", ""))),
            must=tuple(tuple(one.split(_ALL)) for one in _split(row.get("must", "").lower())),
            must_not=_split(row.get("must_not", "").lower()),
            framework=row.get("framework", ""),
            note=row.get("note", ""),
        )

    def _categories(self, place: str, row: Mapping[str, str]) -> tuple[str, ...]:
        names = _split(row.get("categories", ""))
        unknown = [name for name in names if name not in CATEGORIES and name not in SYNONYMS]
        self.notes += [f"{place}: `{name}` is not a category." for name in unknown]
        return tuple(dict.fromkeys(one for name in names for one in SYNONYMS.get(name, (name,))))


def _find_log(folder: Path, name: str) -> Path | None:
    """Find a log beside its label or in one subfolder of it."""
    if (folder / name).exists():
        return folder / name
    return next(iter(sorted(folder.glob(f"*/{name}"))), None)


def _split(cell: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in cell.split("|") if one.strip())


def _parse_line(place: str, text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise LabelError(f"{place}: `{text}` is not a line number.")
    return int(text)


def read_labels(folder: Path) -> Sequence[Label]:
    """As `LabelReader.read`, without the notes."""
    return LabelReader(folder).read()
