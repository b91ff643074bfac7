"""The example of docs/providers.md is a whole package: written out, installed, found, and kept to the contract."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from bot.providers.registry import GROUP, build_registry

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "providers.md").read_text()
FILE = re.compile(r"^```(?:toml|python)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files, with the metadata that an installer would write."""
    folder = tmp_path_factory.mktemp("acme")
    for name, text in FILE.findall(PAGE):
        (folder / name).write_text(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    installed = folder / "trainwatch_acme-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
    points = project["entry-points"][GROUP].items()
    (installed / "entry_points.txt").write_text(f"[{GROUP}]\n" + "".join(f"{name} = {at}\n" for name, at in points))
    return folder


def test_the_page_has_all_files_of_the_package() -> None:
    names = {name for name, _ in FILE.findall(PAGE)}
    assert {"pyproject.toml", "trainwatch_acme.py", "test_trainwatch_acme.py"} == names


def test_the_example_keeps_the_provider_contract(package: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(package)]
    run = subprocess.run(
        command, cwd=package, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (0, True) == (run.returncode, " passed" in run.stdout), run.stdout + run.stderr


def test_the_example_is_found_and_resolved_beside_ours(package: Path) -> None:
    script = (
        "from bot.providers.registry import build_registry\n"
        "registry = build_registry({'acme_api_key': 'k'})\n"
        "print(*registry.names, registry.resolve('acme:run-1')[1], registry.resolve('https://app.acme.example/runs/run-2')[1])\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "acme acme:run-1 acme:run-2\n" == run.stdout, run.stderr


def test_every_provider_that_we_ship_is_in_the_table() -> None:
    for point in entry_points(group=GROUP):
        assert f"`{point.name}:<" in PAGE
    keys = {"baseten_api_key": "a", "fireworks_api_key": "b", "rivergen_api_key": "c"}
    registry = build_registry(keys)
    assert {} == dict(registry.problems)
    for name in registry.names:
        reference = registry.get(name).ref_help.split(" ")[0].rstrip(",")
        assert f"`{reference}`" in PAGE
