"""Plots in a terminal: every extreme fits, a climb to the limit is visible, the odd GPU is named, scripts get none."""

from __future__ import annotations

import math
import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from bot.commands.subcommands.jobs import MetricsAnswer, MetricsCommand, StatusAnswer
from bot.domain.charts import ChartLevel, ChartLine, ChartMoment, ChartPoint, HeatMap, HeatRow, LineChart
from bot.domain.metrics import CPU_USAGE, GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.terminal.charset import to_ascii
from bot.terminal.render.heat_maps import heat_grid
from bot.terminal.render.line_plots import line_plot, spark_lines
from bot.terminal.render.metric_plots import plot_metrics
from bot.terminal.render.screen import Screen, cell_width
from tests.fakes.provider import NOW, REF
from tests.unit.terminal.samples import JOB, START, summary, text

WINDOW = START, NOW
GIB = 2.0**30


def climb(gpus: int) -> list[MetricSeries]:
    """All GPUs climb from 75 to 79 of 80 GiB."""
    values = [(75 + 4 * at / 59) * GIB for at in range(60)]
    return [summary(GPU_MEMORY, *values, gpu=gpu, node="node-0", limit=80 * GIB).series for gpu in range(gpus)]


def cluster(nodes: int, odd: tuple[int, int] | None = (17, 3)) -> list[MetricSeries]:
    """Eight GPUs a node at 93 to 97 %, and the odd one at 10 %."""
    return [
        summary(
            GPU_UTILIZATION,
            *(0.1 if (node, gpu) == odd else 0.95 + 0.02 * math.sin(at + gpu) for at in range(20)),
            gpu=gpu,
            node=f"node-{node}",
        ).series
        for node in range(nodes)
        for gpu in range(8)
    ]


def drawn(series: list[MetricSeries], width: int, *, colour: bool = False) -> str:
    return "\n".join(plot_metrics(series, WINDOW, Screen(width, colour)))


def answer(*series: MetricSeries) -> MetricsAnswer:
    from bot.domain.metrics import summarize

    made = tuple(one for each in series if (one := summarize(each)) is not None)
    return MetricsAnswer(JOB, START, NOW, made, MetricsCommand(str(REF)))


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_metrics_of_a_run(width: int, snapshot: SnapshotAssertion) -> None:
    loss = [4 * math.exp(-at / 40) + 0.2 * math.sin(at) for at in range(200)]
    cores = [12 + math.sin(at / 7) if not 40 < at < 60 else None for at in range(100)]
    shown = [*climb(2), summary("loss", *loss).series, summary(CPU_USAGE, *cores, limit=48.0).series]
    assert text(answer(*shown), width) == snapshot


@pytest.mark.parametrize("width", [80, 200])
def test_heat_map_of_512_gpus(width: int, snapshot: SnapshotAssertion) -> None:
    assert drawn(cluster(64), width) == snapshot


def test_a_climb_from_75_to_79_of_80_gib_crosses_the_plot_and_the_limit_is_on_it() -> None:
    rows = drawn(climb(1), 120).splitlines()
    assert rows[1] == "GPU memory (GiB), limit 80.0"
    assert rows[2].endswith("limit")
    body = [row.partition("┤")[2] or row.partition("│")[2] for row in rows[2:10]]
    starts = [len(row) - len(row.lstrip()) for row in body if re.search(r"[⠀-⣿]", row) and "limit" not in row]
    assert starts == sorted(starts, reverse=True)
    assert len(starts) >= 5


def test_a_climb_is_visible_in_a_sparkline_of_any_number_of_gpus() -> None:
    for gpus in (1, 4, 8, 64):
        line = next(row for row in drawn(climb(gpus), 80).splitlines() if "min 75.0 max 79.0 last 79.0 GiB" in row)
        bars = "".join(re.findall(r"[▁-█]", line))
        assert bars[0] in "▁▂"
        assert bars[-1] in "▆▇█"
        assert list(bars) == sorted(bars)


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_the_odd_gpu_of_1024_is_named_and_marked(width: int, *, colour: bool) -> None:
    shown = drawn(cluster(128), width, colour=colour)
    assert "! node-17 GPU 3: 10 %" in shown
    grid = shown.partition("by node")[2].rpartition("!")[0]
    assert grid.count("▁") == 1 + 1  # in the scale and in the map
    assert ("\x1b[1;31m▁" in grid) is colour


def test_gpus_that_are_alike_name_none() -> None:
    assert "!" not in drawn(cluster(8, odd=None), 80)
    assert "by node" not in drawn(cluster(2, odd=None), 80)


def test_gaps_break_the_line() -> None:
    values = [1.0] * 50 + [math.nan] * 50 + [1.0] * 50
    points = tuple(ChartPoint(float(at), value) for at, value in enumerate(values))
    chart = LineChart("loss", "", (ChartLine("", points),), is_time=False)
    rows = ["".join(piece for piece, _ in line) for line in line_plot(chart, 100, 8)]
    assert any(re.search(r"[⠁-⣿] {20,}[⠁-⣿]", row) for row in rows)
    assert "·" in "".join(piece for line in spark_lines(chart, 80) for piece, _ in line)


