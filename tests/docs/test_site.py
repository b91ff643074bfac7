"""The documentation site has every page in its menu, and pages from every table; `make docs` checks the rest."""

from __future__ import annotations

import re

from bot.commands.subcommands.table import SHELL_TABLE, SLACK_TABLE
from bot.diagnosis.catalogue import UNREPORTED_ROLES, load_catalogue
from docsite.navigation import SECTIONS
from docsite.reference import generated_pages
from tests.docs.documents import ROOT

DOCS = ROOT / "docs"
GENERATED = generated_pages(DOCS)


def test_every_page_is_in_the_menu_once() -> None:
    listed = [page for pages in SECTIONS.values() for page in pages]
    written = {file.relative_to(DOCS).with_suffix("").as_posix() for file in DOCS.rglob("*.md")}
    written = {page for page in written if page != "index" and not page.startswith("adr/")}
    assert sorted(listed) == sorted({*written, *GENERATED, "changelog"}), "add the page to docsite/navigation.py"


def test_generated_pages_have_every_row_of_their_tables() -> None:
    commands, failures = GENERATED["reference/commands"], GENERATED["reference/failures"]
    assert {one.name for one in (*SLACK_TABLE, *SHELL_TABLE)} == set(re.findall(r"^## (\w+)$", commands, re.MULTILINE))
    options = {option.name for one in (*SLACK_TABLE, *SHELL_TABLE) for option in one.options}
    assert [] == sorted(name for name in options if f"`{name}" not in commands)
    known = {one.name for one in load_catalogue().signatures if one.title and one.role not in UNREPORTED_ROLES}
    assert known == set(re.findall(r"^\| `(\w+)` \|", failures, re.MULTILINE))
    assert {"baseten", "baseten-model", "fireworks", "rivergen"} <= set(
        re.findall(r"^\| `([\w-]+)` \|", GENERATED["reference/platforms"], re.MULTILINE)
    )


def test_decision_index_lists_every_record() -> None:
    records = {file.name for file in (DOCS / "adr").glob("*.md")}
    assert records == set(re.findall(r"\]\(([\w-]+\.md)\)", GENERATED["adr/index"]))
    assert [int(name[:4]) for name in sorted(records)] == list(range(1, len(records) + 1))
