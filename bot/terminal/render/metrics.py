"""Render metrics for a terminal: one line for each node's GPUs, then one for each other metric. Pure.

With `--gpus` every series follows, with its statistics and a chart.
"""

import math
from collections.abc import Sequence
from datetime import datetime

from bot.commands.subcommands.jobs import MetricsAnswer
from bot.domain.durations import spoken_duration
from bot.domain.metrics import KNOWN_METRICS, MetricSeries, MetricSummary, display_unit
from bot.domain.node_metrics import (
    ChartScale,
    MetricRange,
    chart,
    chart_scale,
    metric_range,
    node_usage,
    other_ranges,
)
from bot.terminal.render.jobs import state_lines
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
        lines += ["", *_series_lines(answer.summaries, window, screen)]
    else:
        lines += _other_lines(answer.summaries, window, screen)
    notes = [] if answer.summaries or answer.gaps else ["No samples in this time range."]
    notes += [_missing(answer.missing)] if answer.missing and answer.summaries else []
    notes += [gap.public for gap in answer.gaps]
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
    for name, several in (("gpu_memory_used_bytes", [one.memory for one in nodes]),
                          ("gpu_utilization_ratio", [one.utilization for one in nodes])):  # fmt: skip
        found = [one for one in several if one is not None]
        if window is not None and found:
            scale = chart_scale(name, found)
            columns.append(Column(_scale_title(name, scale), drop=len(columns)))
            for row, one in zip(rows, several, strict=True):
                row.append(Cell(chart(one.series, window, scale, _CHART_WIDTH) if one is not None else ""))
    head = screen.wrap("Lowest / mean / highest sample over the GPUs of each node", style=DIM)
    return [*head, *table_lines(columns, rows, screen)]


def _ranges(utilization: MetricRange | None, memory: MetricRange | None) -> list[tuple[str, MetricRange | None]]:
    return [("gpu_utilization_ratio", utilization), ("gpu_memory_used_bytes", memory)]


def _node_cell(node: str | None) -> Cell:
    return Cell(plain_line(node) if node else "all")


def _range_cell(named: tuple[str, MetricRange | None]) -> Cell:
    name, values = named
    if values is None:
        return Cell("-")
    _, scale, unit = display_unit(name)
    figures = " / ".join(_figure(value * scale, unit) for value in (values.minimum, values.mean, values.maximum))
    limit = f" of {_figure(values.limit * scale, unit)}" if values.limit is not None and unit != "%" else ""
    return Cell(f"{figures}{limit} {unit}".rstrip())


def _scale_title(name: str, scale: ChartScale) -> str:
    _, factor, unit = display_unit(name)
    what = "memory" if "memory" in name else "utilisation"
    return f"{what} {_figure(scale.lowest * factor, unit)}-{_figure(scale.highest * factor, unit)}"


def _other_lines(summaries: Sequence[MetricSummary], window: _Window, screen: Screen) -> list[str]:
    """One line for each metric that is not about GPUs, over all nodes."""
    ranges = other_ranges(summaries)
    if not ranges:
        return []
    columns = [
        Column("metric"), Column("last", drop=1, align_right=True),
        Column("lowest / mean / highest", align_right=True), Column("chart", drop=2),
    ]  # fmt: skip
    rows = []
    for name, values in ranges:
        words, scale, unit = display_unit(name)
        last = Cell(_figure(values.series[0].last * scale, unit) if len(values.series) == 1 else "")
        drawn = chart(values.series, window, chart_scale(name, [values]), _CHART_WIDTH)
        rows.append([Cell(plain_line(words)), last, _range_cell((name, values)), Cell(drawn)])
    return ["", *table_lines(columns, rows, screen)]


def _series_lines(summaries: Sequence[MetricSummary], window: _Window, screen: Screen) -> list[str]:
    """A table of every series with its statistics, known metrics first."""
    names = dict.fromkeys(one.series.name for one in summaries)
    scales = {name: chart_scale(name, _range_of(name, summaries)) for name in names}
    columns = [
        Column("metric"),
        *(Column(name, drop, align_right=True)
          for name, drop in (("last", 0), ("mean", 0), ("p5", 1), ("p95", 1), ("max", 0), ("of", 0))),
        Column("chart", drop=2),
    ]  # fmt: skip
    rows = []
    for one in sorted(summaries, key=_sort_key):
        name, scale, unit = display_unit(one.series.name)
        figures = [_figure(value * scale, unit) for value in (one.last, one.mean, one.p5, one.p95, one.maximum)]
        limit = f"{_figure(one.series.limit * scale, unit)} {unit}" if one.series.limit is not None else unit
        drawn = chart([one], window, scales[one.series.name], _CHART_WIDTH)
        rows.append([Cell(plain_line(f"{name}{_source(one.series)}")), *map(Cell, (*figures, limit)), Cell(drawn)])
    return table_lines(columns, rows, screen)


def _range_of(name: str, summaries: Sequence[MetricSummary]) -> list[MetricRange]:
    found = metric_range(one for one in summaries if one.series.name == name)
    return [found] if found is not None else []


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


def _figure(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return str(value)
    if not unit:
        return f"{value:.4g}"
    if unit == "%":
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 0.05 or value == 0 else f"{value:.2g}"
