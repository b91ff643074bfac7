"""The coverage table tells the truth: it is fresh, misses no route, and names tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from emulator.coverage import TABLE, endpoints, format_table, sections
from emulator.coverage_row import CoverageRow
from emulator.server import vendors
from emulator.world import World

TESTS = Path(__file__).parent
ROWS = [row for _, rows in sections() for row in rows]


@cache
def names_in(name: str) -> frozenset[str]:
    path = TESTS / name
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_table_is_fresh() -> None:
    """If this fails: python -m emulator.coverage."""
    assert TABLE.read_text(encoding="utf-8") == format_table(sections())


def test_every_route_has_a_row() -> None:
    described = {row.endpoint for row in ROWS}
    assert [endpoint for endpoint in endpoints(vendors(World()).routes) if endpoint not in described] == []


def test_every_slack_method_that_the_bot_calls_has_a_row() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (TESTS.parents[1] / "bot" / "slack").glob("*.py"))
    spelled = re.findall(r'(?:api_call\(\s*|post\(.*?)"((?:apps|auth|chat|files|views)\.\w+(?:\.\w+)*)"', code)
    spelled += [name.replace("_", ".") for name in re.findall(r"client\.((?:apps|auth|chat|files|views)_\w+)\(", code)]
    called = {"files.getUploadURLExternal" if name.startswith("files.upload") else name for name in spelled}
    assert {"auth.test", "apps.connections.open", "chat.postMessage"} <= called
    assert set() == called - {word for row in ROWS for word in row.endpoint.split()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.endpoint}: {row.behaviour}"[:80])
def test_every_row_is_tested_by_a_test_that_exists(row: CoverageRow) -> None:
    module, _, name = row.tested_by.partition("::")
    assert name in names_in(module)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.endpoint}: {row.behaviour}"[:80])
def test_what_is_not_invented_says_when_it_was_read(row: CoverageRow) -> None:
    assert row.basis == "invented" or "(read 20" in row.source
