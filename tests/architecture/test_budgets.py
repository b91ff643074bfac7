"""Size limits and rules that keep the code readable."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted((ROOT / "bot").rglob("*.py"))
ALL = [*PRODUCT, *(path for one in ("emulator", "tests") for path in sorted((ROOT / one).rglob("*.py")))]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", ALL, ids=name)
def test_module_is_short_and_documented(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= MAX_MODULE_LINES
    assert path.name == "__init__.py" or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", ALL, ids=name)
def test_functions_are_short(path: Path) -> None:
    long = [one.name for one in functions(path) if (one.end_lineno or 0) - one.lineno + 1 > MAX_FUNCTION_LINES]

    assert long == []


def test_only_one_module_and_proxies_read_the_environment() -> None:
    readers = {
        r"os\.environ|getenv|trust_env=True": ["bot/environment.py"],
        "getproxies(?:_environment)?": ["bot/network.py"],
    }
    for how, expected in readers.items():
        found = [name(path) for path in PRODUCT if re.search(rf"\b(?:{how})\b", path.read_text(encoding="utf-8"))]

        assert expected == found


def test_broad_excepts_are_only_in_loops_and_listeners() -> None:
    """The listeners and the two loops keep going whatever happens; everything else says what it expects."""
    allowed = {
        "bot/agents/calls.py",
        "bot/slack/answering.py",
        "bot/slack/app_home.py",
        "bot/slack/home_refresh.py",
        "bot/watcher/listing.py",
        "bot/watcher/poll.py",
        "bot/watcher/deliver.py",
        "bot/watcher/reconcile.py",
        "bot/watcher/schedule.py",
    }
    broad = set()
    for path in PRODUCT:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None
                or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
            ):
                broad.add(name(path))

    assert allowed == broad


def test_the_core_reads_no_clock() -> None:
    folders = ["domain", "diagnosis", "redaction", "rules", "commands/parsing", "commands/subcommands"]
    folders += ["slack/render", "terminal/render"]
    core = [path for one in folders for path in sorted((ROOT / "bot" / one).rglob("*.py"))]
    core += [ROOT / "bot/watcher/decide.py", ROOT / "bot/watcher/intervals.py"]
    guilty = [
        name(path)
        for path in core
        if any(call in path.read_text(encoding="utf-8") for call in (".now(", "time.time(", "monotonic("))
    ]

    assert guilty == []


def test_functions_declare_their_return_type() -> None:
    silent = [f"{name(path)}:{one.name}" for path in PRODUCT for one in functions(path) if one.returns is None]

    assert silent == []
