"""`python -m tests.corpus.count_words`: count in how many failures of each category each word occurs.

Reads `failure_texts.tsv` (what failures state, with the first category of their labels) and `messages.tsv`; writes
`category_words.tsv` of the diagnosis. `--check` writes nothing, and fails if that file is not up to date.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bot.diagnosis.categories import Category
from bot.diagnosis.failures import category_words
from bot.diagnosis.failures.category_evidence import CATEGORIES, FailureText

FOLDER = Path(__file__).parent
TEXTS, MESSAGES = FOLDER / "failure_texts.tsv", FOLDER / "messages.tsv"
COUNTS = Path(category_words.__file__).with_name("category_words.tsv")
BETWEEN_ROWS = " ¶ "
"""Separates the rows of a column of `failure_texts.tsv`."""


class LabelledText(NamedTuple):
    """What a failure states, and the categories accepted for it."""

    statement: FailureText
    usual: Category
    """The category of such failures without further evidence."""
    before: tuple[str, ...]
    """The statements before it."""
    after: tuple[str, ...]
    categories: tuple[str, ...]
    """The best one first."""


def read_texts(paths: Sequence[Path] = (TEXTS, MESSAGES)) -> list[LabelledText]:
    """Read labelled texts; a table without the columns `before` and `after` has only messages."""
    return [_parse(row) for path in paths for row in _rows(path)]


def count_words(texts: Iterable[LabelledText]) -> dict[str, list[int]]:
    """Count the failures of each category, and those that contain each word."""
    names: tuple[str, ...] = CATEGORIES
    counts = defaultdict[str, list[int]](lambda: [0] * len(CATEGORIES))
    for text in texts:
        column = names.index(text.categories[0])
        for word in (category_words.FAILURES, *category_words.words_of(text.statement, [*text.before, *text.after])):
            counts[word][column] += 1
    return dict(sorted(counts.items()))


def render_counts(counts: category_words.Counts) -> str:
    """Render the table; zeros are left empty."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n")
    writer.writerow(["word", *CATEGORIES])
    writer.writerows([word, *(count or "" for count in row)] for word, row in counts.items())
    return out.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 1 if the table is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.count_words", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only check that the table is up to date")
    chosen = parser.parse_args(arguments)
    texts = read_texts()
    rendered = render_counts(count_words(texts))
    if chosen.check:
        return int(rendered != COUNTS.read_text(encoding="utf-8"))
    COUNTS.write_text(rendered, encoding="utf-8")
    sys.stdout.write(f"{len(texts):,} failures, {rendered.count(chr(10)) - 2:,} words\n")
    return 0


def _parse(row: dict[str, str]) -> LabelledText:
    statement = FailureText(_lines(row["message"]), row["kind"], row["place"], row["stage"] == "run")
    before, after = (tuple(filter(None, row.get(name, "").split(BETWEEN_ROWS))) for name in ("before", "after"))
    usual: Category = next((one for one in CATEGORIES if one == row.get("usual")), "code")
    return LabelledText(statement, usual, before, after, tuple(row["categories"].split("|")))


def _lines(cell: str) -> str:
    return cell.replace(BETWEEN_ROWS, "\n")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


if __name__ == "__main__":
    sys.exit(main())
