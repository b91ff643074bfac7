"""Render metrics for a terminal: one line for each node's GPUs, then one for each other metric. Pure.

With `--gpus` every series follows, with its statistics and a chart.
"""

import math
from collections.abc import Sequence
from datetime import datetime

from bot.commands.subcommands.jobs import MetricsAnswer
from bot.domain.durations import spoken_duration
from bot.domain.metrics import (
    ALL_METRICS,
    GPU_MEMORY,
    GPU_UTILIZATION,
    KNOWN_METRICS,
    MetricSeries,
    MetricSummary,
    display_unit,
)
from bot.domain.node_metrics import (
    ChartScale,
    MetricRange,
    chart_scale,
    combined_curve,
    draw_chart,
    node_usage,
    other_ranges,
)
from bot.terminal.render.jobs import state_lines
from bot.terminal.render.line_plots import figure
from bot.terminal.render.metric_plots import plot_metrics
from bot.terminal.render.screen import DIM, YELLOW, Screen, join_lines, plain_line
from bot.terminal.render.tables import Cell, Column, table_lines

_CHART_WIDTH = 12
_Window = tuple[datetime, datetime]


def render_metrics(answer: MetricsAnswer, screen: Screen) -> str:
    """Render the GPUs of each node and the other metrics, and note the missing ones."""
    window = answer.start, answer.end
    span = f"{answer.start:%Y-%m-%d %H:%M:%S} to {answer.end:%Y-%m-%d %H:%M:%S} UTC"
    lines = state_lines(answer.job, answer.at or answer.end, screen)
    lines += screen.wrap(f"{span} ({spoken_duration(answer.end - answer.start)})", style=DIM)
    lines += node_lines(answer.summaries, screen, window)
    if answer.pinned.gpus:
        lines += _series_lines(answer.summaries, window, screen)
    else:
        lines += _other_lines(answer.summaries, window, screen)
        lines += plot_metrics([one.series for one in answer.summaries], window, screen)
    notes = [] if answer.summaries or answer.gaps else ["No samples in this time range."]
    notes += [_missing(answer.missing)] if answer.missing and answer.summaries else []
    notes += [*answer.notes, *(gap.public for gap in answer.gaps)]
    for note in notes:
        lines += screen.wrap(note, style=YELLOW)
    if not answer.pinned.gpus and any(one.series.gpu is not None for one in answer.summaries):
        lines += screen.wrap("Add --gpus for each GPU.", style=DIM)
    return join_lines(lines)


def node_lines(summaries: Sequence[MetricSummary], screen: Screen, window: _Window | None = None) -> list[str]:
    """One line for each node with the minimum, mean and maximum over its GPUs; with a window also charts."""
    nodes = node_usage(summaries)
    if not nodes:
        return []
    columns = [
        Column("node"), Column("GPUs", drop=1, align_right=True),
        Column("utilisation", align_right=True), Column("memory", align_right=True),
    ]  # fmt: skip
    rows = [[_node_cell(one.node), Cell(str(one.gpus)), *map(_range_cell, _ranges(one.utilization, one.memory))]
            for one in nodes]  # fmt: skip
    for name, several in ((GPU_MEMORY, [one.memory for one in nodes]),
                          (GPU_UTILIZATION, [one.utilization for one in nodes])):  # fmt: skip
        found = [one for one in several if one is not None]
        if window is not None and found:
            curves = [combined_curve(one.series if one is not None else (), window, _CHART_WIDTH) for one in several]
            scale = chart_scale(name, curves, max((one.limit or 0.0 for one in found), default=0.0))
            columns.append(Column(_scale_title(name, scale), drop=len(columns)))
            for row, curve in zip(rows, curves, strict=True):
                row.append(Cell(draw_chart(curve, scale)))
    head = screen.wrap("Lowest/mean/highest sample over the GPUs of each node", style=DIM)
    return [*head, *table_lines(columns, rows, screen)]


def _ranges(utilization: MetricRange | None, memory: MetricRange | None) -> list[tuple[str, MetricRange | None]]:
    return [(GPU_UTILIZATION, utilization), (GPU_MEMORY, memory)]


def _node_cell(node: str | None) -> Cell:
    return Cell(plain_line(node) if node else "all")


