"""`make docs`: faults in the documents fail the build; the site needs no network and fits a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docsite.__main__ import ROOT
from tests.support.browser import chromium

pytestmark = pytest.mark.slow
FAULTS = "\n[a](missing.md) [b](rules.md#no-such-heading) ![c](images/missing.png)\n"
FETCHED = re.compile(r'<(?:script|img|link|iframe)\b[^>]*(?:src|href)="(?:https?:)?//[^"]+"')
BUILD = """
import sys; from pathlib import Path; from docsite.__main__ import build
sys.exit(build(*map(Path, sys.argv[1:])))
"""
PHONE_WIDTH = 390


def build(output: Path, docs: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BUILD, str(output), str(docs)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("site")
    built = build(folder, ROOT / "docs")
    assert built.returncode == 0, built.stderr
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_a_broken_link_a_missing_heading_and_a_page_without_a_menu_fail(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / "docs" / "runs.md").open("a") as page:
        page.write(FAULTS)
    (tmp_path / "docs" / "orphan.md").write_text("# Nobody links here\n")
    built = build(tmp_path / "site", tmp_path / "docs")
    assert built.returncode != 0
    for complaint in ("missing.md", "no-such-heading", "images/missing.png", "orphan.md"):
        assert complaint in built.stderr


def test_nothing_is_fetched_and_the_search_has_every_page(site: Path, pages: list[Path]) -> None:
    assert len(pages) > 60
    assert [] == [(page.name, found) for page in pages for found in FETCHED.findall(page.read_text(encoding="utf-8"))]
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert [] == [name for name in ("reference/commands", "how-to/on-call", "quickstart") if f'"{name}"' not in index]


async def test_every_page_fits_a_phone_and_the_search_finds(site: Path, pages: list[Path]) -> None:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": PHONE_WIDTH, "height": 844})
        wide = []
        for file in pages:
            await page.goto(file.as_uri())
            width = await page.evaluate("document.documentElement.scrollWidth")
            wide += [f"{file.name}: {width}"] if width > PHONE_WIDTH else []
        await page.goto(f"{(site / 'search.html').as_uri()}?q=escalate")
        await page.get_by_role("link", name="Set up on-call").last.wait_for()
    assert wide == []
