"""Metric answers: a summary by node, or with `--gpus` a small table per metric with a row for each GPU or node.

A training curve, such as a loss, is one wide sparkline instead of a table.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from bot.commands.parsing.formatting import format_command
from bot.commands.subcommands.jobs import MetricsAnswer
from bot.domain.metric_charts import MOST_LINES, compact_chart
from bot.domain.metrics import (
    ALL_METRICS,
    GPU_UTILIZATION,
    KNOWN_METRICS,
    SERVING_METRICS,
    MetricSummary,
    bucket_means,
    display_unit,
    metric_title,
    sparkline,
)
from bot.domain.serving import serving_sentence
from bot.domain.wording import plural
from bot.slack.render.blocks import Action, actions, button, context, section, share_button
from bot.slack.render.charts import MAX_CHARTS, chart_block
from bot.slack.render.icons import STATE_ICONS
from bot.slack.render.jobs import job_link, job_name, state_label
from bot.slack.render.logs import gap_notes
from bot.slack.render.message import BLOCKS_BUDGET, MAX_BLOCKS, MAX_SECTION_TEXT, Block, Message, message, weight
from bot.slack.render.node_metrics import curve_names, gpu_table, other_line
from bot.slack.render.text import code, cut, escape, fence, one_line, plain_time, slack_time_range, split_backticks

SPARK_WIDTH = 8
"""Characters of a sparkline: a row must not wrap on a phone, which shows about 40 in a code block."""
CURVE_WIDTH = 34
"""Characters of the sparkline of a training curve."""
_MAX_ROWS = 24
_MAX_CURVES = 3
"""Number of training curves in a summary."""
_MAX_TABLES = MAX_BLOCKS - 6 - MAX_CHARTS
"""The others are the headline, charts, the note on hidden metrics, notes, buttons, and the table with its note."""


def render_metrics(answer: MetricsAnswer) -> Message:
    """A summary by node that fits a phone, or last, mean, p5, p95 and maximum of every series."""
    job, span, gpus = answer.job, slack_time_range(answer.start, answer.end), gpu_sentence(answer.summaries)
    title = f"*Metrics* {STATE_ICONS[job.state]} {job_link(job)} {state_label(job)}\n{span}"
    head = section("\n".join(filter(None, (title, gpus, serving_sentence(answer.summaries)))))
    each = f"each GPU: {code(f'/train metrics {job.ref} --gpus')}"
    more = [each] if not answer.pinned.gpus and any(one.series.gpu is not None for one in answer.summaries) else []
    cuts = [one_line(note, 300) for note in answer.notes]
    notes = context([code(str(job.ref)), *more, *cuts, *_missing(answer.missing), *gap_notes(answer.gaps)])
    buttons = actions([_heat_map_button(answer), share_button(format_command(answer.pinned))])
    charts = _charts(answer)
    native, which = gpu_table(answer)
    left = BLOCKS_BUDGET - weight([head, notes, buttons, *charts, native or {}]) - 300
    tables: list[Block] = []
    names = _names(answer.summaries) if answer.pinned.gpus else curve_names(answer.summaries)
    for name in names:
        table = _table(name, [one for one in answer.summaries if one.series.name == name], answer)
        left -= weight(table)
        if left < 0 or len(tables) == (_MAX_TABLES if answer.pinned.gpus else _MAX_CURVES):
            break
        tables.append(table)
    shown = "" if answer.summaries else "No samples in this time range."
    if len(tables) < len(names):
        shown = f"Showing {len(tables)} of {plural(len(names), 'metric')}; {_all_metrics(answer)} shows all"
    other = None if answer.pinned.gpus else other_line(answer.summaries)
    text = f"Metrics of {job_name(job)}, {plain_time(answer.start)} to {plain_time(answer.end)}. "
    return message(
        text + _in_words(answer.summaries),
        [head, *charts, *tables, other, context([shown]), notes, buttons, context([which]), native],
    )


def _charts(answer: MetricsAnswer) -> list[Block]:
    """Charts of the first metrics that have more than one sample, GPUs first."""
    charts: list[Block] = []
    for name in _names(answer.summaries):
        series = [one.series for one in answer.summaries if one.series.name == name]
        block = chart_block(compact_chart(series, answer.start, answer.end))
        charts += [block] if block is not None else []
        if len(charts) == MAX_CHARTS:
            break
    return charts


def _heat_map_button(answer: MetricsAnswer) -> Block | None:
    """Shows every GPU as a picture, if there are more than lines in a chart."""
    gpus = sum(one.series.name == GPU_UTILIZATION and one.series.gpu is not None for one in answer.summaries)
    if gpus <= MOST_LINES or answer.pinned.picture:
        return None
    return button("Heat map", Action.SHOW, format_command(replace(answer.pinned, picture=True)), key="picture")


def _all_metrics(answer: MetricsAnswer) -> str:
    return "`trainwatch metrics`" if answer.pinned.gpus else "`--gpus`"


def escaped_title(name: str) -> str:
    """The display name of a metric, escaped for mrkdwn."""
    return one_line(metric_title(name), 80)


def gpu_sentence(summaries: Sequence[MetricSummary]) -> str:
    """GPU utilisation in a few words, with the range if GPUs differ; "" without samples."""
    shares = [one.last for one in summaries if one.series.name == GPU_UTILIZATION]
    if not shares:
        return ""
    mean = sum(shares) / len(shares)
    spread = f", from {min(shares):.0%} to {max(shares):.0%}" if max(shares) - min(shares) >= 0.1 else ""
    return f"{plural(len(shares), 'GPU')} at {mean:.0%}{spread}"


def _in_words(summaries: Sequence[MetricSummary]) -> str:
    gpus = ", ".join(filter(None, (gpu_sentence(summaries), serving_sentence(summaries))))
    if not summaries:
        return "No samples."
    return (
        f"{gpus}." if gpus else ", ".join(f"{escaped_title(one.series.name)} {one.last:.4g}" for one in summaries[:4])
    )


def _missing(names: Sequence[str]) -> list[str]:
    if set(names) >= set(KNOWN_METRICS):
        return ["no samples of GPUs, CPU, memory or storage"]
    return [f"no samples of {', '.join(escaped_title(name) for name in names)}"] if names else []


def _names(summaries: Sequence[MetricSummary]) -> list[str]:
    """The metrics that have samples, known ones first."""
    there = dict.fromkeys(one.series.name for one in summaries)
    return [*(name for name in ALL_METRICS if name in there), *(name for name in there if name not in ALL_METRICS)]


def _table(name: str, summaries: Sequence[MetricSummary], answer: MetricsAnswer) -> Block:
    _, scale, unit = display_unit(name)
    if not unit and len(summaries) == 1 and name not in SERVING_METRICS:
        return _curve(name, summaries[0], answer)
    limits = {one.series.limit for one in summaries}
    limit = limits.pop() if len(limits) == 1 else None
    of = f" of {_figure(limit * scale)}" if limit and not name.endswith("_ratio") else ""
    title = f"*{escaped_title(name)}* {unit}{of}"
    shown, note = list(summaries), ""
    if len(shown) > _MAX_ROWS:
        shown = sorted(shown, key=lambda one: one.mean)[:_MAX_ROWS]
        note = f"\nshowing the lowest {_MAX_ROWS} of {len(summaries)}"
    what, labels = _labels(shown)
    highest = 1.0 if name.endswith("_ratio") else limit
    figures = [
        f"{_spark(one, answer, highest)} "
        + " ".join(f"{_figure(value * scale):>4}" for value in (one.last, one.mean, one.p5, one.p95, one.maximum))
        for one in shown
    ]
    if len(shown) > 2 and len(set(figures)) == 1:
        what, labels, figures = "", [f"all {len(shown)}"], figures[:1]
    width = max(map(len, labels), default=0)
    header = f"{what:{width + SPARK_WIDTH + 1}} last mean   p5  p95  max"
    rows = [f"{label:{width}} {figure}" for label, figure in zip(labels, figures, strict=True)]
    room = MAX_SECTION_TEXT - len(title) - len(note) - len(fence([""])) - 2
    body = cut("\n".join(split_backticks(escape(row)) for row in [header, *rows]), room)
    return section(f"{title}\n{fence([body])}{note}")


def _labels(summaries: Sequence[MetricSummary]) -> tuple[str, list[str]]:
    """The column header, and a short label for each row: node names without their common prefix."""
    series = [one.series for one in summaries]
    nodes = sorted({one.node for one in series if one.node})
    first, last = (nodes[0], nodes[-1]) if len(nodes) > 1 else ("", "")
    differ = next((index for index, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), 0)
    shared = len(first[:differ].rstrip("0123456789"))
    names = [one.node[shared:][-12:] if one.node else "all" for one in series]
    if all(one.gpu is None for one in series):
        return ("node" if nodes else ""), names
    gpus = ["all" if one.gpu is None else str(one.gpu) for one in series]
    if not nodes:
        return "gpu", gpus
    return "node/gpu", [f"{name}/{gpu}" for name, gpu in zip(names, gpus, strict=True)]


def _curve(name: str, one: MetricSummary, answer: MetricsAnswer) -> Block:
    """A series without a fixed scale, drawn from its minimum to its maximum, with exact figures."""
    means = bucket_means(one.series, answer.start, answer.end, CURVE_WIDTH)
    line = sparkline(means, lowest=one.minimum, highest=one.maximum)
    first = f"last {one.last:.4g}  min {one.minimum:.4g}  max {one.maximum:.4g}"
    second = f"mean {one.mean:.4g}  p5 {one.p5:.4g}  p95 {one.p95:.4g}"
    return section(f"*{escaped_title(name)}*\n{fence([line, first, second])}")


def _figure(value: float) -> str:
    """A number in about four characters."""
    if abs(value) >= 9.95 or value == 0:
        return f"{value:.0f}"
    if abs(value) >= 0.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.005 else f"{value:.0e}".replace("e-0", "e-")


def _spark(one: MetricSummary, answer: MetricsAnswer, highest: float | None) -> str:
    buckets = bucket_means(one.series, answer.start, answer.end, SPARK_WIDTH)
    top = highest or max((point.value for point in one.series.points if math.isfinite(point.value)), default=1.0) or 1.0
    return f"{sparkline(buckets, lowest=0.0, highest=top):{SPARK_WIDTH}}"
