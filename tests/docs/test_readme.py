"""The README has the main commands and real make targets; links in all documents lead to a file and a heading."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from bot.commands.subcommands.spec import Subcommand
from bot.commands.subcommands.table import SHELL_TABLE, SLACK_TABLE, ShellCommand
from tests.docs.documents import PAGES, PARSER, ROOT, typed_commands

README = PAGES[0].read_text(encoding="utf-8")
SIZE_LIMIT, MOVING_SIZE_LIMIT = 200_000, 1_500_000
"""Bytes of a picture, and of a moving picture."""


def test_readme_has_examples_of_the_main_commands() -> None:
    typed = [(one.prefix, one.text.split()[0]) for one in typed_commands() if one.page == "README.md"]
    assert {one.name for one in SLACK_TABLE} == {name for prefix, name in typed if prefix == "/train"}
    assert {"logs", "status", "watch", "top", "scan", "check", "mcp", "init", "serve"} == {
        name for prefix, name in typed if prefix == "trainwatch"
    }


@pytest.mark.parametrize("subcommand", SHELL_TABLE, ids=lambda one: one.name)
def test_every_shell_command_is_in_the_command_line_reference(subcommand: Subcommand[ShellCommand]) -> None:
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"`trainwatch {subcommand.name}" in reference


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    assert [] == [target for target in links(page) if not leads_somewhere(page, target)]


def links(page: Path) -> list[str]:
    """The targets of a page's links and pictures within the repository."""
    text = page.read_text(encoding="utf-8")
    inline = [token for token in PARSER.parse(text) if token.type == "inline"]
    targets = [
        str(child.attrGet("href") or child.attrGet("src"))
        for token in inline
        for child in token.children or ()
        if child.type in ("link_open", "image")
    ]
    targets += re.findall(r'<img [^>]*src="([^"]+)"', text)
    return [target for target in targets if "://" not in target]


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    in_site = page.is_relative_to(ROOT / "docs")  # a site has no page for a folder
    return (file.is_file() if in_site else file.exists()) and (not anchor or anchor in anchors(file))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives the headings of a page."""
    tokens = PARSER.parse(page.read_text(encoding="utf-8"))
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)


def test_images_are_small() -> None:
    images = list((ROOT / "docs" / "images").iterdir())
    assert images
    limit = {True: MOVING_SIZE_LIMIT, False: SIZE_LIMIT}
    assert [] == [path.name for path in images if path.stat().st_size > limit[path.suffix == ".gif"]]


def test_make_targets_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:^\s*|`|\d )make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert [] == [name for name in named if name not in targets], page.name
