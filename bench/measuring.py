"""Measure several works in turns and take the median, because others use the machine too."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Ran:
    """What a process took."""

    seconds: float
    peak_bytes: int
    """The most memory it ever held in RAM."""
    output: bytes


def in_turns(works: Mapping[str, Callable[[], object]], times: int = 5) -> dict[str, float]:
    """Median seconds of each work, all of them once a round, so that a slow minute hits all alike."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(times):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            spent[name].append(time.perf_counter() - begun)
    return {name: median(found) for name, found in spent.items()}


def ran(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a process to its end.

    Its peak memory is read while it runs: what `wait4` reports for a child is at least what
    we ourselves held at the fork.

    Raises:
        RuntimeError: it failed.
    """
    peak = 0
    with tempfile.TemporaryFile() as out:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **(environment or {})})
        while process.poll() is None:
            peak = max(peak, _peak_bytes(process.pid))
            time.sleep(0.005)
        took = time.perf_counter() - begun
        out.seek(0)
        output = out.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ended with exit code {process.returncode}: {output[-500:]!r}")
    return Ran(took, peak, output)


def _peak_bytes(pid: int) -> int:
    """The most memory that a process has held in RAM so far; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 if found else 0


def machine() -> str:
    """What this ran on, in one line."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{os.cpu_count()} cores of {names[0] if names else platform.processor()}, {platform.system()}, "
        f"Python {platform.python_version()}; load {load} when it began"
    )
