"""A heat map of 1,024 GPUs with 1,000 samples each: built in a thread and drawn in the painter's process."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.report import Row, Section
from bot.charts.painter import Painter
from bot.domain.charts import Chart
from bot.domain.metric_charts import metric_chart
from bot.domain.metrics import MetricSeries
from tests.unit.charts.samples import END, START, fleet

NODES, SAMPLES, ROUNDS = 128, 1_000, 5
ALLOWED_S, ALLOWED_BLOCK_S = 2.0, 0.05
TEXT = (
    f"One metric of {NODES * 8:,} GPUs with {SAMPLES:,} samples each becomes a PNG, {ROUNDS} times. The process that"
    " draws has started; starting it takes a second more. Meanwhile a task of the event loop counts the CPU time"
    " between its turns: that is the work that blocks the loop. The process ends when it is idle."
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the pictures took."""

    seconds: list[float]
    cpu_s: float
    """Of one, on average, in both processes."""
    block_s: float
    """The longest work of the event loop in one piece."""
    peak_mb: float
    """Memory of the process that draws."""
    is_gone: bool
    """Whether that process has ended after it was idle."""


def section() -> Section:
    """Measure drawing; takes a quarter of a minute."""
    drawn = asyncio.run(_measure(fleet(NODES, SAMPLES)))
    typical_s = median(drawn.seconds)
    rows = [
        Row(
            f"Heat map of {NODES * 8:,} GPUs x {SAMPLES:,} samples",
            f"{typical_s:.2f} s",
            target=f"≤ {ALLOWED_S:.0f} s",
            met=typical_s <= ALLOWED_S,
        ),
        Row("… CPU time of both processes", f"{drawn.cpu_s:.2f} s"),
        Row(
            "… longest block of the event loop",
            f"{1000 * drawn.block_s:.0f} ms",
            target=f"≤ {1000 * ALLOWED_BLOCK_S:.0f} ms",
            met=drawn.block_s <= ALLOWED_BLOCK_S,
        ),
        Row("… memory of the process that draws", f"{drawn.peak_mb:.0f} MB"),
        Row("… is given back when idle", "yes" if drawn.is_gone else "no", target="yes", met=drawn.is_gone),
    ]
    return Section("Drawing", TEXT, rows)


async def _measure(series: list[MetricSeries]) -> Drawn:
    painter = Painter(idle_s=1.0)
    await painter.draw(lambda: build(series[:8]))
    (pid,) = painter.pids
    seconds, peak_mb = [], 0.0
    watch = asyncio.create_task(longest_block())
    before_s = time.process_time() + _cpu_s(pid)
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        await painter.draw(lambda: build(series))
        seconds.append(time.perf_counter() - begun)
        peak_mb = max(peak_mb, _peak_mb(pid))
    cpu_s = (time.process_time() + _cpu_s(pid) - before_s) / ROUNDS
    watch.cancel()
    block_s = await watch
    await asyncio.sleep(2.0)
    return Drawn(seconds, cpu_s, block_s, peak_mb, is_gone=not painter.pids)


def build(series: list[MetricSeries]) -> list[Chart]:
    """The chart of all series."""
    return [metric_chart(series, START, END)]


async def longest_block() -> float:
    """Until it is cancelled, the most CPU time that the loop's thread spent between two turns of this task."""
    longest = 0.0
    with suppress(asyncio.CancelledError):
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - before)
    return longest


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
