"""The claims of docs/architecture.md: its layers, files, functions and the test of each invariant."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from sqlalchemy import UniqueConstraint

from bot.store.schema import metadata

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```\n(.*?)```", TEXT, re.DOTALL)
PRODUCT = sorted((ROOT / "bot").rglob("*.py"))
INVARIANTS = re.findall(r"^\| \d+ \| (.*?) \| `(.*?)::(\w+)` \|$", TEXT, re.MULTILINE)


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_layers_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(one["layers"] for one in contracts if one.get("exhaustive"))

    assert BLOCKS[1].split("\n") == [*layers, ""]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"(?<![\w/])((?:\w+/)+(?:\w+\.\w+)?)(?=[\s`,;)→]|$)", TEXT))))
def test_named_file_or_folder_exists(name: str) -> None:
    assert any((ROOT / folder / name).exists() for folder in ("", "bot", "docs")) or not re.match(
        r"(bot|store|slack|terminal|commands|watcher|rules|providers|domain|diagnosis|redaction|tests|docs)/", name
    )


def test_folders_of_the_picture_exist() -> None:
    assert {path.name for path in (ROOT / "bot").iterdir()} >= set(re.findall(r"(\w+)/(?![\w*])", BLOCKS[0]))


def test_functions_on_the_path_of_an_alert_exist() -> None:
    expected = {
        "watcher/poll.py": {"tick"},
        "watcher/deliver.py": {"tick"},
        "store/watches.py": {"claim_due", "settle"},
        "store/deliveries.py": {"claim", "mark_sent", "mark_failed", "mark_dead", "replace_root"},
        "rules/lifecycle.py": {"step"},
        "rules/routing.py": {"plan"},
    }
    for file, names in expected.items():
        assert names <= functions_of(ROOT / "bot" / file), file
        assert all(name in TEXT for name in names)


def test_a_dedupe_key_is_unique_for_each_watch() -> None:
    constraints = metadata.tables["deliveries"].constraints
    unique = [{column.name for column in one.columns} for one in constraints if isinstance(one, UniqueConstraint)]

    assert {"watch_id", "dedupe_key"} in unique


def test_every_invariant_has_a_test() -> None:
    numbered = re.findall(r"^\| \d+ \|", TEXT, re.MULTILINE)

    assert len(numbered) == len(INVARIANTS) >= 13


@pytest.mark.parametrize(("file", "test"), [(file, test) for _, file, test in INVARIANTS])
def test_test_of_an_invariant_exists(file: str, test: str) -> None:
    assert test in functions_of(ROOT / file)


def test_database_sessions_are_opened_in_store_only() -> None:
    """`store` imports neither providers nor Slack (an import contract), so no session is open during a network call."""
    opens = re.compile(
        r"\b(?:database|_database)\.(?:reading|writing|transaction|connection|begin)\(|AsyncSession|create_async_engine"
    )
    users = {
        path.relative_to(ROOT / "bot").parts[0] for path in PRODUCT if opens.search(path.read_text(encoding="utf-8"))
    }

    assert users == {"store"}


def test_only_providers_know_their_platform() -> None:
    """No code outside a provider's package compares with a platform's name; help and docstrings may mention one."""
    platforms = {"baseten", "baseten-model", "fireworks", "rivergen"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in PRODUCT
        if path.relative_to(ROOT / "bot").parts[0] != "providers" or path.parent.name not in platforms
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in platforms
    ]

    assert found == []
