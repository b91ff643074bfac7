"""The unit tests pass on every Python that is promised and that this machine has.

Each version gets an environment in `.cache`, made from uv.lock. The result is printed: which versions were found and
tested, and which were not found. That all dependencies have wheels is tested without them (`test_dependencies.py`).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.acceptance.program import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

CACHE = REPOSITORY / ".cache"
CLASSIFIERS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
VERSIONS = [text.rpartition(" ")[2] for text in CLASSIFIERS if re.fullmatch(r".*:: 3\.\d+", text)]


def interpreter_of(version: str) -> Path | None:
    """Find a working interpreter: in the search path, or among those of pyenv, whose shims may not work."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = shutil.which(f"python{version}")
    candidates = [Path(found)] if found else []
    for path in [*candidates, *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]:
        asked = subprocess.run([path, "-V"], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and f" {version}." in asked.stdout:
            return path
    return None


def environment_for(version: str, interpreter: Path) -> Path:
    """Return an environment with the locked dependencies, made first if there is none."""
    digest = hashlib.sha256((REPOSITORY / "uv.lock").read_bytes()).hexdigest()[:12]
    folder = CACHE / f"python-{version}-{digest}"
    uv = REPOSITORY / ".boot" / "bin" / "uv"
    command = [str(uv) if uv.exists() else "uv", "sync", "--locked", "--quiet", "--python", str(interpreter)]
    settings = {"UV_PROJECT_ENVIRONMENT": str(folder), "UV_PYTHON_DOWNLOADS": "never"}
    made = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, f"{' '.join(command)} failed:\n{made.stderr[-2000:]}"
    return folder


def run_unit_tests(folder: Path) -> tuple[bool, str]:
    """Run the fast unit tests; return whether they passed, and the last lines of the output."""
    command = [str(folder / "bin" / "python"), "-m", "pytest", "-q", "-n", "2", "-m", "not slow", "tests/unit"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    ended = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=REPOSITORY, env=inherited, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ended.returncode == 0, "\n".join(ended.stdout.strip().splitlines()[-15:])


def test_unit_tests_pass_on_every_python_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    results, failures = [f"{own}: runs this test"], []
    for version in (one for one in VERSIONS if one != own):
        interpreter = interpreter_of(version)
        if interpreter is None:
            results.append(f"{version}: not found on this machine, not tested")
            continue
        passed, output = run_unit_tests(environment_for(version, interpreter))
        results.append(f"{version}: {output.splitlines()[-1]} ({interpreter})")
        failures += [] if passed else [f"Python {version}:\n{output}"]
    with capsys.disabled():
        sys.stdout.write("\n" + "".join(f"  Python {result}\n" for result in results))
    assert not failures, "\n\n".join(failures)
