"""Every dependency has wheels for each Python that is promised, and uv is the same everywhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
PYTHONS = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.fullmatch(r".*:: 3\.\d+", text)]
PLATFORMS = {
    "linux on x86": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "linux_x86_64"),
    "linux on arm": ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64"),
    "a mac": tuple(f"macosx_{major}_0_{cpu}" for major in range(15, 10, -1) for cpu in ("arm64", "universal2")),
}


def packages_at_run_time(python: str) -> Iterator[dict[str, Any]]:
    """What the wheel needs on this Python, with all that it needs in turn."""
    names, seen = [{"name": "trainwatch"}], set[str]()
    while names:
        package = locked(names.pop())
        if package["name"] in seen:
            continue
        seen.add(package["name"])
        if package["name"] != "trainwatch":
            yield package
        needed = list(package.get("dependencies", []))
        for extra in ("asyncio", "binary"):  # the extras that pyproject.toml names
            needed += package.get("optional-dependencies", {}).get(extra, [])
        names += [one for one in needed if _applies(one.get("marker"), python)]


def locked(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The package that an entry names. It names the version if there are several, for different Pythons."""
    named = [one for one in LOCK["package"] if one["name"] == wanted["name"]]
    package: dict[str, Any] = next(one for one in named if one["version"] == wanted.get("version", one["version"]))
    return package


def tags_of(python: str, platforms: tuple[str, ...]) -> set[Tag]:
    version = (3, int(python.partition(".")[2]))
    interpreter = f"cp3{version[1]}"
    return {*cpython_tags(version, platforms=platforms), *compatible_tags(version, interpreter, platforms)}


def _applies(marker: str | None, python: str) -> bool:
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
    }
    return marker is None or Marker(marker).evaluate(environment)


def test_the_classifiers_name_every_python_from_the_oldest() -> None:
    assert PYTHONS == [f"3.{minor}" for minor in range(11, 11 + len(PYTHONS))]
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_has_a_wheel(python: str, platform: str) -> None:
    tags, packages = tags_of(python, PLATFORMS[platform]), list(packages_at_run_time(python))
    assert {"aiohttp", "greenlet", "psycopg-binary", "pyre2"} <= {package["name"] for package in packages}
    without = [
        f"{package['name']} {package['version']}"
        for package in packages
        if not any(tags & parse_wheel_filename(wheel["url"].rpartition("/")[2])[3] for wheel in package["wheels"])
    ]
    assert without == []


def test_uv_has_one_version() -> None:
    makefile = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    image = re.search(r"^ARG UV_VERSION=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert makefile is not None
    assert image is not None
    assert makefile[1] == image[1]
