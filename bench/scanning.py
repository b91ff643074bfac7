"""Measure `scan` of a run with a file for each rank, compared with one file of the same size, on one and two cores."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.diagnosis import healthy_page
from bench.report import Row, Section, megabytes

FILES, LINES = 1024, 10_000
ROUNDS = 2
_PROGRAM = "import os, sys; os.sched_setaffinity(0, {cores}); from bot.__main__ import main; main()"


@dataclass(frozen=True, slots=True)
class _Scanned:
    seconds: float
    cpu_seconds: float
    """Of all processes."""
    peak_bytes: int
    """Of all processes together."""


def section(files: int = FILES) -> Section:
    """Measure everything."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        run, one = _write_run(Path(folder), files)
        found: dict[str, list[_Scanned]] = {"one": [], "many": [], "single core": []}
        for _ in range(ROUNDS):
            found["one"].append(_scan(one, cores))
            found["many"].append(_scan(run, cores))
            found["single core"].append(_scan(run, cores[:1]))
    best = {name: min(several, key=lambda one: one.seconds) for name, several in found.items()}
    many, alone, single = best["many"], best["one"], best["single core"]
    what = f"scan of {files:,} files of {LINES:,} lines"
    ratio, speed_up = alone.seconds / many.seconds, single.seconds / many.seconds
    rows = [
        Row(
            what, f"{many.seconds:.1f} s", "one file of that size", f"{alone.seconds:.1f} s", ratio, "≥ 0.5",
            ratio >= 0.5,
        ),
        Row(
            f"{what}, CPU time", f"{many.cpu_seconds:.1f} s", "one file of that size", f"{alone.cpu_seconds:.1f} s",
            alone.cpu_seconds / many.cpu_seconds,
        ),
        Row(f"{what}, {len(cores)} cores", f"{many.seconds:.1f} s", "one core", f"{single.seconds:.1f} s", speed_up,
            "≥ 1.7" if len(cores) > 1 else "", speed_up >= 1.7 if len(cores) > 1 else None),
        Row(f"{what}, peak memory", megabytes(many.peak_bytes), target="≤ 300 MB", met=many.peak_bytes <= 300e6),
    ]  # fmt: skip
    text = "One command reads a file for each rank. Times are of whole processes, the best of a few rounds in turns."
    return Section("Whole runs", text, rows)


def _write_run(folder: Path, files: int) -> tuple[Path, Path]:
    """Write the same lines for each rank, and into one file."""
    page = healthy_page(LINES)
    run, one = folder / "run", folder / "one.log"
    with one.open("wb") as whole:
        for rank in range(files):
            path = run / "attempt_0" / str(rank) / "stderr.log"
            path.parent.mkdir(parents=True)
            path.write_bytes(page)
            whole.write(page)
    return run, one


def _scan(path: Path, cores: Sequence[int]) -> _Scanned:
    command = [sys.executable, "-c", _PROGRAM.format(cores=set(cores)), "scan", str(path)]
    peaks: dict[int, int] = {}
    before, begun = os.times(), time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        for pid, peak in _peaks(process.pid):
            peaks[pid] = max(peak, peaks.get(pid, 0))
        time.sleep(0.05)
    took, after = time.perf_counter() - begun, os.times()
    if process.returncode:
        raise RuntimeError(f"scan ended with exit code {process.returncode}")
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return _Scanned(took, cpu, sum(peaks.values()))


def _peaks(pid: int) -> Iterator[tuple[int, int]]:
    """The most memory that a process and each of its children have held in RAM so far."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    yield pid, int(found[0]) * 1024 if found else 0
    for child in children:
        yield from _peaks(int(child))


if __name__ == "__main__":
    for row in section(int(sys.argv[1]) if len(sys.argv) > 1 else FILES).rows:
        print(row)
