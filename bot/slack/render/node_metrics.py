"""The summary of metrics that fits a phone: a row for each node's GPUs, and other metrics in one line. Pure."""

from collections.abc import Sequence

from bot.commands.subcommands.jobs import MetricsAnswer
from bot.domain.metrics import GPU_MEMORY, GPU_UTILIZATION, SERVING_METRICS, MetricSummary, display_unit
from bot.domain.node_metrics import (
    ChartScale,
    MetricRange,
    NodeUsage,
    chart_scale,
    combined_curve,
    draw_chart,
    node_usage,
    other_ranges,
)
from bot.slack.render.blocks import context
from bot.slack.render.message import Block
from bot.slack.render.tables import table_block
from bot.slack.render.text import unmarked_line

_MAX_NODES = 12
_CHART_WIDTH = 8
_NODE_CHARS = 8
_TABLE_BUDGET = 2500
_TITLES = {
    "cpu_usage_cores": "CPU",
    "memory_used_bytes": "memory",
    "ephemeral_storage_used_bytes": "storage",
    "ephemeral_storage_utilization_ratio": "storage",
    "cache_used_bytes": "cache",
    "cache_utilization_ratio": "cache",
}


def gpu_table(answer: MetricsAnswer) -> tuple[Block | None, str]:
    """A row for each node: lowest, mean and highest sample of its GPUs, and a sparkline of the fullest GPU's memory.

    Returns:
        The table, None without GPUs; and what its figures are, and which nodes it shows, if not all.
    """
    nodes = node_usage(answer.summaries)
    if not nodes:
        return None, ""
    shown = _most_notable(nodes)
    memory = [one.memory for one in nodes if one.memory is not None]
    limit = max((one.limit or 0.0 for one in memory), default=0.0)
    curves = [combined_curve(one.memory.series if one.memory else (), (answer.start, answer.end), _CHART_WIDTH)
              for one in shown]  # fmt: skip
    scale = chart_scale(GPU_MEMORY, curves, limit)
    title = f"GiB of {limit / 2**30:.0f}" if limit else "GiB"
    header = ("Node", "Util %", title, f"Memory {_scale_title(scale)}" if memory else "")
    rows = [
        (
            _short(one.node, nodes),
            _range(one.utilization, GPU_UTILIZATION),
            _range(one.memory, GPU_MEMORY),
            draw_chart(curve, scale) if one.memory else "",
        )
        for one, curve in zip(shown, curves, strict=True)
    ]
    is_cut = len(shown) < len(nodes)
    cut_note = f"showing {len(shown)} of {len(nodes)} nodes: the least busy and the fullest" if is_cut else ""
    note = " · ".join(filter(None, ("Util % and GiB: lowest/mean/highest of each node's GPUs", cut_note)))
    return table_block(header, rows, _TABLE_BUDGET, numbers=(1, 2))[0], note


def other_line(summaries: Sequence[MetricSummary]) -> Block | None:
    """CPU, memory, storage and cache in one line."""
    words: dict[str, str] = {}
    for name, values in other_ranges(summaries):
        _, scale, unit = display_unit(name)
        if name not in _TITLES:
            continue
        title = _TITLES[name]
        if unit == "%":
            words[title] = f"{words.get(title, title)} ({values.mean:.0%})"
        else:
            limit = f" of {values.limit * scale:,.0f}" if values.limit else ""
            words[title] = f"{title} {values.mean * scale:,.0f}{limit} {unit}"
    return context([" · ".join(words.values())])


def curve_names(summaries: Sequence[MetricSummary]) -> list[str]:
    """The metrics that are about neither GPUs nor requests, and not in `other_line`, such as a loss."""
    return [name for name, _ in other_ranges(summaries) if name not in _TITLES and name not in SERVING_METRICS]


def _most_notable(nodes: Sequence[NodeUsage]) -> Sequence[NodeUsage]:
    """All nodes, or of many the least busy and the fullest ones, in their order."""
    if len(nodes) <= _MAX_NODES:
        return nodes
    least_busy = sorted(nodes, key=lambda one: one.utilization.mean if one.utilization else 2.0)
    fullest = sorted(nodes, key=lambda one: -one.memory.maximum if one.memory else 0.0)
    chosen = dict.fromkeys(one.node for pair in zip(least_busy, fullest, strict=True) for one in pair)
    kept = set(list(chosen)[:_MAX_NODES])
    return [one for one in nodes if one.node in kept]


def _range(values: MetricRange | None, name: str) -> str:
    if values is None:
        return "-"
    _, scale, _ = display_unit(name)
    return "/".join(f"{value * scale:.0f}" for value in (values.minimum, values.mean, values.maximum))


def _scale_title(scale: ChartScale) -> str:
    return f"{scale.lowest / 2**30:.0f}-{scale.highest / 2**30:.0f}"


def _short(node: str | None, nodes: Sequence[NodeUsage]) -> str:
    """A node's name without what all names share."""
    if node is None:
        return "all"
    names = sorted({one.node for one in nodes if one.node})
    first, last = names[0], names[-1]
    differ = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), 0)
    shared = len(first[:differ].rstrip("0123456789")) if len(names) > 1 else 0
    return unmarked_line(node[shared:], 80)[-_NODE_CHARS:]
