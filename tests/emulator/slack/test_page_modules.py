"""The page's JavaScript modules import each other without cycles."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

from emulator.slack.page import STATIC


def imports(module: Path) -> set[str]:
    return set(re.findall(r'^import .* from "\./(\w+\.js)";$', module.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_modules_of_the_page_have_no_import_cycles() -> None:
    graph = {module.name: imports(module) for module in STATIC.glob("*.js")}
    assert graph["app.js"] <= set(graph)
    assert set(graph) == set(TopologicalSorter(graph).static_order())  # raises CycleError
