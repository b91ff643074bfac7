"""The tables of the documents that the code holds are those of the code: `make reference` writes them."""

from __future__ import annotations

from docsite.tables import MARKED, TABLES, write_tables
from tests.docs.documents import PAGES


def test_marked_tables_are_as_the_code_has_them() -> None:
    marked = {page: page.read_text(encoding="utf-8") for page in PAGES}
    assert set(TABLES) == {found[1] for text in marked.values() for found in MARKED.findall(text)}
    assert [] == [page.name for page, text in marked.items() if write_tables(text) != text], "run: make reference"
