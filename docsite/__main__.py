"""`make docs`: build the documentation site from docs/ and the tables of the code, and fail on anything broken.

The pages are copied to a temporary folder, so that generated pages never mix with written ones. Sphinx then warns about
broken links, missing anchors and pages that no menu lists, and a warning is an error.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from sphinx.cmd.build import main as sphinx_build

from docsite.navigation import SECTIONS
from docsite.reference import generated_pages

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<=\]\()[^)\s#:]+(?=[)#])")


def write_source(target: Path, docs: Path) -> None:
    """Write every page of the site, as Markdown, with the files that they link to."""
    shutil.copytree(docs, target)
    shutil.copy(ROOT / "CHANGELOG.md", target / "changelog.md")
    for name, text in generated_pages(docs).items():
        page = target / f"{name}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8")
    for page in target.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(LINK.sub(partial(bring_in, target, page), text), encoding="utf-8")
    with (target / "index.md").open("a", encoding="utf-8") as index:
        index.write(navigation())


def bring_in(target: Path, page: Path, link: re.Match[str]) -> str:
    """Return a link to a file outside docs/ as one to a copy of that file in the site; any other as it is."""
    file = (DOCS / page.relative_to(target).parent / link[0]).resolve()
    if file.is_relative_to(DOCS) or not file.is_file():
        return link[0]
    name = f"{file.name}.txt" if file.suffix == ".md" else file.name  # a page of the site is one of docs/
    copy = target / ("changelog.md" if file.name == "CHANGELOG.md" else f"files/{name}")
    if not copy.exists():
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(file, copy)
    return os.path.relpath(copy, page.parent)


def navigation() -> str:
    """The site's menu, as Sphinx reads it."""
    menus = [
        "\n".join(("```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```"))
        for title, pages in SECTIONS.items()
    ]
    return "\n" + "\n\n".join(menus) + "\n"


def build(output: Path, docs: Path = DOCS) -> int:
    """Build the site from a folder of documents; returns Sphinx's exit code, which is not 0 if anything is broken."""
    with tempfile.TemporaryDirectory(prefix="trainwatch-docs-") as folder:
        source = Path(folder) / "docs"
        write_source(source, docs)
        options = ["--fail-on-warning", "--keep-going", "--fresh-env", "--quiet", "--jobs", "auto"]
        places = ["--conf-dir", str(Path(__file__).parent), "--doctree-dir", f"{folder}/doctrees"]
        return sphinx_build(["--builder", "html", *options, *places, str(source), str(output)])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m docsite", description="Build the documentation site.")
    arguments.add_argument("output", nargs="?", type=Path, default=ROOT / "site", help="folder to write")
    chosen: Path = arguments.parse_args().output
    shutil.rmtree(chosen, ignore_errors=True)
    code = build(chosen)
    if code == 0:
        print(f"{len(list(chosen.rglob('*.html')))} pages: {chosen / 'index.html'}")
    sys.exit(code)
