"""Whatever a platform measures, charts, tables, their text and pictures are valid, described, and say what they cut."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.subcommands.jobs import MetricsAnswer
from bot.domain.jobs import JobRef
from bot.domain.metric_charts import describe_chart, metric_charts
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION, MetricPoint, MetricSeries, summarize
from bot.slack.client import blocks_as_text
from bot.slack.render.answers import render
from bot.slack.render.message import Message
from bot.slack.render.pictures import picture_message
from bot.slack.render.tables import TableCell, table_block
from tests.unit.slack.factories import HOSTILE, NOW
from tests.unit.slack.samples import metrics
from tests.unit.slack.validity import problems, shown, table_rows

START, END = NOW - timedelta(hours=1), NOW
LONG = "\N{GRINNING FACE}" * 250
NAMES = st.one_of(
    st.sampled_from([GPU_UTILIZATION, GPU_MEMORY, "loss", HOSTILE, LONG]), st.text(min_size=1, max_size=250)
)
TEXTS = st.text(max_size=400)
VALUES = st.one_of(st.floats(), st.floats(0, 1), st.just(math.nan))


def answer_of(*several: MetricSeries) -> MetricsAnswer:
    found = tuple(one for each in several if (one := summarize(each)) is not None)
    return replace(metrics(), start=START, end=END, summaries=found)


def series(name: str, values: list[float], node: str | None = None, gpu: int | None = None) -> MetricSeries:
    step = (END - START) / max(len(values), 1)
    points = tuple(MetricPoint(value, START + at * step) for at, value in enumerate(values))
    return MetricSeries(name, points, node, gpu, 80 * 2.0**30 if name == GPU_MEMORY else None)


def check(answer: MetricsAnswer) -> None:
    """The message, its text form, and the pictures of its charts."""
    message = render(answer)
    assert [] == problems(message)
    assert [] == problems(Message(message.text, tuple(blocks_as_text(message.blocks))))
    for chart in metric_charts(answer.summaries, START, END):
        described = describe_chart(chart)
        picture = picture_message("F0123456789", chart.title, described)
        assert [] == problems(picture)
        assert picture.blocks[0]["alt_text"]


@given(NAMES, st.lists(st.lists(VALUES, max_size=40), max_size=9), st.text(max_size=250), st.booleans())
def test_any_metrics_are_shown(name: str, rows: list[list[float]], node: str, is_gpu: bool) -> None:
    check(answer_of(*(series(name, row, node or None, at if is_gpu else None) for at, row in enumerate(rows))))


@pytest.mark.parametrize(("nodes", "points"), [(0, 0), (1, 1), (128, 20), (128, 0)])
def test_a_fleet_of_any_size_is_shown(nodes: int, points: int) -> None:
    values = [math.nan if at % 5 == 3 else 0.9 for at in range(points)]
    fleet = [
        series(
            metric,
            [value if metric == GPU_UTILIZATION else value * 79 * 2**30 for value in values],
            f"{LONG}-{node}",
            gpu,
        )
        for node in range(nodes)
        for gpu in range(8)
        for metric in (GPU_UTILIZATION, GPU_MEMORY)
    ]
    check(answer_of(*fleet))
    if points and nodes > 12:
        assert "showing 12 of 128 nodes" in shown(render(answer_of(*fleet)))


def test_a_hundred_thousand_points_are_shown() -> None:
    check(answer_of(series("loss", [2.5 - at / 1e5 for at in range(100_000)])))


@given(st.lists(st.tuples(TEXTS, TEXTS, st.one_of(st.just(""), TEXTS)), max_size=150), st.integers(500, 9000))
def test_a_table_fits_and_says_how_many_rows_it_shows(rows: list[tuple[str, str, str]], budget: int) -> None:
    cells = [(one, TableCell(two, f"https://example.org/{len(two)}", code=three)) for one, two, three in rows]
    block, count = table_block(("One", "Two"), cells, budget)
    assert (block is None) == (count == 0)
    if block is None:
        assert not rows or budget < 3000
        return
    assert count <= min(99, len(rows))
    message = Message("a table", (block,))
    assert [] == problems(message)
    assert count + 1 == len(table_rows(message))
    assert [] == problems(Message("a table", tuple(blocks_as_text(message.blocks))))


def test_the_reference_of_a_job_is_whole() -> None:
    ref = str(JobRef("baseten", "p" * 60 + "/" + "j" * 60))
    block, _ = table_block(("Job",), [(TableCell(HOSTILE, code=ref),)], 5000)
    assert block is not None
    assert ref in table_rows(Message("x", (block,)))[1][0]
