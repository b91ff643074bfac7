"""Slack's own charts: the block `data_visualization`. Pure.

A chart has up to 20 categories and 6 series, and each series exactly one finite value for each category. Workspaces get
the block in phases: one without it refuses the message with `invalid_blocks`, which `bot.slack.client` handles. Only
messages take charts, modals and App Home do not. Source: https://docs.slack.dev/reference/block-kit/blocks/
data-visualization-block (documented, read 2026-11-29).
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.domain.charts import LIMIT, LineChart, what_is_left
from bot.domain.metrics import sparkline
from bot.slack.render.blocks import section
from bot.slack.render.message import Block
from bot.slack.render.text import cut, escape, fence, one_line, split_backticks, unmarked_line

CHART_TYPE = "data_visualization"
MAX_CHARTS = 2
"""In one message."""
MOST_LEVELS = 2
_MAX_TITLE, _MAX_LABEL = 50, 20
_MAX_LINES, _MAX_CATEGORIES = 6, 20
_DIGITS = 4


def chart_block(chart: LineChart) -> Block | None:
    """Chart what all lines have values for; None if that is fewer than two points.

    A level is a separate line, and a moment marks the label of its point. An axis begins at zero, so values near
    their limit are charted as what is left of it.
    """
    chart = what_is_left(chart)
    lines = [line for line in chart.lines if any(math.isfinite(point.y) for point in line.points)]
    shown_levels = [level for level in chart.levels if level.name != LIMIT][:MOST_LEVELS]
    lines = lines[: _MAX_LINES - len(shown_levels)]
    values = [{point.x: point.y for point in line.points if math.isfinite(point.y)} for line in lines]
    kept = _evenly(sorted(set.intersection(*map(set, values))), _MAX_CATEGORIES) if values else []
    if len(kept) < 2:
        return None
    labels = _labels(kept, chart)
    names = _names([*(line.name for line in lines), *(level.name for level in shown_levels)], chart.title)
    rows = [*([line[x] for x in kept] for line in values), *([level.value] * len(kept) for level in shown_levels)]
    series = [
        {"name": name, "data": [{"label": label, "value": _rounded(y)} for label, y in zip(labels, row, strict=True)]}
        for name, row in zip(names, rows, strict=True)
    ]
    axes: dict[str, object] = {"categories": labels, "x_label": "UTC" if chart.is_time else "step"}
    if chart.unit:
        axes["y_label"] = cut(chart.unit, _MAX_LABEL)
    return {
        "type": CHART_TYPE,
        "title": unmarked_line(chart.title, _MAX_TITLE) or "-",
        "chart": {"type": "line", "series": series, "axis_config": axes},
    }


def is_chart(block: Block) -> bool:
    """Whether the block is a chart of Slack."""
    return block.get("type") == CHART_TYPE


def chart_as_text(block: Block) -> Block:
    """The same chart as sparklines, each from its lowest to its highest value, for where Slack takes no charts."""
    title, drawn = block["title"], block["chart"]
    assert isinstance(drawn, dict)
    unit = str(drawn["axis_config"].get("y_label", ""))
    width = max(len(one["name"]) for one in drawn["series"])
    rows = []
    for one in drawn["series"]:
        values = [point["value"] for point in one["data"]]
        low, high = min(values), max(values)
        bars = sparkline(values) if high > low else ""
        figures = f"{_number(low)} to {_number(high)}" if high > low else _number(low)
        rows.append(f"{one['name']:{width}} {bars} {figures} {unit}".rstrip())
    first, last = drawn["axis_config"]["categories"][0], drawn["axis_config"]["categories"][-1]
    span = f"{first} to {last} {drawn['axis_config']['x_label']}"
    lines = "\n".join(split_backticks(escape(row)) for row in rows)
    return section(f"*{one_line(str(title), _MAX_TITLE)}* {escape(span)}\n{fence([lines])}")


def _number(value: float) -> str:
    return f"{value:,.{_DIGITS}g}" if abs(value) < 1e4 else f"{value:.{_DIGITS}g}"


def _evenly(xs: Sequence[float], most: int) -> Sequence[float]:
    """At most this many of the values, evenly spaced, with the first and the last."""
    if len(xs) <= most:
        return xs
    return [xs[round(index * (len(xs) - 1) / (most - 1))] for index in range(most)]


def _labels(xs: Sequence[float], chart: LineChart) -> list[str]:
    """A different label for each point: minutes, seconds if minutes repeat, with the date over more than a day."""
    if not chart.is_time:
        forms = [[f"{x:,.0f}" for x in xs]]
    else:
        times = [datetime.fromtimestamp(x, UTC) for x in xs]
        patterns = ("%-d %b %H:%M", "%-d %b %H:%M:%S") if xs[-1] - xs[0] > 86_400 else ("%H:%M", "%H:%M:%S")
        forms = [[f"{at:{pattern}}" for at in times] for pattern in patterns]
    forms.append([str(number) for number in range(1, len(xs) + 1)])
    labels = next(labels for labels in forms if len(set(labels)) == len(labels) and max(map(len, labels)) <= _MAX_LABEL)
    for moment in chart.moments:
        at = min(range(len(xs)), key=lambda index: abs(xs[index] - moment.x))
        marked = f"{labels[at]} {unmarked_line(moment.name, _MAX_LABEL)}"
        if xs[0] <= moment.x <= xs[-1] and len(marked) <= _MAX_LABEL:
            labels[at] = marked
    return labels


def _names(wanted: Sequence[str], title: str) -> list[str]:
    """A different name for each line, at most 20 characters."""
    names: list[str] = []
    for at, one in enumerate(wanted, 1):
        name = unmarked_line(one or title, _MAX_LABEL) or "-"
        names.append(name if name not in names else f"{at}: {name}"[:_MAX_LABEL])
    return names


def _rounded(value: float) -> float:
    """Four significant digits, unless that is beyond the largest number."""
    rounded = float(f"{value:.{_DIGITS}g}")
    return rounded if math.isfinite(rounded) else value
