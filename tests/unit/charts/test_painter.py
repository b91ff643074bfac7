"""Pictures are drawn in a process that ends, whatever the samples are, while the event loop goes on."""

from __future__ import annotations

import asyncio
import math
import os
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.charts.painter import DrawingFailed, Painter
from bot.domain.charts import Chart, ChartLevel, ChartLine, ChartMoment, ChartPoint, HeatMap, HeatRow, LineChart
from bot.domain.metric_charts import metric_chart
from bot.domain.metrics import MetricSeries
from tests.support.waiting import eventually
from tests.unit.charts.samples import at, fleet

START = datetime(2026, 11, 29, 2, tzinfo=UTC).timestamp()
NAME = "a\u202eb <script>$x^2$ \N{GRINNING FACE} " + "n" * 250


def lines(*values: float, unit: str = "GiB", is_time: bool = True) -> LineChart:
    points = tuple(ChartPoint(START + 60 * at if is_time else at, value) for at, value in enumerate(values))
    limit = ChartLevel("limit", 80.0)
    return LineChart("GPU memory", unit, (ChartLine("GPU 3", points),), (limit,), is_time=is_time)


def heat(*values: float) -> HeatMap:
    end = START + timedelta(hours=1).total_seconds()
    rows = tuple(HeatRow(f"node-1 GPU {at}", (value,) * 5) for at, value in enumerate(values))
    outliers = ((0, NAME),) if rows else ()
    return HeatMap("GPU utilisation", "%", START, end, rows, (("node-1", len(rows)),), outliers, 0.0, 100.0)


CHARTS: dict[str, Chart] = {
    "a climb": lines(75.0, 77.0, 79.0),
    "one sample": lines(75.0),
    "no samples": lines(),
    "no lines": LineChart("Loss", "", ()),
    "only gaps": lines(math.nan, math.nan),
    "gaps": lines(1.0, math.nan, 2.0),
    "equal samples": lines(0.0, 0.0, unit="%"),
    "enormous samples": lines(1e300, -1e300, is_time=False),
    "steps": lines(*range(1000), is_time=False),
    "long names": LineChart(NAME, NAME, (ChartLine(NAME, (ChartPoint(1.0, 1.0),)),), (ChartLevel(NAME, 1.0),),
                            (ChartMoment(NAME, 1.0),), is_time=False, note=NAME),
    "a heat map": heat(90.0, 10.0, math.nan),
    "an empty heat map": heat(),
}  # fmt: skip


async def test_any_chart_is_drawn_in_both_forms() -> None:
    painter = Painter()
    try:
        for name, chart in CHARTS.items():
            png = await painter.draw(lambda chart=chart: [chart])  # type: ignore[misc]
            assert png.startswith(b"\x89PNG"), name
            assert 1170 == struct.unpack(">I", png[16:20])[0]
        svg = (await painter.draw(lambda: [CHARTS["a climb"], CHARTS["long names"]], "svg")).decode()
    finally:
        painter.close()
    assert "GPU memory" in svg
    assert "<script>" not in svg


async def test_the_event_loop_goes_on_while_a_large_heat_map_is_drawn() -> None:
    """In CPU time of the loop's thread, of which other programs take none; compared with building the chart there."""
    series, painter, blocks_s = fleet(128, 60), Painter(), [0.0]
    begun_s = time.thread_time()
    metric_charts_of(series)
    built_s = time.thread_time() - begun_s

    async def watch() -> None:
        while True:
            before_s = time.thread_time()
            await asyncio.sleep(0.001)
            blocks_s.append(time.thread_time() - before_s)

    task = asyncio.create_task(watch())
    try:
        png = await painter.draw(lambda: metric_charts_of(series))
    finally:
        task.cancel()
        painter.close()
    assert png.startswith(b"\x89PNG")
    assert max(blocks_s) < built_s / 4


def metric_charts_of(series: list[MetricSeries]) -> list[Chart]:
    return [metric_chart(series, at(0), at(60))]


async def test_the_process_ends_when_it_is_idle() -> None:
    painter = Painter(idle_s=0.05)
    await painter.draw(lambda: [CHARTS["a climb"]])
    pids = painter.pids
    assert 1 == len(pids)
    await eventually(lambda: not any(is_running(pid) for pid in pids))
    assert () == painter.pids
    painter.close()


async def test_a_killed_process_is_reported_and_replaced() -> None:
    painter = Painter()
    try:
        await painter.draw(lambda: [CHARTS["a climb"]])
        killed = painter.pids[0]
        with pytest.raises(DrawingFailed):
            await painter.draw(lambda: kill(killed))
        assert (await painter.draw(lambda: [CHARTS["a climb"]])).startswith(b"\x89PNG")
        assert killed not in painter.pids
    finally:
        painter.close()


async def test_what_the_library_refuses_is_reported_and_the_process_goes_on() -> None:
    painter = Painter()
    try:
        with pytest.raises(DrawingFailed):
            await painter.draw(lambda: [CHARTS["a climb"]], "no such form")
        assert (await painter.draw(lambda: [CHARTS["a climb"]])).startswith(b"\x89PNG")
    finally:
        painter.close()


def kill(pid: int) -> list[Chart]:
    """End the process before it can draw the chart."""
    os.kill(pid, 9)
    while is_running(pid):
        pass
    return [CHARTS["a climb"]]


def is_running(pid: int) -> bool:
    """Whether the process exists and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter when it ends between opening and reading
        return False
