"""A public class or function name is defined once in the product, so that one name has one meaning."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

ALLOWED = {
    "create": "the entry point of a provider package (docs/providers.md)",
    **dict.fromkeys(
        ("render", "render_diagnosis", "render_jobs", "render_metrics", "render_replay", "render_rules"),
        "the same answer rendered by each frontend",
    ),
}
"""Name → why it may be defined more than once. At most twelve."""


def public_names(path: Path) -> Iterator[str]:
    """Classes, functions and type aliases at module level without a leading underscore."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if name[:1].isupper() and not name.isupper():
                    yield name


def test_public_name_is_defined_once() -> None:
    modules = defaultdict(list)
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for name in public_names(path):
            if not name.startswith("_"):
                modules[name].append(str(path.relative_to(ROOT)))
    repeated = {name: paths for name, paths in modules.items() if len(paths) > 1}

    assert {name: paths for name, paths in repeated.items() if name not in ALLOWED} == {}
    assert set(ALLOWED) <= set(repeated), "no longer repeated: remove from ALLOWED"
    assert len(ALLOWED) <= 12
