"""Charts in messages: what they show, and that any samples make a chart that Slack takes."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.metric_charts import compact_chart
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSeries, summarize
from bot.slack.render.answers import render
from bot.slack.render.charts import chart_block, is_chart
from bot.slack.render.message import Block
from tests.unit.slack.factories import NOW
from tests.unit.slack.samples import metrics
from tests.unit.slack.validity import problems

START, END = NOW - timedelta(hours=1), NOW
GIB = 2.0**30


def series(name: str, values: list[float], *, gpu: int | None = None, limit: float | None = None) -> MetricSeries:
    step = (END - START) / max(len(values), 1)
    points = tuple(MetricPoint(value, START + at * step) for at, value in enumerate(values))
    return MetricSeries(name, points, None, gpu, limit)


def drawn(*several: MetricSeries) -> Block:
    block = chart_block(compact_chart(several, START, END))
    assert block is not None
    return block


def values_of(block: Block) -> dict[str, list[float]]:
    chart = block["chart"]
    assert isinstance(chart, dict)
    return {one["name"]: [point["value"] for point in one["data"]] for one in chart["series"]}


def test_memory_near_its_limit_is_charted_as_what_is_left() -> None:
    climb = [(75 + index / 10) * GIB for index in range(40)]
    block = drawn(
        series(GPU_MEMORY, climb, gpu=3, limit=80 * GIB), series(GPU_MEMORY, climb[:1] * 40, gpu=4, limit=80 * GIB)
    )
    assert "GPU memory free of 80 GiB" == block["title"]
    lines = values_of(block)
    assert (4.95, 1.15) == (lines["GPU 3"][0], lines["GPU 3"][-1])
    assert {5.0} == set(lines["GPU 4"])


def test_the_fullest_of_many_gpus_has_the_least_free_memory() -> None:
    fleet = [series(GPU_MEMORY, [(78 if gpu == 3 else 66) * GIB] * 30, gpu=gpu, limit=80 * GIB) for gpu in range(8)]
    assert {"max GPU 0": {14.0}, "median": {14.0}, "min GPU 3": {2.0}} == {
        name: set(values) for name, values in values_of(drawn(*fleet)).items()
    }


def test_many_gpus_are_the_lowest_the_median_and_the_highest() -> None:
    block = drawn(*(series(GPU_UTILIZATION, [gpu / 100] * 30, gpu=gpu) for gpu in range(64)))
    assert {"min GPU 0": {0.0}, "median": {31.5}, "max GPU 63": {63.0}} == {
        name: set(values) for name, values in values_of(block).items()
    }


def test_a_part_without_samples_of_one_gpu_is_left_out() -> None:
    gap = [0.5] * 10 + [math.nan] * 10 + [0.5] * 10
    block = drawn(series(GPU_UTILIZATION, gap, gpu=0), series(GPU_UTILIZATION, [0.9] * 30, gpu=1))
    assert 12 < len(values_of(block)["GPU 0"]) < 20


def test_one_sample_makes_no_chart() -> None:
    assert chart_block(compact_chart([series("loss", [1.0])], START, END)) is None


samples = st.lists(st.one_of(st.floats(), st.just(math.nan), st.floats(0, 1)), max_size=60)
names = st.one_of(
    st.sampled_from([GPU_UTILIZATION, GPU_MEMORY, "<!channel> & <@U1>"]), st.text(min_size=1, max_size=250)
)


@given(names, st.lists(samples, min_size=1, max_size=10), st.one_of(st.none(), st.floats(0, 1e12)), st.booleans())
def test_any_samples_make_a_valid_message(name: str, rows: list[list[float]], limit: float | None, gpus: bool) -> None:
    several = [series(name, row, gpu=at if gpus else None, limit=limit) for at, row in enumerate(rows)]
    summaries = tuple(one for each in several if (one := summarize(each)) is not None)
    assert [] == problems(render(replace(metrics(), start=START, end=END, summaries=summaries)))


def test_a_thousand_gpus_make_a_valid_message() -> None:
    fleet = [series(metric, [0.9] * 50, gpu=gpu) for gpu in range(1024) for metric in (GPU_UTILIZATION, GPU_MEMORY)]
    message = render(replace(metrics(), start=START, end=END, summaries=tuple(filter(None, map(summarize, fleet)))))
    assert [] == problems(message)
    assert 2 == sum(map(is_chart, message.blocks))
