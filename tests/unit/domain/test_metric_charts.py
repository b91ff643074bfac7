"""Charts of metrics: which ones, what they show, and that extreme values leave them valid."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.charts import ChartPoint, HeatMap, LineChart, thin
from bot.domain.metric_charts import describe_chart, metric_chart, metric_charts
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSeries, summarize

START = datetime(2026, 11, 29, 2, tzinfo=UTC)
END = START + timedelta(hours=1)
GIB = 2.0**30


def series(
    name: str, at: Callable[[float], float], *, node: str | None = None, gpu: int | None = None,
    limit: float | None = None, count: int = 100,
) -> MetricSeries:  # fmt: skip
    """Samples over the hour; `at` gets 0 to 1."""
    points = (MetricPoint(at(index / count), START + (END - START) * (index / count)) for index in range(count))
    return MetricSeries(name, tuple(points), node, gpu, limit)


def fleet(nodes: int, at: Callable[[int, int], float], name: str = GPU_UTILIZATION) -> list[MetricSeries]:
    return [series(name, lambda _, n=node, g=gpu: at(n, g), node=f"node-{node}", gpu=gpu, count=20)  # type: ignore[misc]
            for node in range(nodes) for gpu in range(8)]  # fmt: skip


def test_a_climb_near_the_limit_keeps_its_numbers() -> None:
    chart = metric_chart([series(GPU_MEMORY, lambda t: (75 + 4 * t) * GIB, gpu=3, limit=80 * GIB)], START, END)
    assert isinstance(chart, LineChart)
    assert ("GPU memory", "GiB", [80.0]) == (chart.title, chart.unit, [one.value for one in chart.levels])
    expected = "GPU memory: GPU 3 from 75 GiB to 78.96 GiB, between 75 GiB and 78.96 GiB; limit 80 GiB."
    assert expected == describe_chart(chart)


def test_many_gpus_become_a_heat_map_that_names_the_odd_one() -> None:
    chart = metric_chart(fleet(64, lambda node, gpu: 0.1 if (node, gpu) == (37, 5) else 0.9), START, END)
    assert isinstance(chart, HeatMap)
    assert (512, 64) == (len(chart.rows), len(chart.groups))
    assert ["node-37 GPU 5"] == [name for _, name in chart.outliers]
    assert "Unlike the others (90%): node-37 GPU 5 10%." in describe_chart(chart)


@pytest.mark.parametrize("odd", [0.85, 0.9])
def test_small_differences_make_no_outlier(odd: float) -> None:
    chart = metric_chart(fleet(4, lambda node, gpu: odd if node == gpu == 1 else 0.9), START, END)
    assert isinstance(chart, HeatMap)
    assert () == chart.outliers


def test_many_series_without_gpus_show_the_most_different_and_say_so() -> None:
    many = [series("loss", lambda _, i=i: float(i), node=f"n{i}") for i in range(20)]  # type: ignore[misc]
    chart = metric_chart(many, START, END)
    assert isinstance(chart, LineChart)
    assert ["n0", "n1", "n2", "n17", "n18", "n19"] == [line.name for line in chart.lines]
    assert "6 of 20 series" in chart.note


def test_a_thinned_line_keeps_its_peaks() -> None:
    points = [ChartPoint(float(x), 1000.0 if x == 54_321 else 1.0) for x in range(100_000)]
    kept = thin(points, 200)
    assert len(kept) <= 200
    assert 1000.0 == max(one.highest or 0.0 for one in kept)


def test_gpus_come_first() -> None:
    names = ["train_loss", "cpu_usage_cores", GPU_MEMORY, GPU_UTILIZATION]
    summaries = [one for name in names if (one := summarize(series(name, lambda t: t))) is not None]
    charts = metric_charts(summaries, START, END)
    assert ["GPU utilisation", "GPU memory", "CPU", "train loss"] == [one.title for one in charts]


values = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(math.nan), st.floats(0, 1))
names = st.one_of(st.sampled_from([GPU_UTILIZATION, GPU_MEMORY, "loss"]), st.text(min_size=1, max_size=250))


@given(
    names,
    st.lists(st.lists(values, max_size=30), min_size=1, max_size=12),
    st.booleans(), st.booleans(), st.text(max_size=250),
)  # fmt: skip
def test_any_samples_make_a_chart(name: str, rows: list[list[float]], timed: bool, gpus: bool, node: str) -> None:
    several = [
        MetricSeries(
            name,
            tuple(MetricPoint(value, START + timedelta(seconds=at) if timed else None) for at, value in enumerate(row)),
            node or None, index if gpus else None,
        )
        for index, row in enumerate(rows)
    ]  # fmt: skip
    chart = metric_chart(several, START, END)
    assert describe_chart(chart)
    if isinstance(chart, LineChart):
        assert len(chart.lines) <= 6
        points = [point for line in chart.lines for point in line.points]
        assert all(math.isfinite(point.x) and not math.isinf(point.y) for point in points)
    else:
        assert 1 == len({len(row.values) for row in chart.rows})
        assert chart.lowest <= chart.highest
