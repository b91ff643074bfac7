"""An environment with a current PyTorch for the CPU, and py-spy: made once by pip, cached in the temporary folder."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TORCH = "2.13.0"
PY_SPY = "0.4.3"
PURE = (
    "filelock",
    "typing-extensions",
    "setuptools",
    "sympy",
    "mpmath",
    "networkx",
    "jinja2",
    "markupsafe",
    "fsspec",
    "numpy",
)
"""What a PyTorch for the CPU imports. The wheel for CUDA also needs gigabytes of libraries."""
LONGEST_S = 1800.0
COMPLETE = "complete"
"""A file in the environment, written last: without it the installation was interrupted and is made again."""


@dataclass(frozen=True, slots=True)
class TorchEnvironment:
    """An environment that has PyTorch."""

    folder: Path

    def program(self, name: str) -> str:
        """The path of an installed program, such as `torchrun`."""
        return str(self.folder / "bin" / name)


async def torch_environment() -> TorchEnvironment:
    """Return the environment, made first if there is none for this version and this Python."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    environment = TorchEnvironment(Path(tempfile.gettempdir()) / f"trainwatch-torch-{TORCH}-py{version}")
    if not (environment.folder / COMPLETE).exists():
        shutil.rmtree(environment.folder, ignore_errors=True)
        await _install(environment)
        (environment.folder / COMPLETE).touch()
    return environment


async def _install(environment: TorchEnvironment) -> None:
    python = environment.program("python")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore")
    await _run(sys.executable, "-m", "venv", str(environment.folder))
    await _run(*pip, "--no-deps", f"torch=={TORCH}", f"py-spy=={PY_SPY}")
    await _run(*pip, *PURE)
    imported, _ = await _finish(python, "-c", "import torch.distributed")
    if imported != 0:  # the registry only has the wheel for CUDA
        await _run(*pip, f"torch=={TORCH}")
        await _run(python, "-c", "import torch.distributed")


async def _run(*command: str) -> None:
    code, output = await _finish(*command)
    assert code == 0, f"{' '.join(command)} failed:\n{output[-4000:]}"


async def _finish(*command: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(LONGEST_S):
        output, _ = await process.communicate()
    return process.returncode, output.decode(errors="replace")
