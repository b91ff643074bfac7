"""Labels are read from tables in the documented format, and invalid ones are refused with their place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from bot.diagnosis.categories import Category
from bot.domain.alerts import Severity
from tests.corpus.labels import COLUMNS, SYNONYMS, Label, LabelError, LabelReader, read_labels

FORMAT = (Path(__file__).parents[2] / "docs" / "labelled-logs.md").read_text(encoding="utf-8")


def write(folder: Path, name: str, *rows: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(row.replace(" ; ", "\t") + "\n" for row in rows), encoding="utf-8")
    for row in rows[1:]:
        (folder / row.split(" ; ")[0]).touch()


def test_columns_may_be_in_two_tables_in_any_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        "labels.tsv",
        "file ; expect ; label ; categories ; note",
        "a.log ; alert ; fail ; oom|data ; it failed",
    )
    write(
        tmp_path,
        "hints.tsv",
        "file ; rank ; must ; must_not ; root_lines",
        "a.log ; 2,7|3 ; Batch & GPU|swap ; NCCL ; 7,8|9",
    )

    assert read_labels(tmp_path) == [
        Label(
            name="a.log",
            path=tmp_path / "a.log",
            must_fail=True,
            severity=Severity.PAGE,
            categories=("gpu_memory", "host_memory", "data"),
            root_lines=(7, 8, 9),
            ranks=(("2", "7"), ("3",)),
            must=(("batch", "gpu"), ("swap",)),
            must_not=("nccl",),
            note="it failed",
        )
    ]  # fmt: skip


def test_label_follows_from_what_is_expected(tmp_path: Path) -> None:
    write(tmp_path, "labels.tsv", "file ; expect", "a.log", "b.log ; warn", "c.log ; none", "d.log ; info")
    expected = [(True, "page"), (True, "warn"), (False, "info"), (True, "info")]

    assert [(one.must_fail, one.severity) for one in read_labels(tmp_path)] == expected


def test_folders_are_read_and_logs_may_be_in_a_folder_of_their_label(tmp_path: Path) -> None:
    write(tmp_path / "own", "labels.tsv", "file", "a.log")
    write(tmp_path / "dev", "labels.tsv", "file ; source", "b.log ; -", "gone.log ; -")
    (tmp_path / "dev" / "logs").mkdir()
    (tmp_path / "dev" / "b.log").rename(tmp_path / "dev" / "logs" / "b.log")
    (tmp_path / "dev" / "gone.log").unlink()
    reader = LabelReader(tmp_path)

    assert [one.name for one in reader.read()] == ["dev/logs/b.log", "own/a.log"]
    assert reader.notes == [f"{tmp_path}/dev/labels.tsv:3: gone.log does not exist."]


def test_unknown_columns_and_categories_are_noted(tmp_path: Path) -> None:
    write(tmp_path, "labels.tsv", "file ; categories ; colour", "a.log ; data|colours ; red")
    reader = LabelReader(tmp_path)

    assert [one.categories for one in reader.read()] == [("data", "colours")]
    assert [note.rpartition(": ")[2] for note in reader.notes] == ["colour.", "`colours` is not a category."]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a.log ; fail ; never ; ", "labels.tsv:2: `fail` with `never`"),
        ("a.log ; maybe ; page ; ", "labels.tsv:2: `maybe` with `page`"),
        ("a.log ; fail ; none ; ", "must expect page, warn or info"),
        ("a.log ; fail ; page ; x", "`x` is not a line number"),
        ("a.log ; fail ; page ; 0", "`0` is not a line number"),
        (" ; fail ; page ; 1", "the column `file` is empty"),
    ],
)
def test_invalid_row_is_refused_with_its_place(tmp_path: Path, row: str, problem: str) -> None:
    (tmp_path / "a.log").touch()
    table = f"file\tlabel\texpect\troot_lines\n{row.replace(' ; ', chr(9))}\n"
    (tmp_path / "labels.tsv").write_text(table, encoding="utf-8")

    with pytest.raises(LabelError, match=re.escape(problem)):
        read_labels(tmp_path)


def test_log_has_one_label_and_a_folder_has_some(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"No labels\.tsv in"):
        read_labels(tmp_path)
    write(tmp_path, "labels.tsv", "file", "a.log", "a.log")
    with pytest.raises(LabelError, match=r"a\.log has a label already"):
        read_labels(tmp_path)


def test_format_is_documented() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \| (.*) \|$", FORMAT, re.MULTILINE)
    stated = {name: tuple(re.findall(r"`(\w+)`", text)) for cell, text in rows for name in re.findall(r"`(\w+)`", cell)}

    assert set(stated) == {*COLUMNS, *SYNONYMS}
    assert {name: stated[name] for name in SYNONYMS} == dict(SYNONYMS)
    assert {one for names in SYNONYMS.values() for one in names} <= set(get_args(Category))
