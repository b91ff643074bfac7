"""Render metrics for a terminal: one row per series, with a sparkline. Pure."""

import math
from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.commands.subcommands.jobs import MetricsAnswer
from bot.domain.durations import spoken_duration
from bot.domain.metrics import KNOWN_METRICS, MetricSeries, MetricSummary, bucket_means, display_unit, sparkline
from bot.terminal.log_lines import escape_controls
from bot.terminal.render.jobs import state_text

SPARK_WIDTH = 24


def render_metrics(answer: MetricsAnswer) -> RenderableType:
    """Render all series of a job and note the missing ones."""
    span = f"{answer.start:%Y-%m-%d %H:%M:%S} to {answer.end:%Y-%m-%d %H:%M:%S} UTC"
    head = [
        state_text(answer.job, answer.end),
        Text(f"{span} ({spoken_duration(answer.end - answer.start)})", style="dim"),
    ]
    body = [render_summaries(answer.summaries, (answer.start, answer.end))] if answer.summaries else []
    notes = [] if answer.summaries else ["No samples in this time range."]
    notes += [_missing(answer.missing)] if answer.missing and answer.summaries else []
    notes += [gap.public for gap in answer.gaps]
    return Group(*head, *body, *(Text(escape_controls(note), style="yellow") for note in notes))


def render_summaries(summaries: Sequence[MetricSummary], window: tuple[datetime, datetime] | None) -> RenderableType:
    """Render a table of statistics, known metrics first. Without a window there are no sparklines."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("metric", overflow="fold")
    if window is not None:
        table.add_column("", no_wrap=True, min_width=8, overflow="crop")
    for name in ("last", "mean", "p5", "p95", "max", "of"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in sorted(summaries, key=_sort_key):
        name, scale, bare_unit = display_unit(one.series.name)
        unit = f" {bare_unit}" if bare_unit else ""
        label = f"{name}{_source(one.series)}"
        values = (one.last, one.mean, one.p5, one.p95, one.maximum)
        figures = [_figure(value * scale) if unit else f"{value:.4g}" for value in values]
        limit = f"{_figure(one.series.limit * scale)}{unit}" if one.series.limit is not None else unit
        spark = [Text(_spark(one.series, window))] if window is not None else []
        table.add_row(Text(escape_controls(label)), *spark, *figures, limit)
    return table


def _missing(names: Sequence[str]) -> str:
    if len(names) == len(KNOWN_METRICS):
        return "No samples of GPUs, CPU, memory or storage."
    return f"No samples of {', '.join(display_unit(name)[0] for name in names)}."


def _sort_key(summary: MetricSummary) -> tuple[int, str, str, int]:
    series = summary.series
    known = KNOWN_METRICS.index(series.name) if series.name in KNOWN_METRICS else len(KNOWN_METRICS)
    return known, series.name, series.node or "", -1 if series.gpu is None else series.gpu


def _source(series: MetricSeries) -> str:
    node = f" {series.node}" if series.node else ""
    return f"{node} gpu {series.gpu}" if series.gpu is not None else node


def _figure(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    return f"{value:.1f}" if abs(value) >= 0.05 or value == 0 else f"{value:.2g}"


def _spark(series: MetricSeries, window: tuple[datetime, datetime]) -> str:
    means = bucket_means(series, *window, SPARK_WIDTH)
    if not display_unit(series.name)[2]:
        return sparkline(means)  # a training curve, scaled to its own range
    finite = [value for value in means if value is not None]
    top = 1.0 if series.name.endswith("_ratio") else series.limit or max(finite, default=1.0)
    return sparkline(means, lowest=min(0.0, *finite) if finite else 0.0, highest=top or 1.0)