def test_a_loss_that_became_nan_ends_with_nan() -> None:
    nan = MetricSeries("loss", (MetricPoint(2.0, START), MetricPoint(1.0, START + timedelta(minutes=1)),
                                MetricPoint(math.nan, START + timedelta(minutes=2))))  # fmt: skip
    assert "min 1 max 2 last NaN" in drawn([nan], 80)


def test_status_shows_the_curves_that_its_log_states() -> None:
    curve = MetricSeries("loss", tuple(MetricPoint(3.0 - at / 10, NOW + timedelta(seconds=at)) for at in range(20)))
    shown = text(StatusAnswer(JOB, NOW, curves=(curve,)), 80)
    assert re.search("█▇+▆+▅+▄+▃+▂+▁", shown)
    assert "min 1.1 max 3 last 1.1" in shown


def test_a_pipe_gets_tables_only() -> None:
    shown = text(answer(*climb(8), *cluster(4)), None)
    assert "by node" not in shown
    assert not re.search(r"[⠁-⣿]", shown)
    assert "loss" not in text(StatusAnswer(JOB, NOW, curves=(summary("loss", 1.0, 2.0).series,)), None)


def test_ascii_takes_the_same_columns_and_has_no_other_characters() -> None:
    for width in (80, 200):
        shown = drawn([*climb(2), *cluster(64)], width)
        plain = to_ascii(shown)
        assert plain.isascii()
        assert [*map(len, plain.splitlines())] == [*map(len, shown.splitlines())]


NAMES = st.text(max_size=250) | st.sampled_from(
    ["学習" * 100, "\x1b[2J<!channel>", "node-1", "\u202ereversed", "👩‍🚀" * 50]
)
VALUES = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1e308, -1e308, 5e-324, 3e-125, 75.0])


@st.composite
def line_charts(draw: st.DrawFn) -> LineChart:
    lines = tuple(
        ChartLine(
            draw(NAMES),
            tuple(
                ChartPoint(float(at * draw(st.sampled_from([0, 1, 86_400]))), value, *sorted((value, value)))
                for at, value in enumerate(draw(st.lists(VALUES, max_size=30)))
            ),
        )
        for _ in range(draw(st.integers(0, 6)))
    )
    levels = tuple(ChartLevel(name, value) for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=2)))
    moments = tuple(ChartMoment(name, 3.0) for name in draw(st.lists(NAMES, max_size=1)))
    return LineChart(draw(NAMES), draw(st.sampled_from(["", "%", "GiB", "s"])), lines, levels, moments,
                     draw(st.booleans()), draw(NAMES))  # fmt: skip


def assert_fits(lines: list[list[tuple[str, str]]], width: int) -> None:
    for line in lines:
        shown = "".join(piece for piece, _ in line)
        assert cell_width(shown.rstrip()) <= width, shown
        assert "\x1b" not in shown
        assert "\n" not in shown


@settings(deadline=None)
@given(line_charts(), st.integers(40, 300), st.integers(3, 40))
def test_any_line_chart_fits(chart: LineChart, width: int, height: int) -> None:
    plot = line_plot(chart, width, height)
    assert len(plot) == height + 3
    assert_fits(plot, width)
    assert_fits(spark_lines(chart, width), width)


@settings(deadline=None)
@given(
    st.lists(st.tuples(NAMES, st.integers(1, 40), VALUES), max_size=60),
    st.integers(20, 300),
    st.sampled_from(["%", "GiB", ""]),
)
def test_any_heat_map_fits(nodes: list[tuple[str, int, float]], width: int, unit: str) -> None:
    rows = tuple(HeatRow(f"{name} GPU {gpu}", (value, math.nan)) for name, gpus, value in nodes for gpu in range(gpus))
    odd = tuple((at, rows[at].name) for at in range(0, len(rows), 100))
    chart = HeatMap("GPU", unit, 0.0, 1.0, rows, tuple((name, gpus) for name, gpus, _ in nodes), odd)
    grid = heat_grid(chart, width)
    assert_fits(grid, width)
    cells = sum(len(piece) for line in grid[1 : len(grid) - len(odd)] for piece, style in line[1:] if style)
    assert cells == len(rows)


@pytest.mark.parametrize("width", [40, 80, 100, 159, 160, 300])
@pytest.mark.parametrize("count", [1, 2, 100_000])
def test_any_number_of_points_is_drawn(width: int, count: int) -> None:
    points = tuple(MetricPoint(float(at % 97), START + timedelta(milliseconds=at)) for at in range(count))
    shown = plot_metrics([MetricSeries("loss", points)], WINDOW, Screen(width))
    assert max(map(cell_width, shown)) <= width


@pytest.mark.parametrize("values", [(math.nan,) * 3, (math.inf, -math.inf, 1.0), (5.0,) * 10, (0.0,), (1e308, -1e308)])
@pytest.mark.parametrize("width", [40, 200])
def test_values_without_a_range_are_drawn(values: tuple[float, ...], width: int) -> None:
    points = tuple(MetricPoint(value, START + timedelta(minutes=at)) for at, value in enumerate(values))
    several = [MetricSeries(GPU_MEMORY, points, node="n", gpu=gpu, limit=80 * GIB) for gpu in range(9)]
    for series in ([MetricSeries("loss", points)], several):
        assert all(cell_width(row) <= width for row in plot_metrics(series, WINDOW, Screen(width)))


def test_no_series_draw_nothing() -> None:
    assert plot_metrics([], WINDOW, Screen(200)) == []