def _range_cell(named: tuple[str, MetricRange | None]) -> Cell:
    name, values = named
    if values is None:
        return Cell("-")
    _, scale, unit = display_unit(name)
    figures = "/".join(figure(value * scale, unit) for value in (values.minimum, values.mean, values.maximum))
    limit = f" of {figure(values.limit * scale, unit)}" if values.limit is not None and unit != "%" else ""
    return Cell(f"{figures}{limit} {unit}".rstrip())


def _scale_title(name: str, scale: ChartScale) -> str:
    _, factor, unit = display_unit(name)
    what = "memory" if "memory" in name else "utilisation"
    return f"{what} {figure(scale.lowest * factor, unit)}-{figure(scale.highest * factor, unit)}"


def _other_lines(summaries: Sequence[MetricSummary], window: _Window, screen: Screen) -> list[str]:
    """One line for each metric that is not about GPUs, over all nodes."""
    ranges = other_ranges(summaries)
    if not ranges:
        return []
    columns = [
        Column("metric"), Column("last", drop=1, align_right=True),
        Column("lowest/mean/highest", align_right=True),
    ]  # fmt: skip
    columns += [Column("chart")] if screen.width is None else []
    rows = []
    for name, values in ranges:
        words, scale, unit = display_unit(name)
        last = Cell(figure(values.series[0].last * scale, unit) if len(values.series) == 1 else "")
        drawn = [Cell(_draw(name, values.series, values.limit, window))] if screen.width is None else []
        rows.append([Cell(plain_line(words)), last, _range_cell((name, values)), *drawn])
    return ["", *table_lines(columns, rows, screen)]


def _series_lines(summaries: Sequence[MetricSummary], window: _Window, screen: Screen) -> list[str]:
    """A table for each metric with the statistics of each series, known metrics first."""
    ordered = sorted(summaries, key=_sort_key)
    lines: list[str] = []
    for name in dict.fromkeys(one.series.name for one in ordered):
        series = [one for one in ordered if one.series.name == name]
        lines += ["", *_metric_table(name, series, window, screen)]
    return lines


def _metric_table(name: str, series: Sequence[MetricSummary], window: _Window, screen: Screen) -> list[str]:
    words, factor, unit = display_unit(name)
    curves = [combined_curve([one], window, _CHART_WIDTH) for one in series]
    limit = max((one.series.limit or 0.0 for one in series), default=0.0)
    shared = chart_scale(name, curves, limit)
    columns = [
        Column(plain_line(words)),
        *(Column(title, drop, align_right=True)
          for title, drop in (("last", 0), ("mean", 0), ("p5", 1), ("p95", 1), ("max", 0), ("of", 1))),
        Column(f"{figure(shared.lowest * factor, unit)}-{figure(shared.highest * factor, unit)}", drop=2),
    ]  # fmt: skip
    rows = []
    for one, curve in zip(series, curves, strict=True):
        figures = [_exact(value * factor, unit) for value in (one.last, one.mean, one.p5, one.p95, one.maximum)]
        of = f"{figure(one.series.limit * factor, unit)} {unit}" if one.series.limit is not None else unit
        drawn = draw_chart(curve, shared)
        rows.append([Cell(plain_line(_source(one.series))), *map(Cell, (*figures, of)), Cell(drawn)])
    return table_lines(columns, rows, screen)


def _draw(name: str, series: Sequence[MetricSummary], limit: float | None, window: _Window) -> str:
    curve = combined_curve(series, window, _CHART_WIDTH)
    return draw_chart(curve, chart_scale(name, [curve], limit))


def _missing(names: Sequence[str]) -> str:
    if len(names) == len(KNOWN_METRICS):
        return "No samples of GPUs, CPU, memory or storage."
    return f"No samples of {', '.join(display_unit(name)[0] for name in names)}."


def _sort_key(summary: MetricSummary) -> tuple[int, str, str, int]:
    series = summary.series
    known = ALL_METRICS.index(series.name) if series.name in ALL_METRICS else len(ALL_METRICS)
    return known, series.name, series.node or "", -1 if series.gpu is None else series.gpu


def _source(series: MetricSeries) -> str:
    gpu = f"gpu {series.gpu}" if series.gpu is not None else ""
    return " ".join(filter(None, (series.node, gpu))) or "all"


def _exact(value: float, unit: str) -> str:
    return f"{value:.1f}" if unit == "%" and math.isfinite(value) else figure(value, unit)
