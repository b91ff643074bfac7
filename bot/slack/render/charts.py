"""Slack's own charts: the block `data_visualization`. Pure.

A chart has up to 20 categories and 6 series, and each series exactly one finite value for each category. Workspaces get
the block in phases: one without it refuses the message with `invalid_blocks`, which `bot.slack.client` handles. Only
messages take charts, modals and App Home do not. Source: https://docs.slack.dev/reference/block-kit/blocks/
data-visualization-block (documented, read 2026-11-29).
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.domain.charts import ChartLine, LineChart
from bot.slack.render.message import Block
from bot.slack.render.text import clean, cut

CHART_TYPE = "data_visualization"
MAX_CHARTS = 2
"""In one message."""
_MAX_TITLE, _MAX_LABEL = 50, 20
_MAX_LINES, _MAX_CATEGORIES = 6, 20
_DIGITS = 4
_LOOKALIKES = str.maketrans("<>&", "\u2039\u203a+")


def chart_block(chart: LineChart) -> Block | None:
    """Chart what all lines have values for; None if that is fewer than two points."""
    lines = [line for line in chart.lines if any(math.isfinite(point.y) for point in line.points)][:_MAX_LINES]
    values = [{point.x: point.y for point in line.points if math.isfinite(point.y)} for line in lines]
    kept = sorted(set.intersection(*map(set, values)))[:_MAX_CATEGORIES] if values else []
    if len(kept) < 2:
        return None
    labels = _labels(kept, is_time=chart.is_time)
    names = _names(lines, chart.title)
    series = [
        {
            "name": name,
            "data": [{"label": label, "value": _rounded(line[x])} for label, x in zip(labels, kept, strict=True)],
        }
        for name, line in zip(names, values, strict=True)
    ]  # fmt: skip
    axes: dict[str, object] = {"categories": labels, "x_label": "UTC" if chart.is_time else "step"}
    if chart.unit:
        axes["y_label"] = cut(chart.unit, _MAX_LABEL)
    return {
        "type": CHART_TYPE,
        "title": _plain(chart.title, _MAX_TITLE),
        "chart": {"type": "line", "series": series, "axis_config": axes},
    }


def is_chart(block: Block) -> bool:
    """Whether the block is a chart of Slack."""
    return block.get("type") == CHART_TYPE


def _labels(xs: Sequence[float], *, is_time: bool) -> list[str]:
    """A different label for each point: minutes, seconds if minutes repeat, with the date over more than a day."""
    if not is_time:
        forms = [[f"{x:,.0f}" for x in xs]]
    else:
        times = [datetime.fromtimestamp(x, UTC) for x in xs]
        patterns = ("%-d %b %H:%M", "%-d %b %H:%M:%S") if xs[-1] - xs[0] > 86_400 else ("%H:%M", "%H:%M:%S")
        forms = [[f"{at:{pattern}}" for at in times] for pattern in patterns]
    forms.append([str(number) for number in range(1, len(xs) + 1)])
    return next(labels for labels in forms if len(set(labels)) == len(labels))


def _names(lines: Sequence[ChartLine], title: str) -> list[str]:
    """A different name for each line, at most 20 characters."""
    names: list[str] = []
    for at, line in enumerate(lines, 1):
        name = _plain(line.name or title, _MAX_LABEL)
        names.append(name if name not in names else f"{at}: {name}"[:_MAX_LABEL])
    return names


def _plain(text: str, limit: int) -> str:
    """Foreign text as one line without markup: Slack documents no escaping for the texts of a chart."""
    line = " ".join(clean(text).translate(_LOOKALIKES).split())
    return cut(line, limit) or "-"


def _rounded(value: float) -> float:
    """Four significant digits, unless that is beyond the largest number."""
    rounded = float(f"{value:.{_DIGITS}g}")
    return rounded if math.isfinite(rounded) else value
