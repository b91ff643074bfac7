"""The environment of the vendors' official clients: made once from PyPI by uv, cached in `.cache`, apart from ours.

`requirements.in` pins the clients, `requirements.txt` everything below them. To take newer ones, change the former and
run in its folder `uv pip compile --universal --python-version 3.11 --no-header --annotation-style line requirements.in
-o requirements.txt`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.program import REPOSITORY

CLIENTS = Path(__file__).parent / "official_clients"
REQUIREMENTS = CLIENTS / "requirements.txt"
CACHE = REPOSITORY / ".cache"
LONGEST_S = 300.0
COMPLETE = "complete"
"""A file in the environment, written last: without it the installation was interrupted and is made again."""


@dataclass(frozen=True, slots=True)
class OfficialClients:
    """An environment that has the clients."""

    python: Path

    async def run(self, script: str, *argv: str) -> Any:
        """Run a script of `official_clients` and return the JSON document that it prints."""
        code, out, err = await _run(str(self.python), "-m", f"tests.slow.official_clients.{script}", *argv)
        assert code == 0, f"{script} failed:\n{err.decode(errors='replace')[-4000:]}"
        return json.loads(out)


async def official_clients() -> OfficialClients:
    """Return the environment, made first if there is none for these requirements and this Python."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"official-clients-{version}-{digest}"
    python = folder / "bin" / "python"
    if not (folder / COMPLETE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        await _install(folder, python)
        (folder / COMPLETE).touch()
    return OfficialClients(python)


async def _install(folder: Path, python: Path) -> None:
    uv = _uv()
    commands = (
        ("venv", "--quiet", "--python", sys.executable, str(folder)),
        ("pip", "install", "--quiet", "--python", str(python), "--no-deps", "-r", str(REQUIREMENTS)),
    )
    for command in commands:
        code, _, err = await _run(uv, *command)
        if code:
            reason = err.decode(errors="replace").strip()[-2000:]
            pytest.fail(
                "The official clients cannot be installed. This test needs PyPI (or the mirror in UV_INDEX_URL) and"
                f" about 200 MB in {CACHE}.\n`uv {' '.join(command)}` failed:\n{reason}",
                pytrace=False,
            )


def _uv() -> str:
    local = REPOSITORY / ".boot" / "bin" / "uv"
    uv = str(local) if local.exists() else shutil.which("uv")
    if uv is None:
        pytest.fail("This test needs uv. Run `make setup`, which installs it into .boot.", pytrace=False)
    return uv


async def _run(*argv: str) -> tuple[int, bytes, bytes]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, cwd=REPOSITORY, stdout=pipe, stderr=pipe)
    try:
        out, err = await asyncio.wait_for(process.communicate(), LONGEST_S)
    except TimeoutError:
        return 1, b"", f"no end after {LONGEST_S:.0f} s".encode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out, err
